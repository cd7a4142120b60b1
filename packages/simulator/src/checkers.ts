import { asSessionId, decodeTxn, hex, type Sid, type TxnBody, type Zxid } from '@zk/protocol';
import type { TraceEvent } from '@zk/peer';
import { bytesAt } from './disk.ts';
import { History } from './committed-history.ts';
import { EpochChecker } from './epoch-checker.ts';
import type { Broadcasts } from './link-audit.ts';
import { Model } from './model.ts';
import type { NodeObserver, SimNode } from './node.ts';
import type { Outcome, SimClient } from './sim-client.ts';
import { check, Violation } from './violation.ts';

export interface WriteRequest {
  readonly kind: 'create' | 'setData' | 'delete';
  readonly path: string;
  readonly data: string;
  readonly flags: number;
}

interface Acknowledged extends WriteRequest {
  readonly zxid: bigint;
  readonly finalPath: string;
  readonly client: string;
}

/** What a read showed. */
export interface Shown {
  /** Null: NONODE. */
  readonly mzxid: bigint | null;
  /** Null when the request did not ask for it. */
  readonly data: string | null;
  /** Of the reply: how far the member was. */
  readonly zxid: bigint;
}

/** The outcome of one write, as its client learns it. */
export interface WriteInProgress {
  ends(outcome: Outcome<unknown>, zxid: bigint, finalPath: string): void;
}

/**
 * They never sleep: every commit, every role, every reply is held against the safety invariants (quorum.md 18.1) as it
 * happens; `atRest` holds what is left against everything that was ever acknowledged.
 */
export class Checkers implements NodeObserver, Broadcasts {
  readonly model: Model;
  readonly history: History;
  #epochs: EpochChecker | null = null;
  readonly #proposals = new Map<bigint, Buffer>();
  readonly #acknowledged: Acknowledged[] = [];
  /** Highest zxid any client has been told of: a write that begins later must come after it. */
  #acknowledgedUpTo = 0n;
  /** Per client: the mzxid it knows of each path it watches, on its present connection. */
  readonly #watched = new Map<SimClient, Map<string, bigint>>();
  /** What was seen to happen, and how often: a run that never got anywhere near a fault says nothing about it. */
  readonly situations = new Map<string, number>();

  constructor(voters: readonly Sid[], options: { localSessions: boolean }) {
    this.model = new Model(options.localSessions);
    this.history = new History(voters, this.model);
  }

  /** Tells who the members are, before the first of them starts. */
  watch(nodes: readonly SimNode[], voters: readonly SimNode[]): void {
    this.history.watch(nodes);
    this.#epochs = new EpochChecker(this.history, voters);
  }

  voted(node: SimNode, message: Buffer): void {
    this.#epochs?.voted(node, message);
  }

  get acknowledgedWrites(): number {
    return this.#acknowledged.length;
  }

  saw(situation: string): void {
    this.situations.set(situation, (this.situations.get(situation) ?? 0) + 1);
  }

  // ---- members

  committed(node: SimNode, zxid: Zxid, bytes: Buffer): void {
    this.history.committed(node, zxid, bytes);
  }

