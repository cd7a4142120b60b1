import { asSessionId, hex, type Zxid } from '@zk/protocol';
import type { TraceEvent } from '@zk/peer';
import { bytesAt, type DiskOperation, type Interrupted } from './disk.ts';
import { History } from './committed-history.ts';
import { EpochChecker } from './epoch-checker.ts';
import type { Broadcasts } from './link-audit.ts';
import { Model } from './model.ts';
import type { NodeObserver, SimNode } from './node.ts';
import type { SimSession } from './sim-session.ts';
import { check, Violation } from './violation.ts';
import type { Voting } from './voting.ts';
import { WatchChecker } from './watch-checker.ts';
import { WriteChecker, type WriteInProgress, type WriteRequest } from './write-checker.ts';

/** Of the root's children, those that are always there: /zookeeper. */
const BUILT_IN = 1;

/** What a read showed. */
export interface Shown {
  /** Null: NONODE. */
  readonly mzxid: bigint | null;
  readonly version: number | null;
  /** Null when the request did not ask for it. */
  readonly data: string | null;
  /** Of the reply: how far the member was. */
  readonly zxid: bigint;
}

/**
 * They never sleep: every commit, every role, every reply is held against the safety invariants (quorum.md 18.1) as it
 * happens; `atRest` holds what is left against everything that was ever acknowledged.
 */
export class Checkers implements NodeObserver, Broadcasts {
  readonly model: Model;
  readonly history: History;
  readonly watches: WatchChecker;
  readonly #writes: WriteChecker;
  readonly #voting: Voting;
  #epochs: EpochChecker | null = null;
  #nodes: readonly SimNode[] = [];
  readonly #proposals = new Map<bigint, Buffer>();
  /** What was seen to happen, and how often: a run that never got anywhere near a fault says nothing about it. */
  readonly situations = new Map<string, number>();

  constructor(voting: Voting, options: { localSessions: boolean }) {
    this.#voting = voting;
    this.model = new Model(options.localSessions);
    this.history = new History(voting, this.model);
    this.watches = new WatchChecker(this.model);
    this.#writes = new WriteChecker(this.history, this.model);
  }

  /** Tells who the members are, before the first of them starts. */
  watch(nodes: readonly SimNode[], voters: readonly SimNode[]): void {
    this.#nodes = nodes;
    this.history.watch(nodes);
    this.#epochs = new EpochChecker(this.history, this.#voting, voters);
  }

  voted(node: SimNode, message: Buffer): void {
    this.#epochs?.voted(node, message);
  }

  get acknowledgedWrites(): number {
    return this.#writes.count;
  }

  saw(situation: string): void {
    this.situations.set(situation, (this.situations.get(situation) ?? 0) + 1);
  }

  // ---- members

