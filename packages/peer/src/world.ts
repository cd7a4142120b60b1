/**
 * Everything outside a peer, as interfaces. The server implements them with sockets and files, the simulator with a
 * seed; the peer cannot tell which one it lives in.
 */
import type { EnsembleConfig, Epoch, Id, Millis, ServerSpec, SessionId, Sid, Zxid } from '@zk/protocol';
import type { Store } from '@zk/store';
import type { AuditEntry } from './audit.ts';
import type { RequestFilter } from './request-log.ts';
import type { RestoreRequest } from './restoring.ts';

export interface Clock {
  /** Milliseconds on a clock that never goes backwards; its zero means nothing. */
  now(): Millis;
  /** Milliseconds since 1970, as written into txns and stats. */
  wallTime(): number;
  /** `now()`, on a clock that stands still during a step: for what may have taken long. drive() makes such a clock. */
  readAnew?(): Millis;
}

export interface Random {
  /** The next number in [0, 1). */
  next(): number;
}

/** One alarm. Only drive() uses it: a peer says when it wants to be woken in `nextDeadline()`. */
export interface Timer {
  /** Runs `fire` once, as soon as `clock.now() >= deadline`; forgets the alarm set before. Never runs it synchronously. */
  arm(deadline: Millis, fire: () => void): void;
  disarm(): void;
}

/** The election port. Dialing, hellos and who keeps which connection are this side's business (quorum.md 2.1). */
export interface Electors {
  /** Queues one notification body, without length prefix; a newer one may replace one still waiting. Dials when needed. */
  send(to: Sid, message: Buffer): void;
  /** The members to dial from now on: those of the configuration in force, and of the one proposed to follow it, if any. */
  setMembers?(config: EnsembleConfig, pending: EnsembleConfig | null): void;
}

/** The quorum port. Links come back as the inputs `learnerLinked` (listening) and `leaderLinked` (dialing). */
export interface Learners {
  listen(): void;
  unlisten(): void;
  /** One attempt at every address of `spec`; answered by `leaderLinked` or `leaderUnreachable` within `timeoutMs`. */
  dial(sid: Sid, spec: ServerSpec, timeoutMs: number): void;
}

export interface World {
  readonly clock: Clock;
  readonly random: Random;
  readonly timer: Timer;
  readonly store: Store;
  readonly electors: Electors;
  readonly learners: Learners;
  /**
   * SHEET_BYTES of memory for replies. It may come again once it was filled and the links, to which its bytes were given with
   * `sendPart`, need them no more: nothing else keeps any. Left out where memory is simply allocated.
   */
  nextSheet?(): Buffer;
  /** A notable fact, for logs, metrics and checkers. Rare: never called per request. */
  trace(event: TraceEvent): void;
  /**
   * Every txn committed while this member serves, in order; on `serving`, everything up to its zxid is. Left out where nobody listens, so that it costs nothing
   * there. `bytes` is the txn as logged: shared, not to be changed.
   */
  traceCommit?(zxid: Zxid, bytes: Buffer): void;
  /** Every line of the audit log (operations.md 11). Left out where none is kept, so that it costs nothing there. */
  traceAudit?(entry: AuditEntry): void;
  /** The member must leave the ensemble: log, then exit with `code` (quorum.md 20). Nothing is written after it. */
  fatal(code: number, reason: string): void;
}

/** One quorum-port connection, at either end. */
export interface Link {
  /** Unique among the links of this process's life. */
  readonly id: number;
  /** `host:port`, for people. */
  readonly remote: string;
  /** Bytes sent but not yet taken by the transport; `linkDrained` tells when they fell to nothing. */
  readonly bufferedBytes: number;
  /** Ordered; several small ones sent in a turn are coalesced. The link owns `bytes` from here on. */
  send(bytes: Buffer): void;
  /** The same for `bytes[start, end)`, where that is cheaper than a Buffer for each packet. */
  sendPart?(bytes: Buffer, start: number, end: number): void;
  /** Nothing is delivered from this link afterwards; no `linkClosed` follows a close of our own. */
  close(reason: string): void;
}

