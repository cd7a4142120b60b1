import { OpCode, topComponent, type TxnBody } from '@zk/protocol';
import { Distribution } from './distribution.ts';
import { STAT_LENGTH } from './replies.ts';
import { REPLY_HEADER_END, type Reply } from './reply.ts';
import { Sampler } from './sampler.ts';
import { TopCounts } from './top-counts.ts';
import type { Clock } from './world.ts';

/** Where the path begins in the frame of a read: behind xid, op and its length. */
const PATH_AT = 12;
/** Who has more top-level znodes than this does not want a metric for each. */
const MOST_NAMESPACES = 1_000;

/** Reads or writes, by where in the tree they go. Sampled: see {@link Sampler}. */
export class TrafficSide {
  /** Bytes of each request by top path component, as Apache's `read_per_namespace` and `write_per_namespace`. */
  readonly namespaces = new Map<string, Distribution>();
  /** Requests by subtree: the first two path components. */
  readonly subtrees = new TopCounts();
  readonly #sampler: Sampler;

  constructor(clock: Clock) {
    this.#sampler = new Sampler(clock);
  }

  /** For each request: how many it stands for; 0: it is not to be counted. */
  weigh(): number {
    return this.#sampler.weigh();
  }

  count(path: string, bytes: number, weight: number): void {
    if (path.length < 2) return; // the root belongs to no namespace
    this.#namespace(path)?.addMany(bytes, weight);
    this.subtrees.add(subtreeOf(path), weight);
  }

  clear(): void {
    this.namespaces.clear();
    this.subtrees.clear();
  }

  #namespace(path: string): Distribution | undefined {
    const name = topComponent(path);
    const known = this.namespaces.get(name);
    if (known !== undefined || this.namespaces.size >= MOST_NAMESPACES) return known;
    const made = new Distribution();
    this.namespaces.set(name, made);
    return made;
  }
}

/** Which parts of the tree are read and written, and how much. */
export class PathTraffic {
  readonly reads: TrafficSide;
  readonly writes: TrafficSide;

  constructor(clock: Clock) {
    this.reads = new TrafficSide(clock);
    this.writes = new TrafficSide(clock);
  }

  /** A read was answered. Apache counts path, data and stat of those that found something (DataTree.updateReadStat). */
  read(frame: Buffer, reply: Reply): void {
    const weight = this.reads.weigh();
    if (weight === 0 || reply.length === REPLY_HEADER_END) return;
    const bytes = bytesRead(frame.readInt32BE(4), reply);
    if (bytes === null) return;
    const path = frame.toString('utf8', PATH_AT, PATH_AT + frame.readInt32BE(PATH_AT - 4));
    this.reads.count(path, path.length + bytes, weight);
  }

  /** A txn was applied: on every member, whoever asked for it (DataTree.updateWriteStat). */
  written(body: TxnBody): void {
    const weight = this.writes.weigh();
    if (weight > 0) this.#written(body, weight);
  }

  clear(): void {
    this.reads.clear();
    this.writes.clear();
  }

  #written(body: TxnBody, weight: number): void {
    if (body.type === OpCode.multi) {
      for (const txn of body.txns) this.#written(txn, weight);
      return;
    }
    const bytes = bytesWritten(body);
    if (bytes !== null && 'path' in body) this.writes.count(body.path, body.path.length + bytes, weight);
  }
}

/** `/app/config/db` → `/app/config` */
function subtreeOf(path: string): string {
  const second = path.indexOf('/', 1);
  if (second < 0) return path;
  const third = path.indexOf('/', second + 1);
  return third < 0 ? path : path.slice(0, third);
}

/** Data and stat, or children and stat; null for what Apache does not count. */
function bytesRead(op: number, reply: Reply): number | null {
  const body = reply.length - REPLY_HEADER_END;
  switch (op) {
    case OpCode.exists:
      return body;
    case OpCode.getData:
      return body - 4; // the length of the data
    case OpCode.getChildren:
      return body - lengthsOf(reply) + STAT_LENGTH;
    case OpCode.getChildren2:
      return body - lengthsOf(reply);
    default:
      return null;
  }
}

/** Of a vector of names: its own length and theirs. */
function lengthsOf(reply: Reply): number {
  return 4 + 4 * reply.view.getInt32(reply.body);
}

function bytesWritten(body: TxnBody): number | null {
  switch (body.type) {
    case OpCode.create:
    case OpCode.create2:
    case OpCode.createContainer:
    case OpCode.createTTL:
    case OpCode.setData:
      return body.data?.length ?? 0;
    case OpCode.delete:
    case OpCode.deleteContainer:
      return 0;
    default:
      return null;
  }
}