  committed(node: SimNode, zxid: Zxid, bytes: Buffer): void {
    const isNew = this.history.bytesOf(zxid) === undefined;
    if (isNew && this.#nodes.length > 1) check(this.#proposals.get(zxid)?.equals(bytes) ?? false, 'Integrity', () => `server.${node.sid} commits ${hex(zxid)}, which nobody proposed`);
    this.history.committed(node, zxid, bytes);
  }

  written(node: SimNode, by: DiskOperation): void {
    this.#epochs?.written(node);
    if (by !== 'truncate' && by !== 'image') return;
    this.history.rewound(node);
    if (by === 'truncate') this.saw('a tail was given up');
  }

  healed(): void {
    this.saw('damage healed by an image');
  }

  interrupted(_node: SimNode, { kept, lost, torn }: Interrupted): void {
    if (kept > 0) this.saw('crash kept unsynced writes');
    if (lost > 0) this.saw('crash lost unsynced writes');
    if (torn) this.saw('crash tore a write');
  }

  /** @see Broadcasts */
  proposed(zxid: bigint, bytes: Buffer): void {
    const known = this.#proposals.get(zxid);
    if (!known) this.#proposals.set(zxid, Buffer.from(bytes));
    else check(known.equals(bytes), 'ZxidUnique', () => `${hex(zxid)} was proposed twice, as different txns`);
  }

  /** @see Broadcasts */
  imageSent(leader: SimNode, zxid: bigint): void {
    this.history.imageSent(leader, zxid);
  }

  /** @see Broadcasts */
  announced(leader: SimNode, epoch: bigint): void {
    if (this.#epochs?.leads(leader, epoch)) this.history.complete(leader);
  }

  traced(node: SimNode, event: TraceEvent): void {
    switch (event.kind) {
      case 'serving':
        if (event.role === 'readOnly') return this.saw('serving as readOnly');
        if (event.role === 'leader') this.#leads(node, event.epoch);
        if (this.history.serving(node, event.role, event.zxid) > 0) this.saw('a tail outlived its leader');
        return this.saw(`serving as ${event.role}`);
      case 'role':
        if (event.role === 'looking' || event.role === 'draining') this.history.stopped(node);
        return;
      case 'recovered':
        if (!event.trusted) this.saw('damage found at a start');
        return;
      case 'damage':
        return this.saw('damage found while reading');
      case 'syncing':
        return this.saw(`${event.op} ${event.side === 'leader' ? 'sent' : 'received'}`);
      case 'session':
        return this.saw(`session ${event.event}`);
      case 'digestMismatch':
        return check(false, 'DigestAgreement', () => `server.${node.sid} at ${hex(event.zxid)}`);
      case 'fatal':
        if (node.disk.fails) return this.saw('disk failure');
        if (event.error instanceof Violation) throw event.error; // one of ours, on its way through the member
        return check(false, 'NoMemberEndsByItself', () => `server.${node.sid}: ${event.reason}\n${event.error?.stack ?? ''}`);
      default:
        return;
    }
  }

  #leads(node: SimNode, epoch: bigint): void {
    this.#epochs?.serves(node, epoch);
    if (this.#nodes.some((other) => other !== node && other.status?.serving === 'leader')) this.saw('two leaders, of different epochs');
  }

  crashed(node: SimNode): void {
    this.history.stopped(node);
    this.saw('crash');
  }

  // ---- clients

  writeBegins(client: SimSession, request: WriteRequest): WriteInProgress {
    return this.#writes.begins(client.name, request);
  }

  replied(client: SimSession, zxid: bigint, seenBefore: bigint): void {
    check(zxid >= seenBefore, 'ClientOrder', () => `${client.name} was shown ${hex(zxid)} after ${hex(seenBefore)}`);
  }

  inOrder(client: SimSession, expected: number | undefined, xid: number): void {
    check(expected === xid, 'ClientOrder', () => `${client.name} got the reply to ${xid}, waiting for ${expected}`);
  }

  /** What is read is what was committed, as of the zxid the reply is stamped with. */
  read(client: SimSession, path: string, shown: Shown, watch: boolean): void {
    if (client.readOnly) return; // a member that is cut off shows its tail as well, which nobody may have agreed to
    const { mzxid, version, data, zxid } = shown;
    const truth = this.model.at(path, zxid);
    const isTrue = mzxid === (truth?.zxid ?? null) && version === (truth?.version ?? null) && (data === null || data === truth?.data);
    check(isTrue, 'ReadsCommitted', () => `${client.name} read ${path} as ${data} (${version}) of ${hex(mzxid ?? 0n)}, at ${hex(zxid)} it was ${truth?.data} (${truth?.version}) of ${hex(truth?.zxid ?? 0n)}`);
    this.watches.looked(client, path, mzxid, zxid, watch);
  }

  listed(client: SimSession, path: string, children: number, zxid: bigint, watch: boolean): void {
    if (client.readOnly) return;
    const truth = this.model.childCountAt(path, zxid) + (path === '/' ? BUILT_IN : 0);
    check(children === truth, 'ReadsCommitted', () => `${client.name} saw ${children} children of ${path}, at ${hex(zxid)} it had ${truth}`);
    this.watches.listed(client, path, zxid, watch);
  }

  /** @param seenBefore the zxid of the last reply before it on any connection of the client */
  notified(client: SimSession, type: number, path: string, zxid: bigint, seenBefore: bigint): void {
    this.saw(zxid < 0n ? 'watch event at a reconnect' : 'watch event');
    this.watches.notified(client, type, path, zxid, seenBefore);
  }

  // ---- at rest

  /** Faults have stopped and time has passed: one history, one tree, and nothing acknowledged is missing from it. */
  atRest(nodes: readonly SimNode[]): void {
    const first = nodes[0] as SimNode;
    const tree = first.peer.history.tree;
    for (const node of nodes) {
      const other = node.peer.history.tree;
      // An epoch's start is a zxid too, but nothing happened at it: a follower may never have been told.
      check(other.lastZxid >= this.history.lastZxid, 'Agreement', () => `server.${node.sid} is at ${hex(other.lastZxid)}, ${hex(this.history.lastZxid)} is committed`);
      check(other.digest === tree.digest, 'Agreement', () => `the trees of server.${node.sid} and server.${first.sid} differ at ${hex(tree.lastZxid)}`);
      this.#isTheModel(node);
      this.#logHoldsHistory(node);
    }
    this.watches.atRest(this.history.lastZxid);
    this.#writes.atRest();
  }

  /** Every client has been gone for longer than its session may last (18.2, L6). */
  nobodyIsLeft(): void {
    for (const session of this.model.sessions) check(false, 'SessionsExpire', () => `session ${hex(session)} has outlived its client`);
    check(this.model.ephemeralCount === 0, 'SessionsExpire', () => `${this.model.ephemeralCount} ephemerals have outlived their sessions`);
  }

  /** The tree against the plain telling of the same txns. */
  #isTheModel(node: SimNode): void {
    const { tree } = node.peer.history;
    for (const path of this.model.paths) {
      const truth = this.model.at(path, this.history.lastZxid);
      const znode = tree.node(path);
      check(truth === null ? znode === undefined : String(znode?.data) === truth.data, 'Agreement', () => `server.${node.sid}: ${path} is ${String(znode?.data)}, not ${truth?.data}`);
    }
    check(tree.ephemeralCount === this.model.ephemeralCount, 'SessionSafety', () => `server.${node.sid} has ${tree.ephemeralCount} ephemerals, not ${this.model.ephemeralCount}`);
    for (const session of this.model.sessions) {
      check(tree.sessions.has(asSessionId(session)), 'SessionSafety', () => `server.${node.sid} does not know session ${hex(session)}`);
    }
  }

  #logHoldsHistory(node: SimNode): void {
    const { image, log } = node.disk.durable;
    const from = image?.zxid ?? 0n;
    for (const [zxid, bytes] of this.history.entries()) {
      if (zxid <= from || zxid > node.disk.lastZxid) continue;
      check(bytesAt(log, zxid)?.equals(bytes) ?? false, 'CommittedNotTruncated', () => `${hex(zxid)} is missing from the log of server.${node.sid}`);
    }
  }
}
