import { JuteError, type Reader } from '@zk/jute';
import {
  ErrorCode,
  KeeperError,
  OpCode,
  proposalOf,
  type ACL,
  type Id,
  type Proposal,
  type SessionId,
  type TxnBody,
  type TxnDigest,
  type Zxid,
} from '@zk/protocol';
import { checkQuota, type DataTree } from '@zk/tree';
import type { AccessControl } from './auth.ts';
import type { PeerConfig } from './config.ts';
import { prepareDeleteContainer } from './operations/delete.ts';
import { writes } from './operations/index.ts';
import { prepareCloseSession } from './operations/sessions.ts';
import type { WriteContext, WriteOperation } from './operations/write-operation.ts';
import type { PipelineMetrics } from './metrics.ts';
import { Outstanding, type PendingNode } from './outstanding.ts';
import type { Owner, Sessions } from './sessions.ts';
import type { Clock } from './world.ts';

const DIGEST_VERSION = 2;
const NOBODY: Id[] = [];

/** Who asks for a write. */
export interface Asker {
  readonly session: SessionId;
  readonly cxid: number;
  /** null: the server itself. */
  readonly ids: readonly Id[] | null;
  readonly owner: Owner;
}

/**
 * Turns writes into txns, on the leader or standalone server, in the order in which they arrive. Every attempt takes the next
 * zxid: what fails becomes an error txn, so that its origin learns of it and all servers stay in step (client.md 2.2).
 */
export class Preparer {
  readonly pending: Outstanding;
  readonly #config: PeerConfig;
  readonly #clock: Clock;
  readonly #sessions: Sessions;
  readonly #context: Context;
  /** Given for each period of service; null: the counter is exhausted. */
  nextZxid: () => Zxid | null = () => null;
  standalone = false;
  #zxid = 0n as Zxid;
  /** The wall clock, once more as a bigint: it is the same for many a txn. */
  #timeMs = 0;
  #time = 0n;

  constructor(config: PeerConfig, clock: Clock, tree: () => DataTree, sessions: Sessions, access: AccessControl, metrics: PipelineMetrics) {
    this.#config = config;
    this.#clock = clock;
    this.#sessions = sessions;
    this.pending = new Outstanding(tree, config.digestEnabled);
    this.#context = new Context(this, config, tree, sessions, access, metrics);
  }

  /**
   * A client's write, not decoded yet. An undecodable one takes a zxid, too: on a learner somebody waits for its txn (T42).
   * @returns null when there are no zxids left, here and below
   */
  request(op: number, body: Reader, asker: Asker): Proposal | null {
    const operation = writes.get(op);
    let request: unknown;
    try {
      request = operation?.request.read(body);
    } catch (error) {
      if (error instanceof JuteError) return this.failed(ErrorCode.MARSHALLINGERROR, asker);
      throw error;
    }
    // A bare check, which old learners forward, is no txn that any replica could read (T59).
    return operation ? this.decoded(operation, request, asker) : this.failed(ErrorCode.UNIMPLEMENTED, asker);
  }

  decoded<R>(operation: WriteOperation<R>, request: R, asker: Asker): Proposal | null {
    if (!this.#begin(asker)) return null;
    try {
      return this.#finish(operation.prepare(request, this.#context));
    } catch (error) {
      return this.#finish(errorTxn(error));
    }
  }

  /** A write that cannot even be tried. */
  failed(err: number, asker: Asker): Proposal | null {
    return this.#begin(asker) ? this.#finish({ type: OpCode.error, err }) : null;
  }

  createSession(asker: Asker, timeOut: number): Proposal | null {
    if (!this.#begin(asker)) return null;
    this.#sessions.track(asker.session, timeOut, false, this.#clock.now()).owner = asker.owner;
    return this.#finish({ type: OpCode.createSession, timeOut });
  }

  closeSession(asker: Asker): Proposal | null {
    if (!this.#begin(asker)) return null;
    this.#sessions.close(asker.session);
    return this.#finish(prepareCloseSession(asker.session, this.pending, this.#config.closeSessionTxnEnabled));
  }

  deleteContainer(asker: Asker, path: string): Proposal | null {
    if (!this.#begin(asker)) return null;
    try {
      return this.#finish(prepareDeleteContainer(path, this.#context));
    } catch (error) {
      return this.#finish(errorTxn(error));
    }
  }

  #begin(asker: Asker): boolean {
    const zxid = this.nextZxid();
    if (zxid === null) return false;
    this.#zxid = zxid;
    const ms = this.#clock.wallTime();
    if (ms !== this.#timeMs) {
      this.#timeMs = ms;
      this.#time = BigInt(ms);
    }
    this.pending.begin(zxid, this.#time);
    this.#context.asker = asker;
    return true;
  }

  #finish(body: TxnBody): Proposal {
    const { session, cxid } = this.#context.asker;
    const header = { clientId: session, cxid, zxid: this.#zxid, time: this.#time, type: body.type };
    // A failed single op has no digest, a failed multi has the unchanged one (quorum.md 9.2).
    const digest = this.#config.digestEnabled && body.type !== OpCode.error ? this.#digest() : null;
    return proposalOf({ header, body, digest });
  }

  #digest(): TxnDigest {
    return { version: DIGEST_VERSION, treeDigest: BigInt.asIntN(64, this.pending.digest) };
  }
}

function errorTxn(error: unknown): TxnBody {
  if (error instanceof KeeperError) return { type: OpCode.error, err: error.errno };
  throw error;
}

/** The write being prepared, as operations see it. */
class Context implements WriteContext {
  readonly config: PeerConfig;
  readonly pending: Outstanding;
  readonly #tree: () => DataTree;
  readonly #preparer: Preparer;
  readonly #sessions: Sessions;
  readonly #access: AccessControl;
  readonly #metrics: PipelineMetrics;
  asker: Asker = { session: 0n as SessionId, cxid: 0, ids: null, owner: -1 };

  constructor(preparer: Preparer, config: PeerConfig, tree: () => DataTree, sessions: Sessions, access: AccessControl, metrics: PipelineMetrics) {
    this.#preparer = preparer;
    this.config = config;
    this.pending = preparer.pending;
    this.#tree = tree;
    this.#sessions = sessions;
    this.#access = access;
    this.#metrics = metrics;
  }

  get session(): SessionId {
    return this.asker.session;
  }

  get ids(): readonly Id[] | null {
    return this.asker.ids;
  }

  requireSession(): void {
    this.#sessions.check(this.session, this.asker.owner, this.#preparer.standalone);
  }

  requireGlobalSession(): void {
    this.#sessions.checkGlobal(this.session, this.asker.owner);
  }

  requirePermission(node: PendingNode, perm: number): void {
    // A client's request without ids is a broken learner's (quorum.md 11.4).
    if (this.ids === null) throw new KeeperError('MARSHALLINGERROR', node.path);
    if (!this.#access.allows(node.acl, perm, this.ids)) throw new KeeperError('NOAUTH', node.path);
  }

  fixAcl(acl: readonly ACL[] | null): ACL[] {
    return this.#access.fix(acl, this.ids ?? NOBODY);
  }

  requireQuota(path: string, bytes: number, nodes: number): void {
    if (!this.config.enforceQuota) return;
    const tree = this.#tree();
    const limited = tree.limitedAncestor(path);
    if (limited === null) return;
    const quota = tree.quotaOf(limited);
    if (!quota) return;
    try {
      checkQuota(quota, bytes, nodes);
    } catch (error) {
      if (error instanceof KeeperError && error.code === 'QUOTAEXCEEDED') this.#metrics.quotaExceededBy(path);
      throw error;
    }
  }
}
