import { KeeperError, type ACL } from '@zk/protocol';
import type { CreateMode } from '../../create-modes.ts';
import type { Command } from '../command.ts';
import { CliError, keeperErrorText } from '../errors.ts';
import { parseAcl, statJson } from '../format.ts';
import type { Given } from '../option-parser.ts';

/** 40 bits of the ephemeralOwner hold a TTL (EphemeralType.TTL). */
const LONGEST_TTL_MS = 0xffffffffffn;

export const create: Command = {
  name: 'create',
  synopsis: '[-s] [-e] [-c] [-t ttl] path [data] [acl]',
  options: {
    e: { help: 'ephemeral' },
    s: { help: 'sequential' },
    c: { help: 'container' },
    t: { help: 'ttl', value: true },
  },
  needs: 1,
  async run({ zk, err }, given) {
    const mode = modeOf(given);
    const [path = '', data, aclText] = given.args;
    const acl: ACL[] | undefined = aclText === undefined ? undefined : parseAcl(aclText, err);
    try {
      const created = await zk.create(path, data, { mode, acl, ttl: Number(given.value('t') ?? 0) });
      err(`Created ${created.path}`);
      return { path: created.path, stat: statJson(created.stat) };
    } catch (error) {
      if (error instanceof KeeperError && error.code === 'EPHEMERALONLOCALSESSION') err('Unable to create ephemeral node on a local session');
      if (error instanceof KeeperError && error.code === 'INVALIDACL') err(keeperErrorText(error));
      throw error;
    }
  },
};

function modeOf(given: Given): CreateMode {
  const [ephemeral, sequential, container, ttl] = ['e', 's', 'c', 't'].map((option) => given.has(option));
  if (container && (ephemeral || sequential)) {
    throw new CliError('-c cannot be combined with -s or -e. Containers cannot be ephemeral or sequential.');
  }
  if (ttl) checkTtl(given.value('t') as string, ephemeral === true, container === true);
  if (container) return 'container';
  if (ephemeral) return sequential ? 'ephemeral-sequential' : 'ephemeral';
  if (ttl) return sequential ? 'persistent-sequential-ttl' : 'persistent-ttl';
  return sequential ? 'persistent-sequential' : 'persistent';
}

function checkTtl(text: string, ephemeral: boolean, container: boolean): void {
  if (!/^[+-]?\d+$/.test(text)) throw new CliError('-t argument must be a long value');
  if (ephemeral) throw new CliError('TTLs cannot be used with Ephemeral znodes');
  if (container) throw new CliError('TTLs cannot be used with Container znodes');
  const ttl = BigInt(Number(text));
  if (ttl <= 0n || ttl > LONGEST_TTL_MS) throw new CliError(`ttl must be positive and cannot be larger than: ${LONGEST_TTL_MS}`);
}
