import { asZxid, hex, parseProposal, type Image, type Zxid } from '@zk/protocol';
import type { Checkpoint } from './checkpoint.ts';
import { leadsTo } from './checkpoint-capture.ts';
import type { DataDirectory } from './data-directory.ts';
import { DamageError } from './damage.ts';
import { syncDirectoryNow, type Disk } from './disk.ts';
import { emptyImage } from './empty-database.ts';
import { readEpochs } from './epochs.ts';
import { compressionOf } from './file-names.ts';
import type { Snapshots } from './snapshots.ts';
import type { Recovered } from './store.ts';
import type { TxnLog } from './txn-log.ts';
import { dirname } from 'node:path';

export interface RecoveryOptions {
  /** Replay logs that no snapshot goes with (zookeeper.snapshot.trust.empty). */
  trustEmpty: boolean;
  /** An empty database may vote even without the `initialize` marker (zookeeper.db.autocreate). */
  autocreateDb: boolean;
  /** Others have the history too: damage makes this member untrusted, instead of keeping it from starting. */
  canRejoin: boolean;
}

/** Where recovery looks, and what it may write to. */
export interface RecoverySources {
  disk: Disk;
  directory: DataDirectory;
  snapshots: Snapshots;
  log: TxnLog;
  /** Null: snapshots alone are used. */
  checkpoint: Checkpoint | null;
}

const NOTHING = asZxid(0n);

/** Finds the state of this member on disk (storage.md 4). @throws DamageError */
export function recover(sources: RecoverySources, options: RecoveryOptions): Recovered {
  return orUntrusted(sources, options, () => recoverUndamaged(sources, options));
}

/** Damage, to a member that can get its history back from others, is a history that nobody may rely on. */
function orUntrusted<T>(sources: RecoverySources, { canRejoin }: Pick<RecoveryOptions, 'canRejoin'>, read: () => T): T | Recovered {
  try {
    return read();
  } catch (error) {
    if (!(error instanceof DamageError && canRejoin)) throw error;
    return { image: null, txns: [], epochs: epochsBeside(sources), lastZxid: NOTHING, notes: [], trusted: false, damage: error };
  }
}

/** The promises outlive the data. Where they too are damaged, none is known: the promises of an untrusted member count nowhere. */
function epochsBeside({ disk, directory }: RecoverySources): Recovered['epochs'] {
  try {
    return readEpochs(disk, directory.snapshots, NOTHING, []);
  } catch (error) {
    if (error instanceof DamageError) return null;
    throw error;
  }
}

function recoverUndamaged(sources: RecoverySources, options: RecoveryOptions): Recovered {
  const { disk, directory, snapshots } = sources;
  const notes: string[] = [];
  snapshots.removeIncoming();
  if (finishReplacement(sources)) notes.push('completed the replacement of the database by a snapshot from the leader');
  const checkpointed = recoverCheckpoint(sources, notes);
  if (checkpointed) return checkpointed;
  const found = snapshots.newestReadable(notes);
  if (!found && startEmpty(sources, options, notes) === 'untrusted') {
    return { image: null, txns: [], epochs: readEpochs(disk, directory.snapshots, NOTHING, notes), lastZxid: NOTHING, notes, trusted: false };
  }
  return replayOver(found?.image ?? null, sources, notes);
}

/** An image from the leader that has been published becomes all there is. @returns whether there was one */
export function finishReplacement({ snapshots, checkpoint, log }: RecoverySources): boolean {
  return snapshots.finishReplacement((aside) => {
    checkpoint?.invalidate();
    if (aside === null) log.clear();
    else log.setAside(aside);
  });
}

/**
 * The checkpoint and the log behind it, unless a snapshot is newer (another server was here), or the log does not have
 * the txn that the checkpoint ends with (somebody has put older files back). What is not taken is never looked at again.
 */
