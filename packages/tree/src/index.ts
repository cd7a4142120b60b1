export { checkAcl, fixupAcl, redactAcl, visibleAcl, type AclOptions } from './acl.ts';
export { AclTable } from './acl-table.ts';
export {
  AuthProviders,
  digestId,
  digestProvider,
  ipProvider,
  saslProvider,
  x509Provider,
  type AuthProvider,
} from './auth-providers.ts';
export { DataTree, type TreeOptions } from './data-tree.ts';
export { DIGEST_VERSION, nodeDigest, packedNodeDigest, packStat, TreeDigest } from './digest.ts';
export { Outcome, type Change, type DigestMismatch, type OpOutcome } from './outcome.ts';
export type { OwnerRules } from './owner-rules.ts';
export { Packed, PACKED_STAT_LENGTH, putWord, type PackedStat } from './packed-stat.ts';
export { preorder, type Visited } from './preorder.ts';
export { checkQuota, limitsPath, statsPath, type Quota, type QuotaTrack } from './quota.ts';
export { restoreWatches, type WatchesToRestore } from './set-watches.ts';
export { EventType, isWatcherType, WatcherType, type WatchMode, type WatchTableName } from './watch-events.ts';
export { Watches, type Deliver, type WatchCounts } from './watches.ts';
export { decodeStat, type Znode } from './znode.ts';
