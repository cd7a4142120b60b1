import type { Epoch, Image, Proposal, Zxid } from '@zk/protocol';
import type { DamageError } from './damage.ts';

/** The two epochs a member promises by (quorum.md 4.1): `current ≤ accepted` always holds on disk. */
export interface Epochs {
  /** The newest epoch this member has promised to: no older leader is followed any more. */
  accepted: Epoch;
  /** The epoch of the leader whose history this member has made its own. */
  current: Epoch;
}

/** Everything a member finds on its disk, in the order in which it is to be applied: `image`, then `txns`. */
export interface Recovered {
  /** The newest readable snapshot; null when the database is empty. */
  image: Image | null;
  /**
   * Every txn after the image, in log order. Read lazily, and repeatable until the store changes its log by anything
   * but an append. May throw {@link DamageError} for a record whose checksum is right and whose content makes no sense.
   */
  txns: Iterable<Proposal>;
  /** Null when neither epoch file exists: a standalone server, or a member that has never been in an ensemble. */
  epochs: Epochs | null;
  /** The last txn in the log, or the image's zxid when the log does not reach beyond it; 0 when there is nothing. */
  lastZxid: Zxid;
  /** What an operator should know (a torn tail that was cut, a snapshot that could not be read), one line each. */
  notes: string[];
  /** False: the database is empty where data was expected, so this member must not vote until it has synced. */
  trusted: boolean;
  /**
   * Why it is not trusted: what is on disk is damaged, and nothing of it is handed out. It stays in its place until
   * {@link Store.replaceWith} sets it aside, so that a restart before that finds the same.
   */
  damage?: DamageError;
}

/**
 * The disk of one member. Nothing it acknowledges is lost by a crash, and nothing is acknowledged out of order:
 * operations take effect in the order of the calls, and their callbacks run in that order, never inside the call.
 * Only {@link Store.checkpoint} is overtaken by what comes after it, for it runs beside the log.
 *
 * After {@link Store.onFatal} no callback runs any more: the member has to leave the quorum.
 */
export interface Store {
  /**
   * The newest image and every later txn. Synchronous; called once, before anything else.
   * A torn tail (a crash while appending) is cut off and noted.
   * @throws DamageError for anything unreadable before the tail, unless the store was told that the history can be had
   *   from others; the disk is left as it is.
   */
  recover(): Recovered;

  /**
   * Adds a txn to the log; zxids only rise. All appends of one turn of the event loop, or that arrive while a sync is
   * running, are written and synced together. `persisted(upTo)` runs when that sync covers this txn and everything
   * before it; consecutive appends with the very same function hear once, with the highest zxid.
   */
  append(proposal: Proposal, persisted: (upTo: Zxid) => void): void;

  /** `done` runs when everything appended before is durable. */
  flush(done: () => void): void;

  /** `done` runs when the epochs given survive a crash. Raising both at once never leaves `current > accepted` behind. */
  saveEpochs(epochs: Partial<Epochs>, done: () => void): void;

  /**
   * Forgets every txn above `to` (quorum.md 8.4): snapshots that hold any of it first, then the log. What is left is
   * handed back; its `lastZxid` is the last txn ≤ `to`, and the caller compares the two. A crash in between leaves a
   * prefix of the old history, and the sync is done again.
   * Null: no snapshot at or below `to` is left to start from. Nothing was changed; ask for SNAP. Untrusted, with
   * `damage`: what was to be kept cannot be read, as {@link recover} tells it.
   */
  truncate(to: Zxid, done: (recovered: Recovered | null) => void): void;

  /**
   * Makes `image` the whole history: older snapshots and the entire log are forgotten, so that nothing of them is ever
   * replayed over it. A crash leaves either the old state or the new one. `done` runs when it is the new one. Files
   * that recovery found damaged are not deleted but set aside.
   */
  replaceWith(image: Image, done: () => void): void;

  /**
   * An ordinary snapshot, named for `image.zxid` as of the call, of committed txns only. The image may go on changing
   * while it is written (fuzzy, storage.md 4.4): replay repairs that. Later appends do not wait for it and go to a new
   * log file. The snapshot becomes visible once it, and every txn appended until its last byte, is durable; then
   * whatever recovery no longer needs may be purged. `done` runs at the end, also when another one was still running
   * and this one was skipped; it is told why when there was no room for it: nothing has changed then, and it can be
   * tried again later.
   */
  checkpoint(image: Image, done: (failure: Error | null) => void): void;

  /**
   * The durable log from the first record with a zxid ≥ `from`, read lazily; null when the log does not reach back
   * to `from`. Whether the first record continues the caller's history is the caller's check.
   * Iterating throws DamageError where the log is unreadable.
   */
  readLog(from: Zxid): Iterable<Proposal> | null;
  /** Bytes of the log files {@link readLog} would go through, padding not counted. */
  logSizeFrom(from: Zxid): number;
  /** Bytes of the newest snapshot file; 0 without one. */
  newestImageSize(): number;

  /**
   * Finishes what was asked for before, then lets go of the disk. Nothing may be called afterwards. What waits for room
   * (see {@link Store.onShortage}) is given up: nothing of it was acknowledged.
   */
  close(done?: () => void): void;

  /**
   * The file system is full, or a quota used up, and null when there is room again. In between nothing is refused: what
   * was asked for waits in its order, and is tried again from time to time, a batch as a whole. The log on disk ends with
   * its last acknowledged record meanwhile, reading goes on.
   */
  onShortage: (shortage: Error | null) => void;

  /** A failed write or sync, other than for lack of room. What the disk holds is unknown from here on: nothing is acknowledged any more. */
  onFatal: (error: Error) => void;
}
