export type Format = 'text' | 'openmetrics' | 'protobuf';

const MEDIA: readonly { readonly type: string; readonly format: Format; fits(parameters: ReadonlyMap<string, string>): boolean }[] = [
  {
    type: 'application/vnd.google.protobuf',
    format: 'protobuf',
    fits: (parameters) => parameters.get('proto') === 'io.prometheus.client.MetricFamily' && parameters.get('encoding') === 'delimited',
  },
  { type: 'application/openmetrics-text', format: 'openmetrics', fits: () => true },
  { type: 'text/plain', format: 'text', fits: () => true },
  { type: 'text/*', format: 'text', fits: () => true },
  { type: '*/*', format: 'text', fits: () => true },
];

/** The form an Accept header likes best; the text that everything understands where it likes none. */
export function formatFor(accept: string | undefined): Format {
  let best: { format: Format; weight: number } = { format: 'text', weight: 0 };
  for (const range of (accept ?? '').split(',')) {
    const [type = '', ...rest] = range.split(';').map((part) => part.trim());
    const parameters = new Map(rest.map((part) => part.split('=').map((word) => word.trim()) as [string, string]));
    const media = MEDIA.find((one) => one.type === type.toLowerCase() && one.fits(parameters));
    const weight = Number(parameters.get('q') ?? 1);
    if (media !== undefined && weight > best.weight) best = { format: media.format, weight };
  }
  return best.format;
}
