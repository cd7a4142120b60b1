/**
 * What a peer must be told. Names are those of zoo.cfg and of Apache's system properties (operations.md 2 and 3) wherever
 * there is one; times are milliseconds unless they are said to be ticks.
 */
import type { EnsembleConfig, Sid } from '@zk/protocol';

/** The part that has no sensible default. */
export interface Membership {
  readonly sid: Sid;
  /** null: standalone, an ensemble of one that neither elects nor listens. */
  readonly ensemble: EnsembleConfig | null;
  /** The last configuration proposed to this member, if it is newer than `ensemble` (Apache's zoo.cfg.dynamic.next). */
  readonly lastSeen?: EnsembleConfig | null;
}

/** How often, how long, how much. */
export interface Timing {
  readonly tickTime: number;
  /** Ticks a learner may take to connect to its leader and to be synced. */
  readonly initLimit: number;
  /** Ticks of silence after which learner and leader give each other up. */
  readonly syncLimit: number;
  /** Ticks a learner may take to connect; 0: initLimit. */
  readonly connectToLearnerMasterLimit: number;
  /** Null: 2 ticks. */
  readonly minSessionTimeout: number | null;
  /** Null: 20 ticks. */
  readonly maxSessionTimeout: number | null;
  /** A connection that has not sent its ConnectRequest after this long is closed. */
  readonly sessionlessCnxnTimeout: number;
  readonly leaderConnectDelayDuringRetryMs: number;
}

export interface ElectionConfig {
  readonly minNotificationInterval: number;
  readonly maxNotificationInterval: number;
  /** How long a winning vote waits for a better one. */
  readonly finalizeWait: number;
  /** An observer that lost its leader looks again after a random part of this. */
  readonly observerElectionDelayMs: number;
  /** An observer dials its leader after a random part of this. */
  readonly observerReconnectDelayMs: number;
}

export interface QuorumConfig {
  /** false: the leader keeps its client port shut once it serves learners. */
  readonly leaderServes: boolean;
  /** Learners brought up to date at the same time; further ones are refused and come again. */
  readonly maxConcurrentSnapSyncs: number;
  readonly maxConcurrentDiffSyncs: number;
  /** Committed proposals kept for DIFF; at least 500. */
  readonly commitLogCount: number;
  /** DIFF is sent from the log on disk while it is smaller than this share of a snapshot; negative: never. */
  readonly snapshotSizeFactor: number;
  readonly forceSnapshotSync: boolean;
  /** Give up discovery when no epoch quorum came after this long; −1: only after initLimit. */
  readonly leaderMaxTimeToWaitForEpoch: number;
  /** Observers keep a txn log (`syncEnabled`). */
  readonly observerSyncEnabled: boolean;
  /** Where followers take observers; null: observers go to the leader. Ours take none as followers. */
  readonly observerMasterPort: number | null;
  readonly reconfigEnabled: boolean;
}

export interface StorageConfig {
  /** Txns between checkpoints; each time a random number between half of it and all of it. */
  readonly snapCount: number;
  /** Bytes of txns between two checkpoints, at most (snapSizeLimitInKb); ≤ 0: no limit. */
  readonly snapSizeLimit: number;
  /** Save the tree when asked to stop, so that the next start has nothing to replay; for stores to which that costs what has changed. */
  readonly checkpointAtStop: boolean;
  /** The most that znodes may take in memory, in bytes, as long as a checkpoint has them; 0: no bound. */
  readonly cacheBytes: number;
  readonly digestEnabled: boolean;
  readonly closeSessionTxnEnabled: boolean;
  readonly extendedTypesEnabled: boolean;
  readonly emulate353TTLNodes: boolean;
  readonly containerCheckIntervalMs: number;
  readonly containerMaxPerMinute: number;
  /** 0: a container that never had a child stays. */
  readonly containerMaxNeverUsedIntervalMs: number;
}

export interface RequestConfig {
  /** `jute.maxbuffer`: bytes in one packet or record. */
  readonly maxBuffer: number;
  /** `jute.maxbuffer.extrasize`: slack on the quorum port and when reading files. */
  readonly maxBufferExtra: number;
  /** Requests in progress at which clients are no longer read; a member of a larger ensemble takes its share. */
  readonly globalOutstandingLimit: number;
  /** Bytes of large requests in progress together; a request is large above the threshold, −1: never. */
  readonly largeRequestMaxBytes: number;
  readonly largeRequestThreshold: number;
  readonly requestThrottleMaxRequests: number;
  readonly requestThrottleStallTime: number;
  readonly requestThrottleDropStale: boolean;
  /** How long a stop waits at most until everything that was asked is answered, ms. */
  readonly shutdownTimeout: number;
  readonly requestStaleLatencyCheck: boolean;
  readonly requestStaleConnectionCheck: boolean;
  /** 0: off; otherwise a request that waited longer is answered THROTTLEDOP. */
  readonly throttledOpWaitTime: number;
  readonly connectionThrottleTokens: number;
  readonly connectionThrottleFillTime: number;
  readonly connectionThrottleFillCount: number;
  readonly connectionThrottleFreezeTime: number;
  readonly connectionThrottleDropIncrease: number;
  readonly connectionThrottleDropDecrease: number;
  readonly connectionThrottleDecreaseRatio: number;
  readonly connectionThrottleWeightEnabled: boolean;
  readonly connectionThrottleGlobalSessionWeight: number;
  readonly connectionThrottleLocalSessionWeight: number;
  readonly connectionThrottleRenewSessionWeight: number;
  readonly enforceQuota: boolean;
  readonly localSessionsEnabled: boolean;
  readonly localSessionsUpgradingEnabled: boolean;
  /** Serve reads to clients that asked for it while there is no quorum. */
  readonly readOnlyMode: boolean;
}