/** What TLS told about a client that presented a certificate. */
export interface ClientCertificate {
  /** The x509 ids it stands for (scheme `x509`, or `super`), as client.md 6.6 derives them. */
  readonly ids: readonly Id[];
}

/** One client-port connection. */
export interface ClientLink {
  /** Java's text form of the address, without port: `127.0.0.1`, `0:0:0:0:0:0:0:1`. */
  readonly remoteAddress: string;
  readonly remotePort: number;
  /** Present on a TLS connection. */
  readonly secure?: ClientCertificate;
  /** Complete frames, length prefix included; many small ones in a turn are coalesced. Owned by the link from here on. */
  send(frame: Buffer): void;
  /** The same for `bytes[start, end)`, where that is cheaper than a Buffer for each frame. */
  sendPart?(bytes: Buffer, start: number, end: number): void;
  /** Closes after everything sent before it. No `clientClosed` follows a close of our own. */
  close(reason: string): void;
  /** Stops and restarts reading: frames already read may still arrive. */
  pause(): void;
  resume(): void;
}

/** What can happen to a peer. One at a time: steps never nest. */
export type Input =
  | { readonly kind: 'start' }
  | { readonly kind: 'tick' }
  /** A graceful stop: leaves the role, makes everything durable, then closes the store. */
  | { readonly kind: 'stop' }
  /** Somebody with power over this server wants a session to end as if its client had been silent for too long. */
  | { readonly kind: 'expireSession'; readonly session: SessionId }
  /** Somebody wants the tree on disk now, as far as it is committed. */
  | { readonly kind: 'checkpoint' }
  /** Tell these requests and their replies; null: none any more. */
  | { readonly kind: 'logRequests'; readonly filter: RequestFilter | null }
  /** Another database in place of this one; answered when it is served, or when it will not be. */
  | { readonly kind: 'restore'; readonly request: RestoreRequest }
  | { readonly kind: 'clientOpened'; readonly link: ClientLink }
  /** `frame` is without its length prefix, and valid during the step only. */
  | { readonly kind: 'frame'; readonly link: ClientLink; readonly frame: Buffer }
  | { readonly kind: 'clientClosed'; readonly link: ClientLink }
  | { readonly kind: 'notification'; readonly from: Sid; readonly message: Buffer }
  | { readonly kind: 'electorConnected'; readonly sid: Sid }
  /** The election connection to `sid` was lost, or could not be made. */
  | { readonly kind: 'electorLost'; readonly sid: Sid }
  /** Somebody connected to our quorum port. */
  | { readonly kind: 'learnerLinked'; readonly link: Link }
  /** Our dial to `sid` succeeded. */
  | { readonly kind: 'leaderLinked'; readonly sid: Sid; readonly link: Link }
  | { readonly kind: 'leaderUnreachable'; readonly sid: Sid; readonly reason: string }
  | { readonly kind: 'linkData'; readonly link: Link; readonly chunk: Buffer }
  | { readonly kind: 'linkClosed'; readonly link: Link; readonly reason: string }
  | { readonly kind: 'linkDrained'; readonly link: Link }
  /** A store callback, brought back by drive(). */
  | { readonly kind: 'stored'; readonly run: () => void };

export type RoleName = 'looking' | 'leading' | 'following' | 'observing' | 'standalone' | 'draining' | 'stopped';

