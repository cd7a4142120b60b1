import { decodeTxn, hex, type Proposal, type Sid, type Zxid } from '@zk/protocol';
import { bytesAt } from './disk.ts';
import type { Model } from './model.ts';
import type { SimNode } from './node.ts';
import { check } from './violation.ts';
import type { Voting } from './voting.ts';

/**
 * What is committed, in its one order, as an observer above all members sees it: it grows when the first member commits a
 * txn, and when a leader begins to serve, whose whole log a quorum then has. It never changes otherwise.
 */
export class History {
  readonly #voting: Voting;
  readonly #model: Model;
  readonly #order: bigint[] = [];
  readonly #bytes = new Map<bigint, Buffer>();
  /** How far each serving member has got. */
  readonly #position = new Map<Sid, bigint>();
  /** By an image's zxid: what it held that was not committed when it was sent. A zxid names one history. */
  readonly #tails = new Map<bigint, Proposal[]>();
  #nodes = new Map<Sid, SimNode>();

  constructor(voting: Voting, model: Model) {
    this.#voting = voting;
    this.#model = model;
  }

  watch(nodes: readonly SimNode[]): void {
    this.#nodes = new Map(nodes.map((node) => [node.sid, node]));
  }

  get length(): number {
    return this.#order.length;
  }

  /** The newest committed txn; 0 before the first. */
  get lastZxid(): bigint {
    return this.#order.at(-1) ?? 0n;
  }

  /** The newest committed txn below `zxid`; 0 when there is none. */
  lastBefore(zxid: bigint): bigint {
    return this.#order[this.#indexAfter(zxid - 1n) - 1] ?? 0n;
  }

  bytesOf(zxid: bigint): Buffer | undefined {
    return this.#bytes.get(zxid);
  }

  entries(): Iterable<[bigint, Buffer]> {
    return this.#bytes.entries();
  }

  /**
   * A member begins to serve: it has everything up to `zxid`, and from here on commits follow one by one.
   * Returns how many txns became committed by that: a new leader's tail.
   */
  serving(node: SimNode, role: string, zxid: Zxid): number {
    const before = this.length;
    if (role === 'leader' || role === 'standalone') this.#leads(node);
    this.#position.set(node.sid, zxid);
    return this.length - before;
  }

  /** A new leader sends its tree, as of `zxid`, with all it has logged: its tail, too, which nobody may have agreed to. */
  imageSent(node: SimNode, zxid: bigint): void {
    const tail = this.#uncommitted(node).filter((proposal) => proposal.zxid <= zxid);
    if (tail.length > 0) this.#tails.set(zxid, tail);
  }

  stopped(node: SimNode): void {
    this.#position.delete(node.sid);
  }

  /** A member commits `zxid`, as the next one after what it has. */
  committed(node: SimNode, zxid: Zxid, bytes: Buffer): void {
    const known = this.#bytes.get(zxid);
    if (known) {
      check(known.equals(bytes), 'PrefixConsistency', () => `${hex(zxid)} on server.${node.sid} has other bytes than elsewhere`);
    } else {
      this.#newest(node, zxid);
      this.#onQuorum(node, zxid);
      this.#append(zxid, bytes);
    }
    const position = this.#position.get(node.sid);
    if (position !== undefined) {
      const next = this.#after(position);
      check(next === zxid, 'TotalOrder', () => `server.${node.sid} at ${hex(position)} commits ${hex(zxid)}, next is ${hex(next ?? 0n)}`);
      this.#position.set(node.sid, zxid);
    }
  }

  /** All of a new leader's history is committed now. */
  #leads(node: SimNode): void {
    this.complete(node);
    for (const { zxid, bytes } of this.#uncommitted(node)) {
      this.#newest(node, zxid);
      this.#append(zxid, bytes);
    }
  }

  /** A new leader's history holds everything ever committed (LeaderComplete, PrimaryIntegrity). */
  complete(node: SimNode): void {
    const { image, log } = node.disk.durable;
    for (const zxid of this.#order.slice(this.#indexAfter(image?.zxid ?? 0n))) {
      const own = bytesAt(log, zxid);
      check(own?.equals(this.#bytes.get(zxid) as Buffer) ?? false, 'LeaderComplete', () => `server.${node.sid} leads without ${hex(zxid)}`);
    }
  }

  /** A member has given up a part of its history: what is committed is still on a quorum of disks, damage aside. */
  rewound(node: SimNode): void {
    for (const zxid of this.#order.slice(this.#indexAfter(node.disk.lastZxid))) {
      const holders = this.#voting.voters.filter((sid) => this.#nodes.get(sid)?.disk.damaged || this.#nodes.get(sid)?.disk.has(zxid as Zxid));
      check(this.#voting.isQuorum(holders), 'CommittedNotTruncated', () => `server.${node.sid} gave up ${hex(zxid)}, which is left on [${holders.join(' ')}] only`);
    }
  }

  /** What a member's history holds beyond what is committed. */
  #uncommitted(node: SimNode): Proposal[] {
    const { image, log } = node.disk.durable;
    const inImage = (image && this.#tails.get(image.zxid)) ?? [];
    return [...inImage, ...log].filter(({ zxid }) => !this.#bytes.has(zxid));
  }

  #append(zxid: bigint, bytes: Buffer): void {
    this.#order.push(zxid);
    this.#bytes.set(zxid, Buffer.from(bytes));
    this.#model.apply(zxid, decodeTxn(bytes));
  }

  #newest(node: SimNode, zxid: bigint): void {
    const last = this.lastZxid;
    check(zxid > last, 'TotalOrder', () => `server.${node.sid} commits ${hex(zxid)} after ${hex(last)} was committed without it`);
    const contiguous = zxid === last + 1n || (zxid >> 32n > last >> 32n && (zxid & 0xffffffffn) === 1n);
    check(contiguous, 'ZxidUnique/Contiguous', () => `${hex(zxid)} after ${hex(last)}`);
  }

  #onQuorum(node: SimNode, zxid: Zxid): void {
    const durable = this.#voting.voters.filter((sid) => this.#nodes.get(sid)?.disk.has(zxid));
    check(this.#voting.isQuorum(durable), 'CommitQuorum', () => `server.${node.sid} commits ${hex(zxid)}, which is durable on [${durable.join(' ')}] only`);
  }

  #after(zxid: bigint): bigint | undefined {
    return this.#order[this.#indexAfter(zxid)];
  }

  #indexAfter(zxid: bigint): number {
    let [low, high] = [0, this.#order.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((this.#order[middle] as bigint) <= zxid) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}
