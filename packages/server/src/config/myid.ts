import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { asSid, type EnsembleConfig, type Sid } from '@zk/protocol';
import type { Findings } from './problems.ts';
import type { Place } from './source.ts';

export interface MyIdOptions {
  readonly dataDir: string;
  /** The `myid` key of zoo.cfg: used when the file is missing, and then written. */
  readonly configured: string | null;
  /** The ensemble this server must be a member of. */
  readonly ensemble: EnsembleConfig;
}

/** Which of the `server.N` lines is this server: `dataDir/myid`. `null` when that cannot be said (see the findings). */
export function readMyId(options: MyIdOptions, at: Place, findings: Findings): Sid | null {
  const { dataDir, configured, ensemble } = options;
  const path = join(dataDir, 'myid');
  const ids = [...ensemble.servers.keys()].join(', ');
  const place = { file: path, line: 1 };
  const onFile = existsSync(path) ? (readFileSync(path, 'latin1').split(/\r\n|\r|\n/, 1)[0] ?? '') : null;
  if (onFile === null && configured === null) {
    findings.error(at, `myid file is missing: ${path}`, `write this server's number (one of ${ids}) into it: echo ${firstOf(ensemble)} > ${path}`);
    return null;
  }
  const text = (onFile ?? configured ?? '').trim();
  const source = onFile === null ? at : place;
  if (text === '') findings.error(source, 'the myid file is empty', `write one of ${ids} into it`);
  else if (!/^-?\d{1,18}$/.test(text)) findings.error(source, `serverid ${text} is not a number`, `myid must be one of ${ids}`);
  else if (onFile !== null && configured !== null && configured !== text) {
    findings.error(at, `myid=${configured} contradicts ${path}, which says ${text}`, 'remove the myid line, or correct the file if this is the wrong dataDir');
  } else if (!ensemble.servers.has(asSid(BigInt(text)))) {
    findings.error(source, `myid ${text} is not among the server lines`, `use one of ${ids}, or add server.${text}=host:2888:3888`);
  } else return asSid(BigInt(text));
  return null;
}

function firstOf(ensemble: EnsembleConfig): string {
  return String(ensemble.servers.keys().next().value ?? 1);
}

/** Creates `dataDir/myid` when it is missing. */
export function writeMissingMyId(dataDir: string, sid: Sid): void {
  const path = join(dataDir, 'myid');
  if (existsSync(path)) return;
  mkdirSync(dataDir, { recursive: true });
  writeFileSync(path, `${sid}\n`);
}
