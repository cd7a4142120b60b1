import { KeeperError } from '@zk/protocol';

/** Root of everything about quotas; the limits of /app lie in /zookeeper/quota/app/zookeeper_limits. */
export const QUOTA_ROOT = '/zookeeper/quota';
const LIMITS = '/zookeeper_limits';
const STATS = '/zookeeper_stats';

const NONE = -1;

/** The numbers of a limits or stats znode (client.md 2.11); −1 is "no limit". */
export interface QuotaTrack {
  count: number;
  bytes: number;
  countHardLimit: number;
  byteHardLimit: number;
}

/** The limits and the present statistics of one limited path. */
export interface Quota {
  readonly path: string;
  readonly limits: QuotaTrack;
  /** null when clients made no stats znode: then nothing is enforced. */
  readonly stats: QuotaTrack | null;
}

export const limitsPath = (path: string): string => QUOTA_ROOT + path + LIMITS;
export const statsPath = (path: string): string => QUOTA_ROOT + path + STATS;

/** @returns the path that a limits znode limits ('' for the root), or null when this is no limits znode */
export const limitedBy = (path: string): string | null => quotaSubject(path, LIMITS);

/** @returns the path that a stats znode is about ('' for the root), or null when this is no stats znode */
export const countedBy = (path: string): string | null => quotaSubject(path, STATS);

function quotaSubject(path: string, suffix: string): string | null {
  if (!path.startsWith(QUOTA_ROOT + '/') || !path.endsWith(suffix)) return null;
  return path.slice(QUOTA_ROOT.length, -suffix.length);
}

/** @throws KeeperError MARSHALLINGERROR when the data are null or not `key=value` pairs of numbers */
export function parseTrack(data: Buffer | null): QuotaTrack {
  const track: QuotaTrack = { count: NONE, bytes: NONE, countHardLimit: NONE, byteHardLimit: NONE };
  if (data === null) throw new KeeperError('MARSHALLINGERROR');
  if (data.length === 0) return track;
  for (const pair of data.toString().split(/[,;]+/)) {
    const [key = '', value] = pair.split('=');
    if (value === undefined || !/^([+-]?\d+)?$/.test(value)) throw new KeeperError('MARSHALLINGERROR');
    if (Object.hasOwn(track, key)) track[key as keyof QuotaTrack] = value === '' ? NONE : Number(value);
  }
  return track;
}

/** The text of a stats znode as the server writes it. */
export const formatStats = (count: number, bytes: number): Buffer => Buffer.from(`count=${count},bytes=${bytes}`);

/**
 * Whether a create (countDiff 1) or setData (countDiff 0) keeps within the quota. Count comes before bytes, the hard
 * limit before the soft one; only a new value strictly above the limit exceeds it, shrinking data included.
 *
 * @returns the soft limits that are exceeded, to be logged
 * @throws KeeperError QUOTAEXCEEDED
 */
export function checkQuota({ path, limits, stats }: Quota, bytesDiff: number, countDiff: number): ('count' | 'bytes')[] {
  const exceeded: ('count' | 'bytes')[] = [];
  if (stats === null) return exceeded;
  if (countDiff !== 0 && exceeds(path, stats.count + countDiff, limits.count, limits.countHardLimit)) exceeded.push('count');
  if (bytesDiff !== 0 && exceeds(path, stats.bytes + bytesDiff, limits.bytes, limits.byteHardLimit)) exceeded.push('bytes');
  return exceeded;
}

function exceeds(path: string, value: number, soft: number, hard: number): boolean {
  if (hard > NONE) {
    if (value > hard) throw new KeeperError('QUOTAEXCEEDED', path);
    return false;
  }
  return soft > NONE && value > soft;
}
