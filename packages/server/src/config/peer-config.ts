import { peerConfig, type PeerConfig } from '@zk/peer';
import { asSid } from '@zk/protocol';
import type { ServerConfig } from './load.ts';

/** A standalone server has no id, but its sessions carry one (client.md 5.1). */
const STANDALONE_SID = asSid(1n);

/** What zoo.cfg says to a peer: the keys of one world in the words of the other. */
export function peerConfigOf({ settings, sid, ensemble, lastSeen }: ServerConfig): PeerConfig {
  const of = settings.get.bind(settings);
  const maxBuffer = of('jute.maxbuffer');
  const bound = (key: 'minSessionTimeout' | 'maxSessionTimeout'): number | null => (of(key) === -1 ? null : of(key));
  return peerConfig({
    sid: ensemble === null ? STANDALONE_SID : sid,
    ensemble,
    lastSeen,
    tickTime: of('tickTime'),
    initLimit: of('initLimit') ?? undefined,
    syncLimit: of('syncLimit') ?? undefined,
    connectToLearnerMasterLimit: of('connectToLearnerMasterLimit'),
    minSessionTimeout: bound('minSessionTimeout'),
    maxSessionTimeout: bound('maxSessionTimeout'),
    sessionlessCnxnTimeout: of('nio.sessionlessCnxnTimeout'),
    leaderConnectDelayDuringRetryMs: of('leaderConnectDelayDuringRetryMs'),
    leaderServes: of('leaderServes'),
    maxConcurrentSnapSyncs: of('leader.maxConcurrentSnapSyncs'),
    maxConcurrentDiffSyncs: of('leader.maxConcurrentDiffSyncs'),
    commitLogCount: Math.max(500, of('commitLogCount')),
    snapshotSizeFactor: of('snapshotSizeFactor'),
    forceSnapshotSync: of('forceSnapshotSync'),
    leaderMaxTimeToWaitForEpoch: of('leader.maxTimeToWaitForEpoch'),
    observerSyncEnabled: of('syncEnabled') && of('observer.syncEnabled'),
    observerMasterPort: of('observerMasterPort') || null,
    reconfigEnabled: of('reconfigEnabled'),
    snapCount: of('snapCount'),
    snapSizeLimit: of('snapSizeLimitInKb') * 1024,
    checkpointAtStop: of('checkpoint.format') === 'lmdb',
    cacheBytes: of('checkpoint.cacheMb') * 2 ** 20,
    digestEnabled: of('digest.enabled'),
    closeSessionTxnEnabled: of('closeSessionTxn.enabled'),
    extendedTypesEnabled: of('extendedTypesEnabled'),
    emulate353TTLNodes: of('emulate353TTLNodes'),
    containerCheckIntervalMs: of('znode.container.checkIntervalMs'),
    containerMaxPerMinute: of('znode.container.maxPerMinute'),
    containerMaxNeverUsedIntervalMs: of('znode.container.maxNeverUsedIntervalMs'),
    maxBuffer,
    maxBufferExtra: extraBuffer(of('jute.maxbuffer.extrasize'), maxBuffer),
    globalOutstandingLimit: of('globalOutstandingLimit'),
    largeRequestMaxBytes: of('largeRequestMaxBytes'),
    largeRequestThreshold: of('largeRequestThreshold'),
    requestThrottleMaxRequests: of('request_throttle_max_requests'),
    requestThrottleStallTime: of('request_throttle_stall_time'),
    requestThrottleDropStale: of('request_throttle_drop_stale'),
    shutdownTimeout: of('request_throttler.shutdownTimeout'),
    requestStaleLatencyCheck: of('request_stale_latency_check'),
    requestStaleConnectionCheck: of('request_stale_connection_check'),
    throttledOpWaitTime: of('throttled_op_wait_time'),
    connectionThrottleTokens: of('connection_throttle_tokens'),
    connectionThrottleFillTime: of('connection_throttle_fill_time'),
    connectionThrottleFillCount: of('connection_throttle_fill_count'),
    connectionThrottleFreezeTime: of('connection_throttle_freeze_time'),
    connectionThrottleDropIncrease: of('connection_throttle_drop_increase'),
    connectionThrottleDropDecrease: of('connection_throttle_drop_decrease'),
    connectionThrottleDecreaseRatio: of('connection_throttle_decrease_ratio'),
    connectionThrottleWeightEnabled: of('connection_throttle_weight_enabled'),
    connectionThrottleGlobalSessionWeight: of('connection_throttle_global_session_weight'),
    connectionThrottleLocalSessionWeight: of('connection_throttle_local_session_weight'),
    connectionThrottleRenewSessionWeight: of('connection_throttle_renew_session_weight'),
    enforceQuota: of('enforceQuota'),
    localSessionsEnabled: of('localSessionsEnabled'),
    localSessionsUpgradingEnabled: of('localSessionsUpgradingEnabled'),
    readOnlyMode: of('readonlymode.enabled'),
    election: {
      minNotificationInterval: of('fastleader.minNotificationInterval'),
      maxNotificationInterval: of('fastleader.maxNotificationInterval'),
      observerElectionDelayMs: of('observer.election.DelayMs'),
      observerReconnectDelayMs: of('observer.reconnectDelayMs'),
    },
    auth: {
      skipACL: of('skipACL'),
      enableEagerACLCheck: of('enableEagerACLCheck'),
      digestEnabled: of('DigestAuthenticationProvider.enabled'),
      digestAlgorithm: of('DigestAuthenticationProvider.digestAlg'),
      superDigest: of('DigestAuthenticationProvider.superDigest'),
      x509Enabled: of('secureClientPort') !== null,
      x509SuperUser: of('X509AuthenticationProvider.superUser'),
      ensembleAuthName: of('ensembleAuthName'),
      enforceAuthEnabled: of('enforce.auth.enabled'),
      enforceAuthSchemes: of('enforce.auth.schemes').split(',').map((scheme) => scheme.trim()).filter((scheme) => scheme !== ''),
      sessionRequireClientSASLAuth: of('sessionRequireClientSASLAuth'),
    },
  });
}

/** `jute.maxbuffer.extrasize`: as large as jute.maxbuffer unless set, and at least 1024 bytes. */
function extraBuffer(extra: number, maxBuffer: number): number {
  return Math.max(1024, extra < 0 ? maxBuffer : extra);
}
