import type { Distribution, PeerStatus } from '@zk/peer';
import { ZOOKEEPER_VERSION } from '../version.ts';
import { average } from './java-format.ts';
import type { LabelledSet } from './labelled-sets.ts';
import { measurementsOf, type Measurements, type MonitorValue } from './measurements.ts';
import { modeOf, type Traffic } from './texts.ts';
import type { AdminView } from './view.ts';

/** `mntr` and `/commands/monitor`: version and state first, then names without prefix, in Apache's order of kinds. */
export interface Monitor {
  readonly version: string;
  readonly serverState: string;
  /** `leading - broadcast`; `null` standalone. */
  readonly peerState: string | null;
  readonly values: readonly (readonly [string, MonitorValue])[];
}

export function monitorOf(view: AdminView, traffic: Traffic): Monitor {
  const measured = measurementsOf(view, traffic);
  return {
    version: ZOOKEEPER_VERSION,
    serverState: modeOf(view.status),
    peerState: peerStateOf(view.status),
    values: [
      ...measured.gauges,
      ...labelled(measured.sets.gauges),
      ...measured.counters,
      ...labelled(measured.sets.counters),
      ...summaries(measured),
      ...labelled(measured.sets.basic).flatMap(([name, summary]) => basicLines(name, summary)),
      ...labelled(measured.sets.advanced).flatMap(([name, summary]) => advancedLines(name, summary)),
    ],
  };
}

/** `mntr`. Agents take every line apart at the tab: no line may have another form. */
export function mntr(view: AdminView, traffic: Traffic): string {
  const { version, serverState, peerState, values } = monitorOf(view, traffic);
  const head = [`zk_version\t${version}`, `zk_server_state\t${serverState}`, ...(peerState === null ? [] : [`zk_peer_state\t${peerState}`])];
  const lines = values.map(([name, value]) => `zk_${name}\t${typeof value === 'number' ? Math.trunc(value) : average(value.double)}`);
  return `${[...head, ...lines].join('\n')}\n`;
}

const PEER_STATES: Partial<Record<PeerStatus['role'], string>> = { leading: 'leading', following: 'following', observing: 'observing', looking: 'looking' };

function peerStateOf({ ensemble, role, serving }: PeerStatus): string | null {
  if (ensemble === null) return null;
  return `${PEER_STATES[role] ?? 'looking'} - ${zabStateOf(role, serving)}`;
}

/** `election`, `synchronization` or `broadcast`. */
export function zabStateOf(role: PeerStatus['role'], serving: PeerStatus['serving']): string {
  if (role === 'looking' || role === 'draining' || role === 'stopped') return 'election';
  return serving === null ? 'synchronization' : 'broadcast';
}

const PERCENTILES = [['p50', 0.5], ['p95', 0.95], ['p99', 0.99], ['p999', 0.999]] as const;

function summaries({ basic, advanced }: Measurements): [string, MonitorValue][] {
  const lines: [string, MonitorValue][] = [];
  for (const [name, summary] of basic) lines.push(...basicLines(name, summary));
  for (const [name, summary] of advanced) lines.push(...advancedLines(name, summary));
  return lines;
}

/** The label comes in front. Agents take lines apart at blanks, so that a blank in the name of a znode must not be one here. */
function labelled<T>(sets: readonly LabelledSet<T>[]): [string, T][] {
  return sets.flatMap(([name, values]) => values.map(([label, value]): [string, T] => [`${label.replace(/[^\w.-]/g, '_')}_${name}`, value]));
}

function advancedLines(name: string, summary: Distribution): [string, MonitorValue][] {
  const percentiles = PERCENTILES.map(([label, share]): [string, MonitorValue] => [`${label}_${name}`, summary.percentile(share)]);
  return [...basicLines(name, summary), ...percentiles];
}

function basicLines(name: string, { average: mean, min, max, count, sum }: Distribution): [string, MonitorValue][] {
  return [[`avg_${name}`, { double: mean }], [`min_${name}`, min], [`max_${name}`, max], [`cnt_${name}`, count], [`sum_${name}`, sum]];
}
