import { KEY_NOTES } from './key-notes.ts';
import { FAMILIES, KEYS, specOf, type KeyName, type Scope, type Support } from './keys.ts';

const HEADINGS: Record<Support, { readonly title: string; readonly meaning: string }> = {
  honoured: { title: 'Honoured', meaning: 'They do what they do in Apache.' },
  meaningless: { title: 'Without meaning here', meaning: 'Accepted, so that a configuration need not be changed; one line at the start says why they do nothing.' },
  'not yet': { title: 'Not supported yet', meaning: 'Accepted; a warning at the start says that they have no effect.' },
  refused: { title: 'Refused', meaning: 'They promise protection that is not built yet: the server does not start rather than leave a door open.' },
};

const SCOPES: Record<Scope, string> = { file: 'zoo.cfg', property: 'zoo.cfg, -Dzookeeper.', jvm: 'zoo.cfg, -D' };

/** The tables of docs/COMPATIBILITY.md, in Markdown. */
export function keyTables(): string {
  const names = Object.keys(KEYS) as KeyName[];
  return (Object.keys(HEADINGS) as Support[]).map((support) => section(support, names.filter((name) => specOf(name).support === support))).join('\n');
}

function section(support: Support, names: readonly KeyName[]): string {
  const { title, meaning } = HEADINGS[support];
  const families = FAMILIES.filter((family) => family.support === support).map(({ prefix }) => `| \`${prefix}*\` |  |  |  |`);
  return [
    `### ${title} (${names.length})`,
    '',
    meaning,
    '',
    '| key | default | read from | note |',
    '|---|---|---|---|',
    ...names.map(row),
    ...families,
    '',
  ].join('\n');
}

function row(name: KeyName): string {
  const { fallback, scope } = specOf(name);
  const shown = fallback === null || fallback === '' ? '' : `\`${String(fallback)}\``;
  return `| \`${name}\` | ${shown} | ${SCOPES[scope]} | ${KEY_NOTES[name] ?? ''} |`;
}