export type TraceEvent =
  | { readonly kind: 'role'; readonly role: RoleName; readonly reason: string }
  | { readonly kind: 'recovered'; readonly lastZxid: Zxid; readonly acceptedEpoch: Epoch; readonly currentEpoch: Epoch; readonly notes: readonly string[]; readonly trusted: boolean }
  /** LOOKING has lasted: these members have not been heard of, or have lost their history and may not vote. Repeated at growing intervals; patience, not an error. */
  | { readonly kind: 'waiting'; readonly missing: readonly Sid[]; readonly distrusted: readonly Sid[]; readonly forMs: Millis }
  | { readonly kind: 'elected'; readonly leader: Sid; readonly zxid: Zxid; readonly electionEpoch: bigint; readonly peerEpoch: Epoch }
  /** Accepted or current epoch, durably changed. */
  | { readonly kind: 'epoch'; readonly acceptedEpoch: Epoch; readonly currentEpoch: Epoch }
  | { readonly kind: 'config'; readonly version: bigint; readonly text: string }
  /** A configuration was proposed: it counts beside the one in force until it has replaced it. Null: none does any more. */
  | { readonly kind: 'configProposed'; readonly text: string | null }
  /** How a learner is brought up to date: on the leader as sent, on the learner as received. `from`: the learner's last zxid, where known. */
  | { readonly kind: 'syncing'; readonly side: 'leader' | 'learner'; readonly sid: Sid; readonly op: SyncOp; readonly from: Zxid | null; readonly to: Zxid }
  | { readonly kind: 'serving'; readonly role: ServingRole; readonly epoch: Epoch; readonly zxid: Zxid }
  | { readonly kind: 'linkOpened'; readonly remote: string; readonly side: 'leader' | 'learner' }
  | { readonly kind: 'linkClosed'; readonly remote: string; readonly reason: string }
  /** What knocked on the quorum port did not speak its language, or not in turn. */
  | { readonly kind: 'linkRefused'; readonly remote: string; readonly reason: string }
  | { readonly kind: 'checkpoint'; readonly zxid: Zxid; readonly txns: number }
  /** There was no room for it; the one before it stays, and it is tried again. */
  | { readonly kind: 'checkpointFailed'; readonly reason: string }
  /** Nothing more can be logged: writes are refused, or the quorum is left, until `diskRoom`. */
  | { readonly kind: 'diskFull'; readonly reason: string }
  | { readonly kind: 'diskRoom'; readonly forMs: Millis }
  /** The tree was replaced or rewound from disk. */
  | { readonly kind: 'treeReplaced'; readonly by: 'snap' | 'truncate' | 'fastForward' | 'restore'; readonly zxid: Zxid }
  /** All that the tree was begun with is in memory now; `forMs` since the first piece of it was read beside the service. */
  | { readonly kind: 'treeRead'; readonly znodes: number; readonly forMs: Millis }
  | { readonly kind: 'treeChecked'; readonly znodes: number; readonly inMemory: number; readonly forMs: Millis }
  | { readonly kind: 'orphansRemoved'; readonly paths: readonly string[] }
  | { readonly kind: 'digestMismatch'; readonly zxid: Zxid; readonly expected: bigint; readonly actual: bigint }
  | { readonly kind: 'session'; readonly event: 'created' | 'renewed' | 'moved' | 'closed' | 'expired'; readonly session: SessionId; readonly timeoutMs: number; readonly remote: string | null }
  /** A client connection was ended, or a request not served, where the protocol has no word for it. */
  | { readonly kind: 'clientRefused'; readonly remote: string; readonly session: SessionId | null; readonly reason: string }
  /** A request that somebody wants to see (`logRequests`), and its reply. */
  | { readonly kind: 'request'; readonly session: SessionId; readonly remote: string; readonly xid: number; readonly op: string; readonly paths: readonly string[]; readonly bytes: number }
  | {
      readonly kind: 'reply';
      readonly session: SessionId;
      readonly xid: number;
      readonly op: string;
      readonly paths: readonly string[];
      /** `OK`, or the error's name. */
      readonly error: string;
      readonly zxid: bigint;
      readonly ms: Millis;
      readonly bytes: number;
    }
  /** Something on our own disk, or in our own state, that should not be. */
  | { readonly kind: 'damage'; readonly reason: string }
  | { readonly kind: 'fatal'; readonly code: number; readonly reason: string; readonly error?: Error };

export type SyncOp = 'DIFF' | 'TRUNC' | 'SNAP';
export type ServingRole = 'standalone' | 'leader' | 'follower' | 'observer' | 'readOnly';
