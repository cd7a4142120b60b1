import { statSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { MIN_RETAINED_SNAPSHOTS, purgeDirectories } from '@zk/store';
import { javaDate } from '../admin/java-format.ts';
import { loadConfig } from '../config.ts';
import { configFileOf, type Installation } from './installation.ts';
import type { Terminal } from './terminal.ts';

const USAGE = `usage: zk-server cleanup -n N [zoo.cfg]
       zk-server cleanup dataLogDir [snapDir] -n N

Removes snapshots but the N newest, and the logs that recovery from those does not need. N is at least ${MIN_RETAINED_SNAPSHOTS}.
A running server does so itself after every snapshot (autopurge.snapRetainCount).
`;

/** `cleanup`, which is zkCleanup.sh. @returns the exit code */
export function cleanup(args: readonly string[], installation: Installation, terminal: Terminal): number {
  const wishes = wishesOf(args);
  if (wishes === null) {
    terminal.error(USAGE);
    return 1;
  }
  if (!(wishes.retain >= MIN_RETAINED_SNAPSHOTS)) {
    terminal.error(`count should be greater than or equal to ${MIN_RETAINED_SNAPSHOTS}\n${USAGE}`);
    return 1;
  }
  const { dataDir, dataLogDir } = directoriesOf(wishes.words, installation);
  const note = (path: string): void => terminal.out(`Removing file: ${javaDate(statSync(path).mtimeMs)}\t${path}\n`);
  purgeDirectories(dataDir, dataLogDir, wishes.retain, note);
  return 0;
}

function wishesOf(args: readonly string[]): { words: string[]; retain: number } | null {
  try {
    const { values, positionals } = parseArgs({ args: [...args], options: { n: { type: 'string', short: 'n' } }, allowPositionals: true });
    // The old form: zkCleanup.sh dataLogDir [snapDir] -n count, and a count alone at the end.
    return values.n === undefined || positionals.length > 2 ? null : { words: positionals, retain: Number(values.n) };
  } catch {
    return null;
  }
}

function directoriesOf(words: readonly string[], installation: Installation): { dataDir: string; dataLogDir: string } {
  const [first, second] = words;
  if (second !== undefined) return { dataLogDir: first ?? '', dataDir: second };
  if (first !== undefined && statSync(first, { throwIfNoEntry: false })?.isDirectory()) return { dataLogDir: first, dataDir: first };
  return loadConfig(configFileOf(first ?? null, installation));
}