function recoverCheckpoint(sources: RecoverySources, notes: string[]): Recovered | null {
  const { snapshots, checkpoint, log } = sources;
  const meta = checkpoint?.find(notes);
  if (!checkpoint || !meta) return null;
  const newest = snapshots.candidates()[0];
  if (newest && newest.zxid <= meta.zxid) {
    const scan = log.scan(meta.zxid);
    const isAnchored = scan.base !== null && leadsTo(meta, parseProposal(scan.base).txn.digest);
    if (isAnchored) return replayOver(checkpoint.image(meta), sources, notes, scan);
    if (meta.zxid > 0n) notes.push(`the checkpoint ends with ${hex(meta.zxid)}, which is not in the log: starting from a snapshot`);
  }
  checkpoint.invalidate();
  return null;
}

/** An image that has been chosen, and the log behind it. */
function replayOver(
  image: Image | null,
  { disk, directory, log }: RecoverySources,
  notes: string[],
  scan = log.scan(image?.zxid ?? NOTHING),
): Recovered {
  notes.push(...scan.notes);
  const epochs = readEpochs(disk, directory.snapshots, scan.lastZxid, notes);
  return { image, txns: scan.txns, epochs, lastZxid: scan.lastZxid, notes, trusted: true };
}

/** No snapshot can be read: whether that is a new database, a damaged one, or one that must not vote (4.1, 4.2). */
function startEmpty(sources: RecoverySources, options: RecoveryOptions, notes: string[]): 'trusted' | 'untrusted' {
  const { directory, snapshots, log } = sources;
  requireNoBadSnapshot(sources);
  if (log.hasRecords()) {
    if (!options.trustEmpty) {
      throw new DamageError(directory.logs, 0, NOTHING, 'No snapshot found, but there are log entries. Something is broken!');
    }
    notes.push('No snapshot found, but there are log entries: replaying all of them, as snapshot.trust.empty allows');
  } else if (!takeInitializeMarker(sources, notes) && !options.autocreateDb) {
    notes.push('the database is empty where data was expected: not voting before it has synced with a leader');
    return 'untrusted';
  }
  snapshots.writeNow(emptyImage());
  return 'trusted';
}

/** Apache takes a lone half-written snapshot for no snapshot, and so for a new database; its content was real, though. */
function requireNoBadSnapshot({ directory, snapshots }: RecoverySources): void {
  const all = snapshots.list();
  const halfWrittenBeginning = all.every((file) => file.zxid === 0n && compressionOf(file.path) === 'none') && snapshots.candidates().length === 0;
  if (all.length > 0 && !halfWrittenBeginning) {
    throw new DamageError(directory.snapshots, 0, NOTHING, `Not able to find valid snapshots in ${directory.snapshots}`);
  }
}

function takeInitializeMarker({ disk, directory }: RecoverySources, notes: string[]): boolean {
  const markers = directory.initializeMarkers.filter((path) => disk.exists(path));
  for (const path of markers) {
    disk.remove(path);
    syncDirectoryNow(disk, dirname(path));
    notes.push('Initialize file found, an empty database will not block voting participation');
  }
  return markers.length > 0;
}

/**
 * Takes the database back to `to` (quorum.md 8.4): null, with nothing changed, if no snapshot is left to start from.
 * @throws DamageError unless the history can be had from others; then what is left is untrusted
 */
export function truncate(sources: RecoverySources, to: Zxid, options: Pick<RecoveryOptions, 'canRejoin'>): Recovered | null {
  return orUntrusted(sources, options, () => truncateUndamaged(sources, to));
}

/** Snapshots go first: one above `to` would bring back what was to be forgotten. */
function truncateUndamaged(sources: RecoverySources, to: Zxid): Recovered | null {
  const { snapshots, log, checkpoint } = sources;
  const notes: string[] = [];
  const base = snapshots.newestReadable(notes, to);
  if (!base) return null;
  const meta = checkpoint?.find(notes) ?? null;
  const isNearer = meta !== null && meta.zxid <= to && meta.zxid >= base.file.zxid;
  if (!isNearer) checkpoint?.invalidate();
  snapshots.remove(snapshots.list().filter((file) => file.zxid > base.file.zxid));
  log.truncate(to);
  return replayOver(isNearer && checkpoint ? checkpoint.image(meta) : base.image, sources, notes);
}
