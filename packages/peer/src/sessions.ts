import { KeeperError, asSessionId, type Millis, type SessionId, type Sid } from '@zk/protocol';
import { ExpiryQueue, type Expiring } from './expiry-queue.ts';

/** Who a session's requests come from, as the leader sees it: a learner's link id, or SELF. */
export type Owner = number;
export const SELF: Owner = -1;

/** A session that expires here: any global one on the leader or standalone server, a local one where its client is. */
export interface Session extends Expiring {
  readonly id: SessionId;
  /** Negotiated when it was created, ms. A re-attach with another timeout touches with that one and leaves this. */
  readonly timeOut: number;
  readonly local: boolean;
  /** null until the first request after a start or a change of leader claims it. */
  owner: Owner | null;
  /** From here on its requests are dropped: a closeSession is on its way (client.md 5.3). */
  closing: boolean;
}

const SKIPPED_ID = -(1n << 63n); // a container's ephemeralOwner

/** Where ids come from and which sessions expire on this server (client.md 5, quorum.md 12). */
export class Sessions {
  readonly #sid: Sid;
  readonly #localEnabled: boolean;
  readonly #tracked = new Map<SessionId, Session>();
  readonly #expiry: ExpiryQueue<Session>;
  #nextId: bigint;
  #localCount = 0;

  /** `wallTime`: ms since 1970; its low 40 bits keep the ids of two starts apart (client.md 5.1). */
  constructor(options: { sid: Sid; tickTime: Millis; wallTime: number; localSessionsEnabled: boolean }) {
    this.#sid = options.sid;
    this.#localEnabled = options.localSessionsEnabled;
    this.#expiry = new ExpiryQueue(options.tickTime);
    this.#nextId = BigInt.asIntN(64, (options.sid << 56n) | (BigInt.asUintN(40, BigInt(Math.floor(options.wallTime))) << 16n));
  }

  /** A fresh id, in no table that `taken` knows. */
  allocate(taken: (id: SessionId) => boolean): SessionId {
    for (;;) {
      const id = asSessionId(this.#nextId);
      this.#nextId = BigInt.asIntN(64, this.#nextId + 1n);
      if (id !== SKIPPED_ID && !this.#tracked.has(id) && !taken(id)) return id;
    }
  }

  get(id: SessionId): Session | undefined {
    return this.#tracked.get(id);
  }

  get localCount(): number {
    return this.#localCount;
  }

  get nextDeadline(): Millis {
    return this.#expiry.nextDeadline;
  }

  /** Starts the session's clock; one that is tracked already is only touched, and becomes global if `local` is false. */
  track(id: SessionId, timeOut: number, local: boolean, now: Millis): Session {
    const known = this.#tracked.get(id);
    if (known && known.local === local) {
      this.#expiry.touch(known, timeOut, now);
      return known;
    }
    if (known) this.forget(id);
    const session: Session = { id, timeOut, local, owner: null, closing: false, deadline: -1 };
    this.#tracked.set(id, session);
    if (local) this.#localCount += 1;
    this.#expiry.touch(session, timeOut, now);
    return session;
  }

  /** False: closing. */
  touch(session: Session, timeOut: number, now: Millis): boolean {
    if (session.closing) return false;
    this.#expiry.touch(session, timeOut, now);
    return true;
  }

  /** Marks it closing, so that a create of an ephemeral cannot slip in behind its close. */
  close(id: SessionId): void {
    const session = this.#tracked.get(id);
    if (session) session.closing = true;
  }

  forget(id: SessionId): void {
    const session = this.#tracked.get(id);
    if (!session) return;
    if (session.local) this.#localCount -= 1;
    this.#expiry.remove(session);
    this.#tracked.delete(id);
  }

  /** Sessions whose time is up, at most `limit` of them, taken off the clock and marked closing. */
  expired(now: Millis, limit: number): Session[] {
    const due = this.#expiry.poll(now, limit);
    for (const session of due) session.closing = true;
    return due;
  }

  /** The end of a period of service: global sessions live on in the tree, local ones are lost. */
  clear(): void {
    this.#tracked.clear();
    this.#expiry.clear();
    this.#localCount = 0;
  }

  /**
   * Leader and standalone: may `owner` act for the session? The first to ask after a start owns it.
   * @throws KeeperError SESSIONEXPIRED, UNKNOWNSESSION (standalone), SESSIONMOVED
   */
  check(id: SessionId, owner: Owner, standalone: boolean): void {
    const session = this.#tracked.get(id);
    if (session) return claim(session, owner);
    // A session of another server that only that server knows: its writes are welcome.
    if (this.#localEnabled && BigInt.asUintN(64, id) >> 56n !== BigInt.asUintN(8, this.#sid)) return;
    throw new KeeperError(standalone ? 'UNKNOWNSESSION' : 'SESSIONEXPIRED');
  }

  /** As check(), for creating an ephemeral: a local session may not. */
  checkGlobal(id: SessionId, owner: Owner): void {
    const session = this.#tracked.get(id);
    if (!session || session.local) throw new KeeperError('SESSIONEXPIRED');
    claim(session, owner);
  }

  buckets(): Iterable<readonly [Millis, ReadonlySet<Session>]> {
    return this.#expiry.buckets();
  }
}

function claim(session: Session, owner: Owner): void {
  if (session.closing) throw new KeeperError('SESSIONEXPIRED');
  session.owner ??= owner;
  if (session.owner !== owner) throw new KeeperError('SESSIONMOVED');
}
