export { DataTree, type TreeOptions } from './data-tree.ts';
export { DIGEST_VERSION, nodeDigest } from './digest.ts';
export { OpOutcome, Outcome, type Change, type DigestMismatch } from './outcome.ts';
export type { OwnerRules } from './owner-rules.ts';
export { checkQuota, limitsPath, statsPath, type Quota, type QuotaTrack } from './quota.ts';
export { decodeStat, type Znode } from './znode.ts';
