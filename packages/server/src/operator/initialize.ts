import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { entriesOf } from '../config/source.ts';
import { configFileOf, type Installation } from './installation.ts';
import type { Terminal } from './terminal.ts';

const USAGE = `usage: zk-server init [zoo.cfg] [--myid N] [--force]

  --configfile=FILE   the configuration file, as in zkServer-initialize.sh
  --myid=N            this server's number (1-255), written to dataDir/myid
  --force             make the directories anew: EVERYTHING in them is lost
`;

interface Wishes {
  readonly file: string | null;
  readonly myid: string | null;
  readonly force: boolean;
}

/**
 * `init`: empty directories, a myid, and the marker that says that empty is meant (zkServer-initialize.sh). Needed where
 * datadir.autocreate or db.autocreate are off.
 *
 * @returns the exit code
 */
export function initialize(args: readonly string[], installation: Installation, terminal: Terminal): number {
  const wishes = wishesOf(args);
  if (typeof wishes === 'string') {
    terminal.out(`${wishes}${USAGE}`);
    return 1;
  }
  const file = configFileOf(wishes.file, installation);
  if (!existsSync(file)) return refuse(terminal, `Unable to find config file at ${file}`);
  const valueOf = valuesOf(file);
  const dataDir = valueOf('dataDir');
  if (dataDir === null) return refuse(terminal, `Unable to determine dataDir from ${file}`);
  const dataLogDir = valueOf('dataLogDir');
  const occupied = wishes.force ? null : (occupiedBy('data', dataDir) ?? (dataLogDir === null ? null : occupiedBy('txnlog', dataLogDir)));
  if (occupied !== null) return refuse(terminal, occupied);
  if (wishes.force) terminal.out('Force enabled, data/txnlog directories will be re-initialized\n');
  for (const directory of dataLogDir === null ? [dataDir] : [dataDir, dataLogDir]) makeAnew(directory);
  writeMyId(wishes.myid, dataDir, terminal);
  writeFileSync(join(dataDir, 'initialize'), '');
  return 0;
}

function wishesOf(args: readonly string[]): Wishes | string {
  const options = { configfile: { type: 'string' }, myid: { type: 'string' }, force: { type: 'boolean' }, help: { type: 'boolean', short: 'h' } } as const;
  try {
    const { values, positionals } = parseArgs({ args: [...args], options, allowPositionals: true });
    if (values.help) return '';
    if (values.myid !== undefined && !/^\d+$/.test(values.myid)) return `--myid=${values.myid} is not a number\n`;
    return { file: values.configfile ?? positionals[0] ?? null, myid: values.myid ?? null, force: values.force ?? false };
  } catch (error) {
    return `${(error as Error).message}\n`;
  }
}

function valuesOf(file: string): (key: string) => string | null {
  const entries = entriesOf(readFileSync(file, 'utf8'), file);
  return (wanted) => {
    const value = entries.findLast(({ key }) => key === wanted)?.value;
    return value ? resolve(value.replaceAll('${configDir}', dirname(file))) : null;
  };
}

function occupiedBy(what: 'data' | 'txnlog', directory: string): string | null {
  if (!existsSync(join(directory, 'version-2'))) return null;
  return `ZooKeeper ${what} directory already exists at ${directory} (or use --force to force re-initialization)`;
}

/** Of the directory itself nothing is touched but what is ours: it may be a mount with other permissions. */
function makeAnew(directory: string): void {
  rmSync(join(directory, 'myid'), { force: true });
  rmSync(join(directory, 'version-2'), { recursive: true, force: true });
  mkdirSync(join(directory, 'version-2'), { recursive: true });
}

function writeMyId(myid: string | null, dataDir: string, terminal: Terminal): void {
  if (myid === null) return terminal.out(`No myid provided, be sure to specify it in ${dataDir}/myid if using non-standalone\n`);
  terminal.out(`Using myid of ${myid}\n`);
  writeFileSync(join(dataDir, 'myid'), `${myid}\n`);
}

function refuse(terminal: Terminal, reason: string): number {
  terminal.out(`${reason}\n`);
  return 1;
}
