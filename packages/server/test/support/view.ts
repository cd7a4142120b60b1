import { LearnerMetrics, PathTraffic, type PeerStatus } from '@zk/peer';
import { asSessionId, asSid, asZxid, EnsembleConfig, type SessionId } from '@zk/protocol';
import { ServerMetrics } from '../../src/admin/server-metrics.ts';
import type { AdminView } from '../../src/admin/view.ts';
import { parseConfig } from '../../src/config.ts';
import type { ConnectionStatus } from '../../src/admin/texts.ts';

export const session = (id: bigint): SessionId => asSessionId(id);

/** A connection without a session, as one that brought a four-letter word. */
export function connection(remotePort: number, more: Partial<ConnectionStatus> = {}): ConnectionStatus {
  return {
    remoteAddress: '127.0.0.1', remotePort, secure: false, queued: 0, received: 0, sent: 0, reads: 0, writes: 0, reading: true, session: null, timeOut: 10_000,
    lastOp: 0, establishedAt: 0, lastCxid: -1, lastZxid: -1n, lastResponseTime: 0, lastLatency: 0, minLatency: Infinity, averageLatency: 0, maxLatency: 0,
    ...more,
  };
}

type PipelineStatus = PeerStatus['pipeline'];
type Counters = PipelineStatus['metrics']['counters'];

const counters: Partial<Counters> = { auth_failed_count: 0, digest_mismatches_count: 0, packets_received: 0, packets_sent: 0, commit_count: 12 };

/** One clock reading for ever: every request is looked at. */
export const STANDING_CLOCK = { now: () => 0, wallTime: () => 0 };

const idlePipeline: PipelineStatus = {
  connections: [], outstanding: 0, packetsReceived: 0, packetsSent: 0,
  latency: { min: 0, average: 0, max: 0 }, responseSize: { last: -1, min: -1, max: -1 }, watchCount: 0,
  watches: { counts: () => ({ watchers: 0, paths: 0, entries: 0 }), sessionsByPath: () => new Map(), pathsBySession: () => new Map() },
  localSessions: 0, sessionBuckets: [], connectionBuckets: [], connectionDropProbability: 0,
  metrics: { counters, basic: {}, advanced: {}, paths: new PathTraffic(STANDING_CLOCK), quotaExceeded: new Map(), learners: new Map(), reset: () => {} } as unknown as PipelineStatus['metrics'],
};

export interface ViewParts {
  readonly lines?: readonly string[];
  readonly status?: Partial<PeerStatus>;
  readonly pipeline?: Partial<PipelineStatus>;
  readonly view?: Partial<AdminView>;
}

/** An empty standalone server of the captures' configuration, changed by the parts given. */
export function viewWith({ lines = [], status = {}, pipeline = {}, view = {} }: ViewParts = {}): AdminView {
  const config = parseConfig(['dataDir=/var/lib/zookeeper', 'tickTime=2000', 'clientPort=22340', ...lines].join('\n'), { file: 'zoo.cfg', path: null });
  return {
    config,
    status: {
      sid: asSid(1n), role: 'standalone', serving: 'standalone', stopping: false, inRoleForMs: 2000, leader: null, missing: [], distrusted: [], ensemble: null,
      acceptedEpoch: 0n, currentEpoch: 0n, lastLogged: asZxid(0n), lastCommitted: asZxid(0n), pendingTxns: 0, learners: [],
      disk: { shortage: null, checkpoint: null },
      tree: { nodes: 4, ephemerals: 0, approximateDataSize: 44, lastZxid: asZxid(0n), digest: 0n, globalSessions: 0 },
      pipeline: { ...idlePipeline, ...pipeline },
      ...status,
    },
    metrics: new ServerMetrics(),
    now: 0,
    wallTime: Date.UTC(2026, 10, 21, 2, 25, 23),
    directorySizes: { data: 67109337, log: 67109337 },
    globalSessions: () => [],
    ephemerals: () => [],
    quotas: () => [],
    rootAcl: () => [],
    lastSnapshot: () => ({ zxid: -1n, time: null }),
    resetServerStats: () => {},
    resetConnectionStats: () => {},
    resetLearnerStats: () => {},
    ...view,
  };
}

/** The ensemble of the captures: three participants and an observer. */
export const CAPTURED_ENSEMBLE = EnsembleConfig.parse(
  [
    'server.1=127.0.0.1:22371:22381:participant;127.0.0.1:22350',
    'server.2=127.0.0.1:22372:22382:participant;127.0.0.1:22351',
    'server.3=127.0.0.1:22373:22383:participant;127.0.0.1:22352',
    'server.4=127.0.0.1:22374:22384:observer;127.0.0.1:22353',
    'version=100000000',
  ].join('\n'),
);

/** A server on which everything labelled has happened. */
export function busyView(serving: 'leader' | 'follower' | 'observer' | 'standalone', role: PeerStatus['role'], namespace = 'app'): AdminView {
  const paths = new PathTraffic(STANDING_CLOCK);
  paths.reads.count(`/${namespace}/x`, 90, 2);
  paths.writes.count(`/${namespace}/x`, 10, 1);
  const learner = new LearnerMetrics();
  learner.waiting(0, 0);
  learner.ackLatency.add(3);
  const learners = new Map(serving === 'leader' ? [[asSid(1n), learner]] : []);
  const quotaExceeded = new Map([[namespace, 1]]);
  const { metrics } = viewWith().status.pipeline;
  const track = { count: 5, bytes: 6, countHardLimit: -1, byteHardLimit: 100 };
  return viewWith({
    status: { serving, role, ensemble: serving === 'standalone' ? null : CAPTURED_ENSEMBLE },
    pipeline: { metrics: { ...metrics, paths, learners, quotaExceeded } as unknown as typeof metrics },
    view: { quotas: () => [{ path: `/${namespace}`, limits: track, stats: track }, { path: `/${namespace}/deep`, limits: track, stats: null }] },
  });
}
