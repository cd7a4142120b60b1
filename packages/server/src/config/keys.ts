/**
 * Every configuration key ZooKeeper 3.9.5 knows: how its value is read, what it is when absent, and what this server
 * does with it. One table for zoo.cfg, `-Dzookeeper.<key>` and `--set <key>=<value>`.
 */

/** What this server does with a key. */
export type Support =
  | 'honoured'
  /** It tunes a part of the Java server that does not exist here (thread pools, NIO buffers, …). */
  | 'meaningless'
  /** Known, and not built yet: said in a warning when somebody sets it. */
  | 'not yet'
  /** As `not yet`, but ignoring it would leave a door open that the operator believes is shut: refused. */
  | 'refused';

/** Where Apache reads a key, which decides how strictly a bad value is treated. */
export type Scope =
  /** zoo.cfg, parsed explicitly: a bad value stops the start. */
  | 'file'
  /** `zookeeper.<key>`: a bad value silently falls back to the default in Apache, with a warning here. */
  | 'property'
  /** A JVM property without prefix: Apache takes it with -D only, here it may stand in the file too. */
  | 'jvm';

export interface KeySpec<V> {
  readonly scope: Scope;
  readonly support: Support;
  readonly fallback: V;
  /** What a value looks like, for messages: `a whole number`. */
  readonly expected: string;
  readonly example: string;
  /** `undefined` when the text is not a value of this key. */
  parse(text: string): V | undefined;
}

type IntOptions = { min?: number; max?: number; scope?: Scope; support?: Support };

function int<F extends number | null>(fallback: F, options: IntOptions = {}): KeySpec<number | F> {
  const { min = -(2 ** 31), max = 2 ** 31 - 1, scope = 'property', support = 'honoured' } = options;
  return {
    scope,
    support,
    fallback,
    expected: max === 65535 ? `a port from ${min} to ${max}` : min > -2 ? `a whole number of at least ${min}` : 'a whole number',
    example: max === 65535 ? '2181' : String(fallback ?? 10),
    parse: (text) => {
      const value = /^[+-]?\d+$/.test(text) ? Number(text) : Number.NaN;
      return value >= min && value <= max ? value : undefined;
    },
  };
}

function bool(fallback: boolean, scope: Scope = 'property', support: Support = 'honoured'): KeySpec<boolean> {
  const strict = (text: string): boolean | undefined => ({ true: true, false: false })[text.toLowerCase()];
  // Java's Boolean.getBoolean knows no error: everything that is not `true` is false.
  const lax = (text: string): boolean => text.toLowerCase() === 'true';
  return { scope, support, fallback, expected: "'true' or 'false'", example: String(fallback), parse: scope === 'file' ? strict : lax };
}

function yesNo(fallback: boolean, support: Support = 'honoured'): KeySpec<boolean> {
  return {
    scope: 'property',
    support,
    fallback,
    expected: "'yes' or 'no'",
    example: fallback ? 'yes' : 'no',
    parse: (text) => ({ yes: true, no: false })[text.toLowerCase()],
  };
}

function float(fallback: number, support: Support = 'honoured'): KeySpec<number> {
  const parse = (text: string): number | undefined => (text !== '' && Number.isFinite(Number(text)) ? Number(text) : undefined);
  return { scope: 'property', support, fallback, expected: 'a number', example: String(fallback), parse };
}

function text<F extends string | null>(fallback: F, scope: Scope = 'property', support: Support = 'honoured'): KeySpec<string | F> {
  return { scope, support, fallback, expected: 'text', example: fallback ?? 'text', parse: (value) => value };
}

/** The first one is the default. */
function oneOf<const C extends readonly [string, ...string[]]>(...choices: C): KeySpec<C[number]> {
  const parse = (text: string): C[number] | undefined => choices.find((choice) => choice === text.toLowerCase());
  return { scope: 'property', support: 'honoured', fallback: choices[0], expected: `one of ${choices.join(', ')}`, example: choices[0], parse };
}

const port = (scope: Scope, support: Support = 'honoured') => int(null, { scope, support, min: 0, max: 65535 });
const file = 'file' as const;
const tuning = (fallback: number) => int(fallback, { support: 'meaningless' });
const off = (fallback: number) => int(fallback, { support: 'not yet' });