  written(node: SimNode): void {
    this.#epochs?.written(node);
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

  traced(node: SimNode, event: TraceEvent): void {
    switch (event.kind) {
      case 'serving':
        if (event.role === 'readOnly') return;
        if (event.role === 'leader') this.#epochs?.leads(node, event.epoch);
        this.history.serving(node, event.role, event.zxid);
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

  crashed(node: SimNode): void {
    this.history.stopped(node);
    this.saw('crash');
  }

  // ---- clients

  writeBegins(client: SimClient, request: WriteRequest): WriteInProgress {
    const floor = this.#acknowledgedUpTo;
    return {
      ends: (outcome, zxid, finalPath) => {
        if (!('ok' in outcome)) return;
        check(zxid > floor, 'Linearizable', () => `${client.name}: ${request.kind} ${finalPath} at ${hex(zxid)}, after ${hex(floor)} was acknowledged`);
        if (zxid > this.#acknowledgedUpTo) this.#acknowledgedUpTo = zxid;
        this.#acknowledged.push({ ...request, zxid, finalPath, client: client.name });
      },
    };
  }

  replied(client: SimClient, zxid: bigint, seenBefore: bigint): void {
    check(zxid >= seenBefore, 'ClientOrder', () => `${client.name} was shown ${hex(zxid)} after ${hex(seenBefore)}`);
  }

  inOrder(client: SimClient, expected: number | undefined, xid: number): void {
    check(expected === xid, 'ClientOrder', () => `${client.name} got the reply to ${xid}, waiting for ${expected}`);
  }

  /**
   * What is read is what was committed, as of the zxid the reply is stamped with; and a change may not be seen by a
   * connection that watches for it before the event.
   */
  read(client: SimClient, path: string, shown: Shown, watch: boolean): void {
    const { mzxid, data, zxid } = shown;
    const truth = this.model.at(path, zxid);
    const isTrue = mzxid === (truth?.zxid ?? null) && (data === null || data === truth?.data);
    check(isTrue, 'ReadsCommitted', () => `${client.name} read ${path} as ${data} of ${hex(mzxid ?? 0n)}, at ${hex(zxid)} it was ${truth?.data} of ${hex(truth?.zxid ?? 0n)}`);
    const known = this.#watched.get(client)?.get(path);
    check(known === undefined || known === mzxid, 'WatchBeforeData', () => `${client.name} read ${path} of ${hex(mzxid ?? 0n)}, watching since ${hex(known ?? 0n)}`);
    if (!watch || mzxid === null) return;
    const watched = this.#watched.get(client) ?? new Map<string, bigint>();
    this.#watched.set(client, watched.set(path, mzxid));
  }

  /** @param seenBefore the zxid of the last reply before it on any connection of the client */
  notified(client: SimClient, path: string, zxid: bigint, seenBefore: bigint): void {
    this.#watched.get(client)?.delete(path);
    this.saw('watch event');
    check(this.model.changedAt(path, zxid), 'WatchOrder', () => `${client.name} heard of ${path} at ${hex(zxid)}, when it did not change`);
    check(zxid > seenBefore, 'WatchOrder', () => `${client.name} heard of ${path} at ${hex(zxid)} after it had been shown ${hex(seenBefore)}`);
  }

  disconnected(client: SimClient): void {
    this.#watched.delete(client);
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
    this.#noWatchWasLost();
    for (const write of this.#acknowledged) this.#inHistory(write);
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

  /** Who watches for a change that has happened has heard of it. */
  #noWatchWasLost(): void {
    for (const [client, watched] of this.#watched) {
      if (!client.connected) continue;
      for (const [path, mzxid] of watched) {
        const truth = this.model.at(path, this.history.lastZxid);
        check(truth?.zxid === mzxid, 'WatchLost', () => `${client.name} watches ${path} of ${hex(mzxid)}, which is of ${hex(truth?.zxid ?? 0n)} now`);
      }
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

  #inHistory(write: Acknowledged): void {
    const bytes = this.history.bytesOf(write.zxid);
    check(bytes !== undefined, 'AcknowledgedIsDurable', () => `${write.client}: ${write.kind} ${write.finalPath} at ${hex(write.zxid)} was acknowledged and is gone`);
    check(does(decodeTxn(bytes).body, write), 'AcknowledgedIsDurable', () => `${hex(write.zxid)} is not ${write.kind} ${write.finalPath}`);
  }
}

/** Whether the committed txn is what the client was told. */
function does(body: TxnBody, write: Acknowledged): boolean {
  if (!('path' in body) || body.path !== write.finalPath) return false;
  return write.kind === 'delete' || ('data' in body && String(body.data) === write.data);
}
