import { KeeperError } from '@zk/protocol';
import type { ZooKeeper } from '../client.ts';
import { CliError } from './errors.ts';
import { listSubtree } from './subtree.ts';

export const QUOTA_ROOT = '/zookeeper/quota';
const LIMITS = 'zookeeper_limits';
const STATS = 'zookeeper_stats';

/** Soft limits are logged by the server, hard ones refuse (`enforceQuota`). −1: none. */
export interface Quota {
  count: number;
  bytes: number;
  countHardLimit: number;
  byteHardLimit: number;
}

export const limitsPath = (path: string): string => `${QUOTA_ROOT}${path}/${LIMITS}`;
const statsPath = (path: string): string => `${QUOTA_ROOT}${path}/${STATS}`;

/** `count=5,bytes=-1=;byteHardLimit=-1;countHardLimit=-1`, missing ones −1 (StatsTrack). */
export function parseQuota(text: string): Partial<Quota> {
  const pairs = text.split(/[,;]+/).map((pair) => pair.split('='));
  return Object.fromEntries(pairs.filter(([key]) => key).map(([key, value]) => [key, value ? Number(value) : -1])) as Partial<Quota>;
}

/** The `=` behind the bytes makes servers that do not know hard limits stop reading there. */
export function formatQuota({ count = -1, bytes = -1, ...hard }: Partial<Quota>): string {
  const keys = Object.keys(hard).sort() as (keyof typeof hard)[];
  return `count=${count},bytes=${bytes}${keys.length > 0 ? '=' : ''}${keys.map((key) => `;${key}=${hard[key]}`).join('')}`;
}

export interface QuotaAndUse {
  readonly quota: Partial<Quota>;
  readonly use: Partial<Quota>;
}

/** @throws KeeperError NONODE: there is none */
export async function readQuota(zk: ZooKeeper, path: string): Promise<QuotaAndUse> {
  const [limits, stats] = await Promise.all([zk.getData(limitsPath(path)), zk.getData(statsPath(path))]);
  return { quota: parseQuota(String(limits.data ?? '')), use: parseQuota(String(stats.data ?? '')) };
}

/**
 * Sets the given limits and leaves the others as they are.
 * @throws CliError when the znode is missing, or one above or below it has a quota: they cannot overlap
 */
export async function setQuota(zk: ZooKeeper, path: string, change: Partial<Quota>): Promise<QuotaAndUse> {
  if (!(await zk.exists(path))) throw new CliError(`${path} does not exist.`);
  await refuseOverlap(zk, path);
  if (!(await zk.exists(limitsPath(path)))) await createQuota(zk, path);
  const { quota, use } = await readQuota(zk, path);
  const changed = { ...quota, ...change };
  await zk.setData(limitsPath(path), formatQuota(changed));
  return { quota: changed, use };
}

async function createQuota(zk: ZooKeeper, path: string): Promise<void> {
  const names = path.split('/').slice(1);
  for (let depth = 1; depth <= names.length; depth++) await createIfMissing(zk, `${QUOTA_ROOT}/${names.slice(0, depth).join('/')}`);
  const none: Quota = { count: -1, bytes: -1, countHardLimit: -1, byteHardLimit: -1 };
  await zk.create(limitsPath(path), formatQuota(none));
  await zk.create(statsPath(path), formatQuota({ count: 0, bytes: 0 }));
}

async function createIfMissing(zk: ZooKeeper, path: string): Promise<void> {
  try {
    await zk.create(path);
  } catch (error) {
    if (!(error instanceof KeeperError) || error.code !== 'NODEEXISTS') throw error;
  }
}

async function refuseOverlap(zk: ZooKeeper, path: string): Promise<void> {
  const root = `${QUOTA_ROOT}${path}`;
  const below = (await zk.exists(root)) ? await listSubtree(zk, root) : [];
  const child = below.find((found) => found.endsWith(`/${LIMITS}`) && found !== limitsPath(path));
  if (child) throw new CliError(`${path} has a child ${child.slice(QUOTA_ROOT.length, -LIMITS.length - 1)} which has a quota`);
  const names = path.split('/');
  for (let depth = 2; depth < names.length; depth++) {
    const parent = names.slice(0, depth).join('/');
    if (await zk.exists(limitsPath(parent))) throw new CliError(`${path} has a parent ${parent} which has a quota`);
  }
}

/** Takes single limits away, or without `limits` the quota itself. False when there is none. */
export async function deleteQuota(zk: ZooKeeper, path: string, limits: readonly (keyof Quota)[]): Promise<boolean> {
  if (!(await zk.exists(limitsPath(path)))) return false;
  if (limits.length > 0) {
    const { quota } = await readQuota(zk, path);
    await zk.setData(limitsPath(path), formatQuota({ ...quota, ...Object.fromEntries(limits.map((limit) => [limit, -1])) }));
    return true;
  }
  await zk.delete(limitsPath(path));
  await zk.delete(statsPath(path));
  for (let at = `${QUOTA_ROOT}${path}`; at !== QUOTA_ROOT; at = at.slice(0, at.lastIndexOf('/'))) {
    if ((await zk.getChildren(at)).children.length > 0) break; // another quota is beside it
    await zk.delete(at);
  }
  return true;
}