/** Keys parsed explicitly from zoo.cfg (operations.md section 2). */
const FILE_KEYS = {
  clientPort: port(file),
  clientPortAddress: text(null, file),
  secureClientPort: port(file, 'refused'),
  secureClientPortAddress: text(null, file, 'refused'),
  dataDir: text(null, file),
  dataLogDir: text(null, file),
  tickTime: int(3000, { scope: file, min: 0 }),
  initLimit: int(null, { scope: file, min: 0 }),
  syncLimit: int(null, { scope: file, min: 0 }),
  connectToLearnerMasterLimit: int(0, { scope: file, min: 0 }),
  minSessionTimeout: int(-1, { scope: file }),
  maxSessionTimeout: int(-1, { scope: file }),
  maxClientCnxns: int(60, { scope: file, min: 0 }),
  clientPortListenBacklog: int(-1, { scope: file }),
  observerMasterPort: port(file),
  localSessionsEnabled: bool(false, file),
  localSessionsUpgradingEnabled: bool(false, file),
  electionAlg: int(3, { scope: file }),
  quorumListenOnAllIPs: bool(false, file),
  peerType: text(null, file),
  syncEnabled: bool(true, file),
  dynamicConfigFile: text(null, file),
  standaloneEnabled: bool(true, file),
  reconfigEnabled: bool(false, file),
  'autopurge.snapRetainCount': int(3, { scope: file, min: 0 }),
  'autopurge.purgeInterval': int(1, { scope: file, min: 0 }),
  /** Ours alone. */
  'autopurge.retainSizeInMb': int(0, { scope: file, min: 0 }),
  sslQuorum: bool(false, file, 'refused'),
  portUnification: bool(false, file, 'not yet'),
  sslQuorumReloadCertFiles: bool(false, file, 'not yet'),
  'quorum.auth.enableSasl': bool(false, file, 'refused'),
  'quorum.auth.learnerRequireSasl': bool(false, file, 'refused'),
  'quorum.auth.serverRequireSasl': bool(false, file, 'refused'),
  'quorum.auth.learner.saslLoginContext': text('QuorumLearner', file, 'not yet'),
  'quorum.auth.server.saslLoginContext': text('QuorumServer', file, 'not yet'),
  'quorum.auth.kerberos.servicePrincipal': text('zkquorum/localhost', file, 'not yet'),
  'quorum.cnxn.threads.size': int(20, { scope: file, support: 'meaningless' }),
  'jvm.pause.monitor': bool(false, file, 'meaningless'),
  'jvm.pause.info-threshold.ms': int(1000, { scope: file, support: 'meaningless' }),
  'jvm.pause.warn-threshold.ms': int(10000, { scope: file, support: 'meaningless' }),
  'jvm.pause.sleep.time.ms': int(500, { scope: file, support: 'meaningless' }),
  'metricsProvider.className': text(null, file),
  'metricsProvider.httpHost': text('0.0.0.0', file),
  'metricsProvider.httpPort': int(7000, { scope: file, min: 0, max: 65535 }),
  'metricsProvider.exportJvmInfo': bool(true, file),
  'metricsProvider.numWorkerThreads': int(1, { scope: file, support: 'meaningless' }),
  'metricsProvider.maxQueueSize': int(1000000, { scope: file, support: 'meaningless' }),
  'metricsProvider.workerShutdownTimeoutMs': int(1000, { scope: file, support: 'meaningless' }),
  'multiAddress.enabled': bool(false, file),
  'multiAddress.reachabilityCheckEnabled': bool(true, file, 'meaningless'),
  'multiAddress.reachabilityCheckTimeoutMs': int(1000, { scope: file, support: 'meaningless' }),
  oraclePath: text(null, file, 'refused'),
  /** Ours alone: written to dataDir/myid when that file is missing, so that a fresh clone starts as it is. */
  myid: text(null, file),
};

