import { basename } from 'node:path';
import { decodeTxn, epochOf, hex, type Epoch, type Zxid } from '@zk/protocol';
import { DamageError, lastTxnAt, nodeDisk, readBase, readEpochs, readSnapshotFile, readTxns, timeOf, timeOfEntry, type DataFiles, type Epochs } from '@zk/store';
import { DataTree } from '@zk/tree';
import type { Progress } from './progress.ts';
import type { Source } from './source.ts';
import { ToolError } from './tool.ts';
import { isoTime, type Moment } from './values.ts';

/** What the snapshots and logs of a directory add up to at one moment; or one snapshot file. */
export interface LoadedState {
  readonly tree: DataTree;
  /** The last txn in it, and when it was made (ms since 1970; null: the log does not have it any more). */
  readonly lastZxid: Zxid;
  readonly lastTime: number | null;
  /** The snapshot it began with, and how many txns came behind it. */
  readonly base: string;
  readonly baseZxid: Zxid;
  readonly txns: number;
  /** The newest txn that the snapshot may hold: above `lastZxid`, the tree is that of no one zxid. */
  readonly reach: Zxid;
  /** Txns whose digest is not that of the tree here. */
  readonly mismatches: readonly Zxid[];
  readonly notes: readonly string[];
}

const TREE_OPTIONS = { extendedTypes: true } as const; // counts TTL znodes as such; their content is the same without

/**
 * The server's files are only read; it may be running.
 * @param moment null: the newest
 * @throws ToolError; DamageError where a txn that is needed cannot be read
 */
export function loadState(source: Source, moment: Moment | null, progress: Progress): LoadedState {
  if (source.kind === 'log') throw new ToolError(`${source.file.path} is a log: a tree needs a snapshot to begin with; name the directory`);
  if (source.kind === 'directory') return loadDirectory(source.files, moment, progress);
  if (moment !== null) throw new ToolError(`${source.file.path} is of one moment: name the directory to choose another`);
  const { value: tree, file, digest, reach } = readSnapshotFile(nodeDisk, source.file, (zxid) => DataTree.builder(zxid, TREE_OPTIONS));
  const isExact = reach === file.zxid && digest !== null;
  const isOther = isExact && BigInt.asUintN(64, digest.value) !== BigInt.asUintN(64, tree.digest);
  return { tree, lastZxid: file.zxid, lastTime: null, base: basename(file.path), baseZxid: file.zxid, txns: 0, reach, mismatches: isOther ? [file.zxid] : [], notes: [] };
}

function loadDirectory(files: DataFiles, moment: Moment | null, progress: Progress): LoadedState {
  const notes: string[] = [];
  const ceiling = ceilingOf(files, moment);
  const base = readBase(nodeDisk, files.snapshots, ceiling, (zxid) => DataTree.builder(zxid, TREE_OPTIONS), notes);
  if (base === null) throw new ToolError(noBase(files, ceiling, notes));
  const { value: tree, reach } = base;
  let lastTime: number | null = null;
  let txns = 0;
  const mismatches: Zxid[] = [];
  const total = nodeDisk.list(files.logs).filter((name) => name.startsWith('log.')).reduce((sum, name) => sum + nodeDisk.sizeUsed(`${files.logs}/${name}`), 0);
  const options = { ...(ceiling === null ? {} : { ceiling }), progress: (bytes: number) => progress.update('replaying the log', bytes, total) };
  for (const { zxid, entry } of readTxns(nodeDisk, files.logs, base.file.zxid, options)) {
    const { digestMismatch } = tree.apply(decodeTxn(entry));
    if (digestMismatch !== undefined) mismatches.push(zxid);
    if (zxid >= reach) tree.settle(); // a fuzzy snapshot is exact from here on
    lastTime = timeOfEntry(entry);
    txns += 1;
  }
  progress.clear();
  const lastZxid = tree.lastZxid;
  lastTime ??= timeOf(nodeDisk, files.logs, lastZxid);
  if (moment !== null && 'zxid' in moment && lastZxid !== moment.zxid) throw new ToolError(`${hex(moment.zxid)} is not in this history: the last txn before it is ${hex(lastZxid)}`);
  return { tree, lastZxid, lastTime, base: basename(base.file.path), baseZxid: base.file.zxid, txns, reach, mismatches, notes };
}

function ceilingOf(files: DataFiles, moment: Moment | null): Zxid | null {
  if (moment === null) return null;
  if ('zxid' in moment) return moment.zxid;
  const zxid = lastTxnAt(nodeDisk, files.logs, moment.time);
  if (zxid === null) throw new ToolError('there is no log, so there are no times: give a zxid');
  return zxid;
}

function noBase({ snapshots }: DataFiles, ceiling: Zxid | null, notes: readonly string[]): string {
  const what = ceiling === null ? 'there is no snapshot that can be read' : `every snapshot holds something newer than ${hex(ceiling)}`;
  return [`${what} in ${snapshots}`, ...notes].join('; ');
}

/**
 * Epochs for a new data directory with this history: `current` is that of its last txn, `accepted` is above everything
 * that was promised where it comes from, so that the next leader's zxids are higher than any a client has seen.
 * Null where there are none: a standalone server's.
 */
export function epochsFor(files: DataFiles, lastZxid: Zxid, least: Epoch | null): Epochs | null {
  const found = readEpochs(nodeDisk, files.snapshots, lastZxid, []);
  const current = epochOf(lastZxid);
  const candidates = [current, found?.accepted ?? 0n, found?.current ?? 0n, least ?? 0n];
  if (found === null && least === null && current === 0n) return null;
  return { accepted: candidates.reduce((one, other) => (one > other ? one : other)), current };
}

/** What can be wrong with the files, in the words of whoever reads them; anything else is thrown on. */
export function explain(error: unknown): string | null {
  if (error instanceof DamageError) return error.message;
  const { code } = error as NodeJS.ErrnoException;
  return error instanceof Error && typeof code === 'string' && /^E[A-Z]+$/.test(code) ? error.message : null;
}

/** `0x3b (2026-11-21T14:00:00.000Z)`. */
export function momentText({ lastZxid, lastTime }: Pick<LoadedState, 'lastZxid' | 'lastTime'>): string {
  return lastTime === null ? hex(lastZxid) : `${hex(lastZxid)} (${isoTime(lastTime)})`;
}
