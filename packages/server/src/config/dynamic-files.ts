import { closeSync, copyFileSync, existsSync, fsyncSync, openSync, renameSync, rmSync, writeSync } from 'node:fs';
import { EnsembleConfig } from '@zk/protocol';
import type { ServerConfig } from './load.ts';
import { entriesOf, readText } from './source.ts';

/** What moves to the dynamic file, or loses its meaning beside it (quorum.md 4.3). */
const MOVED = /^((server|group|weight)\.|version$|peerType$|dynamicConfigFile$)/;
const CLIENT = /^clientPort(Address)?$/;

/**
 * Makes a configuration that is in force survive a restart: writes `zoo.cfg.dynamic.<version>` and points zoo.cfg at
 * it, as Apache does. Comments go; `zoo.cfg.bak` has them. Nothing is written with reconfigEnabled=false.
 *
 * @param text the configuration as it is gossiped
 * @throws the error of a write that failed; zoo.cfg is then as it was
 */
export function writeDynamicFiles({ file, settings, sid, ensemble }: ServerConfig, text: string): void {
  if (file === null || !settings.get('reconfigEnabled')) return;
  const config = EnsembleConfig.parse(text);
  if (config.version === (ensemble?.version ?? 0n)) return; // it came from these files
  const dynamicFile = `${file}.dynamic.${config.version.toString(16)}`;
  const members = text.split('\n').filter((line) => line !== '' && !line.startsWith('version='));
  if (!existsSync(`${file}.bak`)) copyFileSync(file, `${file}.bak`);
  writeAtomically(dynamicFile, members.sort().join('\n'));
  const hasClient = config.servers.get(sid)?.clientInText === true;
  const kept = entriesOf(readText(file), file).filter(({ key }) => !MOVED.test(key) && !(hasClient && CLIENT.test(key)));
  const lines = kept.map(({ key, value }) => `${escaped(key)}=${escaped(value)}\n`);
  writeAtomically(file, `${lines.join('')}dynamicConfigFile=${escaped(dynamicFile)}\n`);
}

/** Where the configuration is kept that was proposed and may yet come into force; Apache reads it at its start, too. */
export const proposedFileOf = (file: string): string => `${file}.dynamic.next`;

/**
 * Makes a proposed configuration survive a restart, since it counts in elections. Unlike the others this file says its
 * version.
 *
 * @param text the configuration as it is gossiped; null: none is proposed any more
 * @throws the error of a write that failed
 */
export function writeProposedFile({ file, settings }: ServerConfig, text: string | null): void {
  if (file === null || !settings.get('reconfigEnabled')) return;
  if (text === null) rmSync(proposedFileOf(file), { force: true });
  else writeAtomically(proposedFileOf(file), text.split('\n').sort().join('\n'));
}

/** Apache forgets this, and breaks every Windows path at the next start. */
function escaped(text: string): string {
  return text.replaceAll('\\', '\\\\');
}

function writeAtomically(path: string, text: string): void {
  const temporary = `${path}.tmp`;
  const descriptor = openSync(temporary, 'w');
  try {
    writeSync(descriptor, text);
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
  renameSync(temporary, path);
}
