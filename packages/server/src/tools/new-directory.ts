import { resolve } from 'node:path';
import { epochOf, hex, type Epoch } from '@zk/protocol';
import { compressionOf, OccupiedError, requireUnoccupied, writeDataDirectory, type Compression, type Epochs } from '@zk/store';
import { epochsFor, loadState, momentText, type LoadedState } from './load-state.ts';
import { requireStopped } from './running-server.ts';
import { sourceOf, type Source } from './source.ts';
import { ToolError, type ToolCall } from './tool.ts';
import { bytesText, counted, countFrom, momentFrom, wordFrom } from './values.ts';

/** A data directory that is to be made: what will be in it, and why. */
export interface NewDirectory {
  readonly source: Source;
  readonly state: LoadedState;
  readonly target: string;
  readonly epochs: Epochs | null;
  readonly compression: Compression;
}

const COMPRESSIONS = ['none', 'gz', 'snappy'] as const satisfies readonly Compression[];

/** What the operands (from, to) and options of a call come to. @throws ToolError when the target is in use */
export function newDirectoryOf(call: ToolCall): NewDirectory {
  const [from, to] = call.operands as [string, string];
  const target = resolve(to);
  requireFree(target);
  const at = call.value('at');
  const source = sourceOf(from, call.value('log-dir'));
  const state = loadState(source, at === null || at === 'latest' ? null : momentFrom(at), call.progress);
  const epoch = call.value('epoch');
  const epochs = source.kind === 'directory' ? epochsFor(source.files, state.lastZxid, epoch === null ? null : epochFrom(epoch)) : null;
  return { source, state, target, epochs, compression: wordFrom(call.value('compression') ?? 'none', 'compression', COMPRESSIONS) };
}

/** @returns the path of the snapshot it begins with */
export async function make({ state, target, epochs, compression }: NewDirectory): Promise<string> {
  const path = await writeDataDirectory(target, state.tree.image(), { compression, epochs });
  if (compressionOf(path) !== compression) throw new Error(`${path} is not named for its compression`);
  return path;
}

function requireFree(target: string): void {
  try {
    requireUnoccupied(target);
  } catch (error) {
    if (error instanceof OccupiedError) throw new ToolError(error.message);
    throw error;
  }
  requireStopped({ snapshots: target, logs: target });
}

const epochFrom = (text: string): Epoch => BigInt(countFrom(text, 'epoch'));

/** What is, or will be, in the directory. */
export function describeState({ source, state, epochs }: NewDirectory): string[] {
  const { tree, base, txns, reach, lastZxid, notes, mismatches } = state;
  return [
    ...notes,
    `The history ends with ${momentText(state)}: ${base}${source.kind === 'directory' ? ` and ${counted(txns, 'txn')} behind it` : ''}.`,
    `${counted(tree.nodeCount, 'znode')}, ${bytesText(tree.approximateDataSize)} of paths and data; ${counted(tree.sessions.size, 'session')}, ${counted(tree.ephemeralCount, 'ephemeral')}.`,
    ...(reach > lastZxid ? [`The snapshot was taken while txns up to ${hex(reach)} came in: without its log it may hold parts of them.`] : []),
    ...(mismatches.length > 0 ? [`${counted(mismatches.length, 'digest')} of txns are not those of the tree, the first at ${hex(mismatches[0] ?? 0n)}.`] : []),
    ...(epochs === null ? [] : [`Epochs for a member of an ensemble: current ${epochs.current}, accepted ${epochs.accepted}; the next leader's zxids begin with ${hex((epochs.accepted + 1n) << 32n)}.`]),
  ];
}

export function stateAsJson({ state, target, epochs }: NewDirectory): object {
  const { tree, base, baseZxid, txns, lastZxid, lastTime, reach, mismatches, notes } = state;
  return {
    target,
    lastZxid,
    epoch: String(epochOf(lastZxid)),
    lastTime: lastTime === null ? null : new Date(lastTime).toISOString(),
    snapshot: base,
    snapshotZxid: baseZxid,
    txns,
    znodes: tree.nodeCount,
    bytes: tree.approximateDataSize,
    sessions: tree.sessions.size,
    ephemerals: tree.ephemeralCount,
    digest: String(BigInt.asUintN(64, tree.digest)),
    reach,
    mismatches,
    epochs: epochs && { current: String(epochs.current), accepted: String(epochs.accepted) },
    notes,
  };
}
