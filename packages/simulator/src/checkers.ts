import { decodeTxn, hex, type Sid, type Stat, type TxnBody, type Zxid } from '@zk/protocol';
import type { TraceEvent } from '@zk/peer';
import { bytesAt } from './disk.ts';
import { History } from './committed-history.ts';
import type { NodeObserver, SimNode } from './node.ts';
import type { Outcome, SimClient } from './sim-client.ts';
import { check } from './violation.ts';

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

/** The outcome of one write, as its client learns it. */
export interface WriteInProgress {
  ends(outcome: Outcome<unknown>, zxid: bigint, finalPath: string): void;
}

/**
 * They never sleep: every commit, every role, every reply is held against the safety invariants (quorum.md 18.1) as it
 * happens; `atRest` holds what is left against everything that was ever acknowledged.
 */
export class Checkers implements NodeObserver {
  readonly history: History;
  readonly #leaders = new Map<bigint, Sid>();
  readonly #epochs = new Map<Sid, { accepted: bigint; current: bigint }>();
  readonly #acknowledged: Acknowledged[] = [];
  /** Highest zxid any client has been told of: a write that begins later must come after it. */
  #acknowledgedUpTo = 0n;
  /** Per client: the mzxid it knows of each path it watches, on its present connection. */
  readonly #watched = new Map<SimClient, Map<string, bigint>>();
  /** What was seen to happen, and how often: a run that never got anywhere near a fault says nothing about it. */
  readonly situations = new Map<string, number>();

  constructor(voters: readonly Sid[]) {
    this.history = new History(voters);
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
    this.#epochsNeverFall(node);
  }

  traced(node: SimNode, event: TraceEvent): void {
    this.#epochsNeverFall(node);
    switch (event.kind) {
      case 'serving':
        if (event.role === 'readOnly') return;
        if (event.role === 'leader') this.#oneLeaderAnEpoch(node, event.epoch);
        this.history.serving(node, event.role, event.zxid);
        return this.saw(`serving as ${event.role}`);
      case 'role':
        if (event.role === 'looking' || event.role === 'draining') this.history.stopped(node);
        return;
      case 'syncing':
        return this.saw(`${event.op} ${event.side === 'leader' ? 'sent' : 'received'}`);
      case 'session':
        return this.saw(`session ${event.event}`);
      case 'digestMismatch':
        return check(false, 'DigestAgreement', () => `server.${node.sid} at ${hex(event.zxid)}`);
      case 'fatal':
        return check(false, 'NoMemberEndsByItself', () => `server.${node.sid}: ${event.reason}\n${event.error?.stack ?? ''}`);
      default:
        return;
    }
  }

  crashed(node: SimNode): void {
    this.history.stopped(node);
    this.saw('crash');
  }

  #oneLeaderAnEpoch(node: SimNode, epoch: bigint): void {
    const other = this.#leaders.get(epoch);
    check(other === undefined || other === node.sid, 'Leadership', () => `server.${other} and server.${node.sid} lead epoch ${epoch}`);
    this.#leaders.set(epoch, node.sid);
  }

  #epochsNeverFall(node: SimNode): void {
    const now = node.disk.durable.epochs;
    if (!now) return;
    const before = this.#epochs.get(node.sid);
    check(now.current <= now.accepted, 'EpochMonotonic', () => `server.${node.sid}: current ${now.current} > accepted ${now.accepted}`);
    check(
      before === undefined || (now.accepted >= before.accepted && now.current >= before.current),
      'EpochMonotonic',
      () => `server.${node.sid} went back from ${before?.accepted}/${before?.current} to ${now.accepted}/${now.current}`,
    );
    this.#epochs.set(node.sid, { ...now });
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

  /** A change may not be seen by a connection that watches for it before the event. */
  read(client: SimClient, path: string, stat: Stat, watch: boolean): void {
    const known = this.#watched.get(client)?.get(path);
    check(known === undefined || known === stat.mzxid, 'WatchBeforeData', () => `${client.name} read ${path} of ${hex(stat.mzxid)}, watching since ${hex(known ?? 0n)}`);
    if (!watch) return;
    const watched = this.#watched.get(client) ?? new Map<string, bigint>();
    this.#watched.set(client, watched.set(path, stat.mzxid));
  }

  notified(client: SimClient, path: string): void {
    this.#watched.get(client)?.delete(path);
    this.saw('watch event');
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
      this.#ownersLive(node);
      this.#logHoldsHistory(node);
    }
    for (const write of this.#acknowledged) this.#inHistory(write);
  }

  #ownersLive(node: SimNode): void {
    const { tree } = node.peer.history;
    let owned = 0;
    for (const session of tree.sessions.keys()) owned += tree.ephemeralsOf(session).size;
    check(owned === tree.ephemeralCount, 'SessionSafety', () => `server.${node.sid} has ${tree.ephemeralCount} ephemerals, ${owned} of live sessions`);
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