/** System properties of storage and requests (operations.md 3.1 and 3.2). */
const SERVER_KEYS = {
  preAllocSize: int(65536, { min: 1 }),
  snapCount: int(100000, { min: 2 }),
  /** Ours alone: how the tree is saved at snapCount (docs/adr/0002-checkpoint-in-lmdb.md). */
  'checkpoint.format': oneOf('lmdb', 'apache'),
  /** Ours alone: how much of the tree stays in memory, MiB (docs/adr/0006-a-bound-for-znodes-in-memory.md). */
  'checkpoint.cacheMb': int(0, { min: 0 }),
  snapSizeLimitInKb: int(4194304),
  txnLogSizeLimitInKb: int(-1),
  commitLogCount: int(500, { min: 0 }),
  snapshotSizeFactor: float(0.33),
  forceSync: yesNo(true),
  'fsync.warningthresholdms': int(1000, { min: 0 }),
  flushDelay: tuning(0),
  maxWriteQueuePollTime: tuning(0),
  maxBatchSize: tuning(1000),
  'digest.enabled': bool(true),
  'serializeLastProcessedZxid.enabled': bool(true),
  'closeSessionTxn.enabled': bool(true),
  'snapshot.compression.method': text(''),
  'snapshot.trust.empty': bool(false),
  'datadir.autocreate': bool(true),
  'db.autocreate': bool(true),
  extendedTypesEnabled: bool(false),
  emulate353TTLNodes: bool(false),
  'znode.container.checkIntervalMs': int(60000, { scope: 'jvm', min: 1 }),
  'znode.container.maxPerMinute': int(10000, { scope: 'jvm', min: 1 }),
  'znode.container.maxNeverUsedIntervalMs': int(0, { scope: 'jvm', min: 0 }),
  'observer.syncEnabled': bool(true),
  globalOutstandingLimit: int(1000, { min: 1 }),
  serverCnxnFactory: text(null, 'property', 'meaningless'),
  maxCnxns: int(0, { min: 0 }),
  'jute.maxbuffer': int(1048575, { scope: 'jvm', min: 1 }),
  'jute.maxbuffer.extrasize': int(-1),
  largeRequestMaxBytes: int(104857600),
  largeRequestThreshold: int(-1),
  request_throttle_max_requests: int(0),
  request_throttle_stall_time: int(100),
  request_throttle_drop_stale: bool(true),
  request_stale_latency_check: bool(false),
  request_stale_connection_check: bool(true),
  'request_throttler.shutdownTimeout': int(10000, { min: 0 }),
  throttled_op_wait_time: int(0),
  connection_throttle_tokens: int(0),
  connection_throttle_fill_time: int(1),
  connection_throttle_fill_count: int(1),
  connection_throttle_freeze_time: int(-1),
  connection_throttle_drop_increase: float(0.02),
  connection_throttle_drop_decrease: float(0.002),
  connection_throttle_decrease_ratio: float(0),
  connection_throttle_weight_enabled: bool(false),
  connection_throttle_global_session_weight: int(3),
  connection_throttle_local_session_weight: int(1),
  connection_throttle_renew_session_weight: int(2),
  maxResponseCacheSize: tuning(400),
  maxGetChildrenResponseCacheSize: tuning(400),
  enableEagerACLCheck: bool(false),
  enforceQuota: bool(false),
  skipACL: yesNo(false),
  'nio.numSelectorThreads': tuning(1),
  'nio.numWorkerThreads': tuning(1),
  'nio.directBufferBytes': tuning(65536),
  'nio.sessionlessCnxnTimeout': int(10000, { min: 1 }),
  'nio.shutdownTimeout': tuning(5000),
  intBufferStartingSizeBytes: tuning(1024),
  'commitProcessor.numWorkerThreads': tuning(1),
  'commitProcessor.maxReadBatchSize': tuning(-1),
  'commitProcessor.maxCommitBatchSize': tuning(1),
  'commitProcessor.shutdownTimeout': tuning(5000),
  tcpKeepAlive: bool(false, 'property', 'meaningless'),
  clientTcpKeepAlive: bool(false),
  watchManagerName: text(null, 'property', 'meaningless'),
  watcherCleanThreadsNum: tuning(2),
  watcherCleanThreshold: tuning(1000),
  watcherCleanIntervalInSeconds: tuning(600),
  maxInProcessingDeadWatchers: tuning(-1),
  bitHashCacheSize: tuning(10),
  'netty.advancedFlowControl.enabled': bool(false, 'property', 'meaningless'),
  'netty.server.outstandingHandshake.limit': tuning(-1),
  'netty.server.earlyDropSecureConnectionHandshakes': bool(false, 'property', 'meaningless'),
  'readonlymode.enabled': bool(false, 'jvm'),
  'messageTracker.Enabled': bool(false, 'property', 'meaningless'),
  'messageTracker.BufferSize': tuning(10),
};

