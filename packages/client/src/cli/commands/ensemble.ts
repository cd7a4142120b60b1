import { readFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { EnsembleConfig } from '@zk/protocol';
import { usageOf, type Command } from '../command.ts';
import { CliError } from '../errors.ts';
import { statJson, statLines } from '../format.ts';
import type { Given } from '../option-parser.ts';

export const config: Command = {
  name: 'config',
  synopsis: '[-c] [-w] [-s]',
  options: { s: { help: 'stats' }, w: { help: 'watch' }, c: { help: 'client connection string' } },
  needs: 0,
  async run({ zk, out, watcher }, given) {
    const { config: text, stat } = await zk.getConfig({ watch: given.has('w') ? watcher : undefined });
    out(given.has('c') ? clientAddresses(text) : text);
    if (given.has('s')) statLines(stat).forEach(out);
    return { config: text, clients: clientAddresses(text), stat: statJson(stat) };
  },
};

/** `100000000 host:port,host:port`: the version and where the members listen for clients. */
function clientAddresses(text: string): string {
  if (text === '') return ' ';
  const { version, servers } = EnsembleConfig.parse(text);
  const clients = [...servers.values()].map(({ client }) => (client ? `${client.host}:${client.port}` : ''));
  return `${version.toString(16)} ${clients.join(',')}`;
}

export const reconfig: Command = {
  name: 'reconfig',
  synopsis:
    '[-s] [-v version] [[-file path] | [-members serverID=host:port1:port2;port3[,...]*]] | ' +
    '[-add serverId=host:port1:port2;port3[,...]]* [-remove serverId[,...]*]',
  options: {
    s: { help: 'stats' },
    v: { help: 'required current config version', value: true },
    file: { help: 'path of config file to parse for membership', value: true },
    members: { help: 'comma-separated list of config strings for non-incremental reconfig', value: true },
    add: { help: 'comma-separated list of config strings for new servers', value: true },
    remove: { help: 'comma-separated list of server IDs to remove', value: true },
  },
  needs: 0,
  async run({ zk, out }, given) {
    refuseConflicts(given);
    const file = given.value('file');
    const { config: text, stat } = await zk.reconfig({
      joining: given.value('add')?.toLowerCase(),
      leaving: given.value('remove')?.toLowerCase(),
      members: file === undefined ? given.value('members')?.toLowerCase() : await membersIn(file),
      fromConfig: versionOf(given),
    });
    out(`Committed new configuration:\n${text}`);
    if (given.has('s')) statLines(stat).forEach(out);
    return { config: text, stat: statJson(stat) };
  },
};

function refuseConflicts(given: Given): void {
  const whole = given.has('file') || given.has('members');
  const steps = given.has('add') || given.has('remove');
  if (!whole && !steps) throw new CliError(usageOf(reconfig));
  if (whole && steps) {
    throw new CliError(
      "Can't use -file or -members together with -add or -remove (mixing incremental and non-incremental modes is not allowed)",
    );
  }
  if (given.has('file') && given.has('members')) {
    throw new CliError("Can't use -file and -members together (conflicting non-incremental modes)");
  }
}

function versionOf(given: Given): bigint {
  const text = given.value('v');
  if (text === undefined) return -1n;
  if (!/^[\da-f]+$/i.test(text)) throw new CliError('-v must be followed by a long (configuration version)');
  return BigInt(`0x${text}`);
}

async function membersIn(file: string): Promise<string> {
  try {
    return EnsembleConfig.parse(await readFile(file, 'utf8')).toText();
  } catch (error) {
    throw new CliError(`Error processing ${file}: ${(error as Error).message}`);
  }
}

export const version: Command = {
  name: 'version',
  synopsis: '',
  needs: 0,
  async run({ out }, given) {
    if (given.args.length > 0) throw new CliError(usageOf(version));
    const { version: number } = JSON.parse(readFileSync(new URL('../../../package.json', import.meta.url), 'utf8')) as { version: string };
    out(`ZooKeeper CLI version: ${number} (zk-cli)`);
    return number;
  },
};
