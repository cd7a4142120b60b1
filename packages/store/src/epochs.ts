import { join } from 'node:path';
import { asZxid, epochOf, hex, type Epoch, type Zxid } from '@zk/protocol';
import { DamageError } from './damage.ts';
import { readFile, writeFileDurably, type Disk } from './disk.ts';
import type { Epochs } from './store.ts';

const ACCEPTED = 'acceptedEpoch';
const CURRENT = 'currentEpoch';

/**
 * What Apache's epoch files say: decimal text, the first line counts (quorum.md 4.1). A missing one of the two is the
 * epoch of the last zxid; null when both are missing. Whether they fit the log is the peer's to judge.
 * @throws DamageError when a file holds no number
 */
export function readEpochs(disk: Disk, directory: string, lastZxid: Zxid, notes: string[]): Epochs | null {
  const accepted = readEpoch(disk, join(directory, ACCEPTED));
  const current = currentEpoch(disk, directory, lastZxid, notes);
  if (accepted === null && current === null) return null;
  return { accepted: accepted ?? epochOf(lastZxid), current: current ?? epochOf(lastZxid) };
}

/** Durable when it returns; acceptedEpoch first, so that a crash in between never leaves it behind currentEpoch. */
export function writeEpochs(disk: Disk, directory: string, epochs: Partial<Epochs>): void {
  if (epochs.accepted !== undefined) write(disk, directory, ACCEPTED, epochs.accepted);
  if (epochs.current !== undefined) write(disk, directory, CURRENT, epochs.current);
}

/** A log ahead of currentEpoch next to a currentEpoch.tmp: a crash between its write and its rename. It is completed. */
function currentEpoch(disk: Disk, directory: string, lastZxid: Zxid, notes: string[]): Epoch | null {
  const current = readEpoch(disk, join(directory, CURRENT));
  const temporary = join(directory, `${CURRENT}.tmp`);
  if (current === null || epochOf(lastZxid) <= current || !disk.exists(temporary)) return current;
  const intended = parseEpoch(readFile(disk, temporary));
  if (intended === null || intended <= current) return current;
  write(disk, directory, CURRENT, intended);
  notes.push(`${CURRENT}: ${hex(intended)} taken from ${CURRENT}.tmp, a crash had kept it from its place`);
  return intended;
}

function readEpoch(disk: Disk, path: string): Epoch | null {
  if (!disk.exists(path)) return null;
  const epoch = parseEpoch(readFile(disk, path));
  if (epoch === null) throw new DamageError(path, 0, asZxid(0n), 'no epoch in it');
  return epoch;
}

function parseEpoch(content: Buffer): Epoch | null {
  const [line = ''] = content.toString('latin1').split(/\r?\n/);
  return /^\s*-?\d{1,19}\s*$/.test(line) ? BigInt(line.trim()) : null;
}

function write(disk: Disk, directory: string, name: string, epoch: Epoch): void {
  writeFileDurably(disk, directory, join(directory, name), Buffer.from(epoch.toString(), 'latin1'));
}
