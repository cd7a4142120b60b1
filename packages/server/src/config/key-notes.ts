import type { KeyName } from './keys.ts';

const ONE_LOOP = 'one event loop does this work; there are no threads or queues to size';
const NO_JVM = 'there is no JVM';
const NO_NETTY = 'there is one connection factory, and it is neither NIO nor Netty';
const NO_CACHE = 'znodes lie in memory as they go on the wire; there is no cache of serialized responses';
const WATCHES = 'watches are sets of ids, removed at once';
const SYNC = 'a sync gathers whatever arrived while the one before it ran; nothing waits for a timer';

/** What to know about a key beside its state: why it means nothing here, or how it differs. */
export const KEY_NOTES: Partial<Record<KeyName, string>> = {
  'quorum.cnxn.threads.size': ONE_LOOP,
  'jvm.pause.monitor': `${NO_JVM}; nodejs_eventloop_lag and nodejs_gc_duration_seconds in /metrics tell of pauses`,
  'jvm.pause.info-threshold.ms': NO_JVM,
  'jvm.pause.warn-threshold.ms': NO_JVM,
  'jvm.pause.sleep.time.ms': NO_JVM,
  'multiAddress.reachabilityCheckEnabled': 'every address is dialed, the first that answers is used',
  'multiAddress.reachabilityCheckTimeoutMs': 'every address is dialed, the first that answers is used',
  flushDelay: SYNC,
  maxWriteQueuePollTime: SYNC,
  maxBatchSize: SYNC,
  serverCnxnFactory: NO_NETTY,
  'request_throttler.shutdownTimeout': ONE_LOOP,
  maxResponseCacheSize: NO_CACHE,
  maxGetChildrenResponseCacheSize: NO_CACHE,
  'nio.numSelectorThreads': ONE_LOOP,
  'nio.numWorkerThreads': ONE_LOOP,
  'nio.directBufferBytes': ONE_LOOP,
  'nio.shutdownTimeout': ONE_LOOP,
  intBufferStartingSizeBytes: 'the buffer for digests grows as needed',
  'commitProcessor.numWorkerThreads': ONE_LOOP,
  'commitProcessor.maxReadBatchSize': ONE_LOOP,
  'commitProcessor.maxCommitBatchSize': ONE_LOOP,
  'commitProcessor.shutdownTimeout': ONE_LOOP,
  watchManagerName: WATCHES,
  watcherCleanThreadsNum: WATCHES,
  watcherCleanThreshold: WATCHES,
  watcherCleanIntervalInSeconds: WATCHES,
  maxInProcessingDeadWatchers: WATCHES,
  bitHashCacheSize: WATCHES,
  'netty.advancedFlowControl.enabled': NO_NETTY,
  'netty.server.outstandingHandshake.limit': NO_NETTY,
  'netty.server.earlyDropSecureConnectionHandshakes': NO_NETTY,
  'messageTracker.Enabled': 'what a lost learner was last sent is in the log at LOG_LEVEL=debug',
  'messageTracker.BufferSize': 'what a lost learner was last sent is in the log at LOG_LEVEL=debug',
  'leader.ackLoggingFrequency': 'no acknowledgement is logged',
  'learner.asyncSending': 'sending never blocks',
  'learner.closeSocketAsync': 'closing never blocks',
  'leader.closeSocketAsync': 'closing never blocks',
  'fips-mode': 'it concerns the trust managers of a JVM',
  'admin.httpVersion': 'HTTP/1.1; clients that speak 1.0 are answered too',
  'autopurge.purgeInterval': 'Apache: 0, off. Here anything but 0 purges after each snapshot, not by the clock',
  'autopurge.snapRetainCount': 'at least 3',
  commitLogCount: 'at least 500',
  '4lw.commands.whitelist': 'Apache: srvr alone',
  'jute.maxbuffer': 'Apache reads it with -D only',
  'nio.sessionlessCnxnTimeout': 'time for a new connection to open its session, with whatever factory',
  dataDir: '`${configDir}` stands for the directory of the file',
  myid: 'ours: written to dataDir/myid when that file is missing',
  'snapshot.compression.method': '`gz` or `snappy`; every kind is read',
};