export interface AuthConfig {
  readonly skipACL: boolean;
  readonly enableEagerACLCheck: boolean;
  readonly digestEnabled: boolean;
  /** JCA's name of the digest: SHA1, SHA-256 … */
  readonly digestAlgorithm: string;
  /** `user:base64` of the super user's digest. */
  readonly superDigest: string | null;
  /** Whether ACLs may name the owners of certificates: with a secure client port only. */
  readonly x509Enabled: boolean;
  readonly x509SuperUser: string | null;
  readonly ensembleAuthName: string | null;
  readonly enforceAuthEnabled: boolean;
  readonly enforceAuthSchemes: readonly string[];
  readonly sessionRequireClientSASLAuth: boolean;
}

export interface PeerOptions extends Timing, QuorumConfig, StorageConfig, RequestConfig {
  readonly election: ElectionConfig;
  readonly auth: AuthConfig;
}

export interface PeerConfig extends Membership, PeerOptions {}

/** Apache 3.9.5's defaults; initLimit and syncLimit are those of its sample configuration (mandatory there). */
const defaultOptions: PeerOptions = {
  tickTime: 3000,
  initLimit: 10,
  syncLimit: 5,
  connectToLearnerMasterLimit: 0,
  minSessionTimeout: null,
  maxSessionTimeout: null,
  sessionlessCnxnTimeout: 10_000,
  leaderConnectDelayDuringRetryMs: 100,

  leaderServes: true,
  maxConcurrentSnapSyncs: 10,
  maxConcurrentDiffSyncs: 100,
  commitLogCount: 500,
  snapshotSizeFactor: 0.33,
  forceSnapshotSync: false,
  leaderMaxTimeToWaitForEpoch: -1,
  observerSyncEnabled: true,
  observerMasterPort: null,
  reconfigEnabled: false,

  snapCount: 100_000,
  snapSizeLimit: 4 * 2 ** 30,
  checkpointAtStop: false,
  cacheBytes: 0,
  digestEnabled: true,
  closeSessionTxnEnabled: true,
  extendedTypesEnabled: false,
  emulate353TTLNodes: false,
  containerCheckIntervalMs: 60_000,
  containerMaxPerMinute: 10_000,
  containerMaxNeverUsedIntervalMs: 0,

  maxBuffer: 0xfffff,
  maxBufferExtra: 0xfffff,
  globalOutstandingLimit: 1000,
  largeRequestMaxBytes: 104_857_600,
  largeRequestThreshold: -1,
  requestThrottleMaxRequests: 0,
  requestThrottleStallTime: 100,
  requestThrottleDropStale: true,
  shutdownTimeout: 10_000,
  requestStaleLatencyCheck: false,
  requestStaleConnectionCheck: true,
  throttledOpWaitTime: 0,
  connectionThrottleTokens: 0,
  connectionThrottleFillTime: 1,
  connectionThrottleFillCount: 1,
  connectionThrottleFreezeTime: -1,
  connectionThrottleDropIncrease: 0.02,
  connectionThrottleDropDecrease: 0.002,
  connectionThrottleDecreaseRatio: 0,
  connectionThrottleWeightEnabled: false,
  connectionThrottleGlobalSessionWeight: 3,
  connectionThrottleLocalSessionWeight: 1,
  connectionThrottleRenewSessionWeight: 2,
  enforceQuota: false,
  localSessionsEnabled: false,
  localSessionsUpgradingEnabled: false,
  readOnlyMode: false,

  election: {
    minNotificationInterval: 200,
    maxNotificationInterval: 60_000,
    finalizeWait: 200,
    observerElectionDelayMs: 200,
    observerReconnectDelayMs: 0,
  },
  auth: {
    skipACL: false,
    enableEagerACLCheck: false,
    digestEnabled: true,
    digestAlgorithm: 'SHA1',
    superDigest: null,
    x509Enabled: false,
    x509SuperUser: null,
    ensembleAuthName: null,
    enforceAuthEnabled: false,
    enforceAuthSchemes: [],
    sessionRequireClientSASLAuth: false,
  },
};

/** What may be left out when a PeerConfig is made: everything but the membership, nested groups option by option. */
export type PeerSettings = Membership &
  Partial<Omit<PeerOptions, 'election' | 'auth'>> & {
    readonly election?: Partial<ElectionConfig>;
    readonly auth?: Partial<AuthConfig>;
  };

export function peerConfig(settings: PeerSettings): PeerConfig {
  return {
    ...defaultOptions,
    ...settings,
    election: { ...defaultOptions.election, ...settings.election },
    auth: { ...defaultOptions.auth, ...settings.auth },
  };
}

/** The bounds a client's session timeout is negotiated into, in ms (client.md 1.3). */
export function sessionTimeoutBounds(config: PeerConfig): { readonly min: number; readonly max: number } {
  return {
    min: config.minSessionTimeout ?? 2 * config.tickTime,
    max: config.maxSessionTimeout ?? 20 * config.tickTime,
  };
}

/** How long a learner may take to reach its leader, in ms (quorum.md 6.3). */
export function connectBudgetMs(config: PeerConfig): number {
  return config.tickTime * (config.connectToLearnerMasterLimit || config.initLimit);
}
