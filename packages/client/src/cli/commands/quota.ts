import { KeeperError } from '@zk/protocol';
import type { Command, Context, Json } from '../command.ts';
import { CliError } from '../errors.ts';
import type { Given } from '../option-parser.ts';
import { QUOTA_ROOT, deleteQuota, formatQuota, limitsPath, readQuota, setQuota, type Quota, type QuotaAndUse } from '../quota.ts';

const LIMITS: Readonly<Record<string, { key: keyof Quota; help: string; what: string; least: number }>> = {
  n: { key: 'count', help: 'num soft quota', what: 'num', least: 1 },
  b: { key: 'bytes', help: 'bytes soft quota', what: 'bytes', least: 0 },
  N: { key: 'countHardLimit', help: 'num hard quota', what: 'num', least: 1 },
  B: { key: 'byteHardLimit', help: 'bytes hard quota', what: 'bytes', least: 0 },
};

const optionsOf = (value: boolean): Command['options'] =>
  Object.fromEntries(Object.entries(LIMITS).map(([option, { help }]) => [option, { help, value }]));

export const setQuotaCommand: Command = {
  name: 'setquota',
  synopsis: '-n|-b|-N|-B val path',
  options: optionsOf(true),
  needs: 0,
  async run(context, given) {
    const option = onlyOption(given);
    if (!option) {
      throw new CliError(`Missing required option: [${Object.entries(LIMITS).map(([name, { help }]) => `-${name} ${help}`).join(', ')}]`);
    }
    const [path] = given.args;
    if (path === undefined) throw new CliError(`${setQuotaCommand.name} ${setQuotaCommand.synopsis}`);
    if (path.startsWith(QUOTA_ROOT)) throw new CliError(`cannot set a quota under the path: ${QUOTA_ROOT}`);
    const found = await setQuota(context.zk, path, { [LIMITS[option]?.key as string]: limitOf(option, given.value(option) as string) });
    warnIfOver(context, found);
    return toJson(found);
  },
};

export const listQuota: Command = {
  name: 'listquota',
  synopsis: 'path',
  needs: 1,
  async run({ zk, out, err }, given) {
    const [path = ''] = given.args;
    err(`absolute path is ${limitsPath(path)}`);
    const found = await ifAny(readQuota(zk, path));
    if (!found) err(`quota for ${path} does not exist.`);
    if (!found) return null;
    out(`Output quota for ${path} ${formatQuota(found.quota)}`);
    out(`Output stat for ${path} ${formatQuota(found.use)}`);
    return toJson(found);
  },
};

export const delQuota: Command = {
  name: 'delquota',
  synopsis: '[-n|-b|-N|-B] path',
  options: optionsOf(false),
  needs: 1,
  async run({ zk, out }, given) {
    const [path = ''] = given.args;
    const option = onlyOption(given);
    const deleted = await deleteQuota(zk, path, option ? [LIMITS[option]?.key as keyof Quota] : []);
    if (!deleted) out(`Quota does not exist for ${path}`);
    return { deleted };
  },
};

/** @throws CliError when there are several */
function onlyOption(given: Given): string | undefined {
  const [first, second] = Object.keys(LIMITS).filter((option) => given.has(option));
  if (second === undefined) return first;
  throw new CliError(`The option '${second}' was specified but an option from this group has already been selected: '${first}'`);
}

function limitOf(option: string, text: string): number {
  const { what = '', least = 0 } = LIMITS[option] ?? {};
  if (!/^[+-]?\d+$/.test(text)) throw new CliError('NumberFormatException happens when parsing the option value');
  if (Number(text) < least) throw new CliError(`the ${what} quota must be greater than ${least === 0 ? 'or equal to ' : ''}zero`);
  return Number(text);
}

function warnIfOver({ out }: Context, { quota, use }: QuotaAndUse): void {
  const { count = 0, bytes = 0 } = use;
  const over = (limit: number | undefined, value: number): boolean => limit !== undefined && limit > -1 && limit < value;
  if (over(quota.count, count) || over(quota.countHardLimit, count)) {
    out(`[Warning]: the count quota you create is less than the existing count:${count}`);
  }
  if (over(quota.bytes, bytes) || over(quota.byteHardLimit, bytes)) {
    out(`[Warning]: the bytes quota you create is less than the existing bytes:${bytes}`);
  }
}

function toJson({ quota, use }: QuotaAndUse): Json {
  return { quota: { ...quota }, use: { ...use } };
}

async function ifAny<T>(promise: Promise<T>): Promise<T | null> {
  try {
    return await promise;
  } catch (error) {
    if (error instanceof KeeperError && error.code === 'NONODE') return null;
    throw error;
  }
}
