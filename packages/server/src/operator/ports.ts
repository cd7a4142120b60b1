import type { ServerConfig } from '../config.ts';
import { exportsMetrics } from '../config/metrics-provider.ts';

/** A port that a server of this configuration opens. */
export interface PortUse {
  readonly what: string;
  /** Empty: every address. */
  readonly host: string;
  readonly port: number;
}

/** Every port a server opens, the quorum port among them although only a leader does. */
export function portsOf({ client, ensemble, sid, settings }: ServerConfig): PortUse[] {
  const own = ensemble?.servers.get(sid)?.addresses ?? [];
  const admin = { what: 'admin', host: settings.get('admin.serverAddress'), port: settings.get('admin.serverPort') };
  const metrics = { what: 'metrics', host: settings.get('metricsProvider.httpHost'), port: settings.get('metricsProvider.httpPort') };
  return [
    ...(client === null ? [] : [{ what: 'client', host: client.host ?? '', port: client.port }]),
    ...own.map(({ host, quorumPort }) => ({ what: 'quorum', host, port: quorumPort })),
    ...own.map(({ host, electionPort }) => ({ what: 'election', host, port: electionPort })),
    ...(settings.get('admin.enableServer').toLowerCase() === 'false' ? [] : [admin]),
    ...(exportsMetrics(settings) ? [metrics] : []),
  ];
}