/** System properties of the ensemble, of authentication and of administration (operations.md 3.3, 3.4, 6, 9). */
const ENSEMBLE_KEYS = {
  cnxTimeout: int(5000, { min: 1 }),
  quorumCnxnTimeoutMs: int(-1),
  electionPortBindRetry: int(3, { min: 0 }),
  'fastleader.minNotificationInterval': int(200, { min: 1 }),
  'fastleader.maxNotificationInterval': int(60000, { min: 1 }),
  leaderServes: yesNo(true),
  'leader.maxTimeToWaitForEpoch': int(-1),
  'leader.maxConcurrentSnapSyncs': int(10, { min: 1 }),
  'leader.maxConcurrentDiffSyncs': int(100, { min: 1 }),
  'leader.ackLoggingFrequency': tuning(1000),
  leaderConnectDelayDuringRetryMs: int(100, { min: 0 }),
  'learner.asyncSending': bool(false, 'property', 'meaningless'),
  'learner.closeSocketAsync': bool(false, 'property', 'meaningless'),
  'leader.closeSocketAsync': bool(false, 'property', 'meaningless'),
  'follower.skipLearnerRequestToNextProcessor': bool(false, 'property', 'not yet'),
  forceSnapshotSync: bool(false),
  'observer.reconnectDelayMs': int(0, { min: 0 }),
  'observer.election.DelayMs': int(200, { min: 0 }),
  'observerMaster.sizeLimit': off(32 * 1024 * 1024),
  'follower.nodelay': bool(true, 'jvm'),
  'leader.nodelay': bool(true, 'jvm'),
  'DigestAuthenticationProvider.enabled': bool(true),
  'DigestAuthenticationProvider.superDigest': text(null),
  'DigestAuthenticationProvider.digestAlg': text('SHA1'),
  'IPAuthenticationProvider.usexforwardedfor': bool(false, 'property', 'not yet'),
  'X509AuthenticationProvider.superUser': text(null),
  superUser: text(null, 'property', 'not yet'),
  'SASLAuthenticationProvider.superPassword': text(null, 'property', 'not yet'),
  letAnySaslUserDoX: text(null, 'property', 'not yet'),
  ensembleAuthName: text(null),
  sessionRequireClientSASLAuth: bool(false),
  'enforce.auth.enabled': bool(false),
  'enforce.auth.schemes': text(''),
  allowSaslFailedClients: bool(false, 'property', 'not yet'),
  'sasl.serverconfig': text(null, 'property', 'not yet'),
  'kerberos.removeHostFromPrincipal': bool(false, 'property', 'not yet'),
  'kerberos.removeRealmFromPrincipal': bool(false, 'property', 'not yet'),
  'kerberos.canonicalizeHostNames': bool(false, 'property', 'not yet'),
  'fips-mode': bool(true, 'property', 'meaningless'),
  'audit.enable': bool(false),
  'audit.impl.class': text(null, 'property', 'not yet'),
  '4lw.commands.whitelist': text('ruok,srvr,stat,mntr,conf,isro,cons,dump,envi,dirs,wchs,hash,gtmk'),
  'admin.enableServer': text('true'),
  'admin.serverAddress': text('0.0.0.0'),
  'admin.serverPort': int(8080, { min: 0, max: 65535 }),
  'admin.idleTimeout': int(30000, { min: 0 }),
  'admin.commandURL': text('/commands'),
  /** Ours alone: the console at /console, and whether those who authenticate may change znodes there. */
  'admin.console.enabled': bool(true),
  'admin.console.writable': bool(false),
  'admin.httpVersion': tuning(11),
  'admin.portUnification': bool(false, 'property', 'not yet'),
  'admin.forceHttps': bool(false, 'property', 'refused'),
  'admin.needClientAuth': bool(false, 'property', 'refused'),
  'admin.rateLimiterIntervalInMS': int(300000, { min: 0 }),
  'admin.snapshot.enabled': bool(true),
  'admin.restore.enabled': bool(true),
  'client.portUnification': bool(false, 'property', 'not yet'),
  'client.certReload': bool(false, 'property', 'not yet'),
};

export const KEYS = { ...FILE_KEYS, ...SERVER_KEYS, ...ENSEMBLE_KEYS };

export type KeyName = keyof typeof KEYS;
export type ValueOf<K extends KeyName> = (typeof KEYS)[K] extends KeySpec<infer V> ? V : never;

/** Families whose members are open-ended: the prefix alone makes a key a known one. */
export const FAMILIES: readonly { prefix: string; support: Support }[] = [
  { prefix: 'authProvider.', support: 'not yet' },
  { prefix: 'superUser.', support: 'not yet' },
  { prefix: 'ssl.', support: 'not yet' },
  { prefix: 'quorum.auth.', support: 'not yet' },
  { prefix: 'metricsProvider.', support: 'not yet' },
  { prefix: 'pathStats.', support: 'meaningless' },
  { prefix: 'security.auth_to_local', support: 'not yet' },
];

export function isKeyName(key: string): key is KeyName {
  return Object.hasOwn(KEYS, key);
}

export function specOf(key: KeyName): KeySpec<string | number | boolean | null> {
  return KEYS[key];
}

/** What is done with any key, known by name or by family; `undefined` for a key ZooKeeper does not know. */
export function supportOf(key: string): Support | undefined {
  if (isKeyName(key)) return specOf(key).support;
  return FAMILIES.find(({ prefix }) => key.startsWith(prefix))?.support;
}

export function isJvmKey(key: string): boolean {
  return isKeyName(key) && specOf(key).scope === 'jvm';
}
