import { EventEmitter } from 'node:events';
import { Reader, encode, type Codec } from '@zk/jute';
import {
  AddWatchRequest, Create2Response, CreateRequest, CreateResponse, CreateTTLRequest, DeleteRequest, ExistsRequest, ExistsResponse,
  GetACLRequest, GetACLResponse, GetAllChildrenNumberRequest, GetAllChildrenNumberResponse, GetChildren2Request,
  GetChildren2Response, GetDataRequest, GetDataResponse, GetEphemeralsRequest, GetEphemeralsResponse, KeeperError, OPEN_ACL,
  OpCode, ReconfigRequest, RemoveWatchesRequest, SetACLRequest, SetACLResponse, SetDataRequest, SetDataResponse, SyncRequest,
  SyncResponse, WhoAmIResponse,
  type ACL, type Stat,
} from '@zk/protocol';
import { parseConnectString } from './connect-string.ts';
import type { ClientState, WatchEvent } from './events.ts';
import { CreateFlags, type CreateMode } from './create-modes.ts';
import { encodeMulti, encodeMultiRead, readMulti, readMultiRead, type MultiOp, type MultiResult, type ReadOp, type ReadResult } from './multi.ts';
import { Session, type Auth } from './session.ts';
import { WatchRegistry, type WatchKind, type WatchListener } from './watch-registry.ts';
import { watchIterator } from './watch-iterator.ts';

export interface ConnectOptions {
  /** Asked for; the server clamps it (2 to 20 of its ticks by default). Default 30000. */
  readonly sessionTimeoutMs?: number;
  /** Also talk to a server that is cut off from its quorum and only reads. */
  readonly readOnly?: boolean;
  readonly auth?: readonly Auth[];
  /** Takes over a session: its id and password, from another client's `sessionId` and `sessionPassword`. */
  readonly session?: { readonly id: bigint; readonly password: Buffer };
  /** Gives up waiting for the first connection. */
  readonly signal?: AbortSignal;
}

export interface CallOptions {
  /** Stops waiting; the request itself may still take effect. */
  readonly signal?: AbortSignal;
}

export interface WatchOptions extends CallOptions {
  /** Called once, for the next change (of the node, or of its children for `getChildren`). */
  readonly watch?: WatchListener;
}

export interface CreateOptions extends CallOptions {
  readonly mode?: CreateMode;
  /** Default: world:anyone may do everything. */
  readonly acl?: readonly ACL[];
  /** Milliseconds without a change after which a `persistent-ttl` node may go. */
  readonly ttl?: number;
}

interface ClientEvents {
  state: [state: ClientState];
  watch: [event: WatchEvent];
}

/** Any version: the check is left out. */
const ANY_VERSION = -1;

/**
 * A ZooKeeper client: one session, on whichever server of its list answers. Calls reject with a `KeeperError` whose
 * `code` is the server's (`NONODE`, `BADVERSION`, …), or `CONNECTIONLOSS` when the connection broke before the answer
 * came, so that nobody knows whether the call took effect.
 *
 * Emits `state` and, for every watch event, `watch`.
 */
export class ZooKeeper extends EventEmitter<ClientEvents> {
  readonly #session: Session;
  readonly #chroot: string;
  readonly #watches = new WatchRegistry();

  /** Begins to connect; `ZooKeeper.connect` also waits for the session. */
  constructor(connectString: string, options: ConnectOptions = {}) {
    super();
    const { servers, chroot } = parseConnectString(connectString);
    this.#chroot = chroot;
    this.#session = new Session({
      servers,
      timeoutMs: options.sessionTimeoutMs ?? 30_000,
      readOnly: options.readOnly ?? false,
      auths: options.auth ?? [],
      resume: options.session,
      watches: this.#watches,
      onState: (state) => this.emit('state', state),
      onEvent: (event) => this.#dispatch(event),
    });
  }

  /**
   * `host:port,host:port/chroot` → a client that has its session.
   * @throws KeeperError SESSIONEXPIRED or AUTHFAILED; the signal's reason
   */
  static async connect(connectString: string, options: ConnectOptions = {}): Promise<ZooKeeper> {
    const client = new ZooKeeper(connectString, options);
    try {
      await client.connected(options.signal);
      return client;
    } catch (error) {
      await client.close();
      throw error;
    }
  }

  get state(): ClientState {
    return this.#session.state;
  }
  get sessionId(): bigint {
    return this.#session.id;
  }
  get sessionPassword(): Buffer {
    return this.#session.password;
  }
  /** What the server granted, ms. */
  get sessionTimeoutMs(): number {
    return this.#session.timeoutMs;
  }
  /** The newest transaction this client has seen the effect of. */
  get lastZxid(): bigint {
    return this.#session.lastZxid;
  }
  /** `host:port` of the server it talks to at the moment. */
  get server(): string | undefined {
    return this.#session.server;
  }

  /** Resolves when there is a session and a connection. */
  connected(signal?: AbortSignal): Promise<void> {
    const { promise, resolve, reject } = withResolvers<void>();
    const look = (): void => {
      const { state } = this;
      if (state === 'connected' || state === 'readOnly') resolve();
      else if (state === 'expired') reject(new KeeperError('SESSIONEXPIRED'));
      else if (state === 'authFailed') reject(new KeeperError('AUTHFAILED'));
      else if (state === 'closed') reject(new KeeperError('CONNECTIONLOSS'));
    };
    const aborted = (): void => reject(signal?.reason);
    if (signal?.aborted) aborted();
    signal?.addEventListener('abort', aborted, { once: true });
    this.on('state', look);
    look();
    return promise.finally(() => {
      this.off('state', look);
      signal?.removeEventListener('abort', aborted);
    });
  }

  /** Ends the session: its ephemeral nodes go at once. */
  close(): Promise<void> {
    return this.#session.close();
  }

  /** `await using zk = await ZooKeeper.connect(…)`. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  addAuth(scheme: string, auth: Buffer | string): void {
    this.#session.addAuth({ scheme, auth });
  }

  // ---- writing

  /** @throws KeeperError NODEEXISTS, NONODE (the parent), NOCHILDRENFOREPHEMERALS, NOAUTH, INVALIDACL, … */
  async create(path: string, data: Buffer | string | null = null, options: CreateOptions = {}): Promise<{ path: string; stat: Stat }> {
    const mode = options.mode ?? 'persistent';
    const request = {
      path: this.#absolute(path),
      data: bytesOf(data),
      acl: [...(options.acl ?? OPEN_ACL)],
      flags: CreateFlags[mode],
    };
    const read = (reply: { path: string; stat: Stat }): { path: string; stat: Stat } => ({ ...reply, path: this.#relative(reply.path) });
    if (mode === 'container') return read(await this.#call(OpCode.createContainer, CreateRequest, request, Create2Response, options));
    if (mode !== 'persistent-ttl' && mode !== 'persistent-sequential-ttl') {
      return read(await this.#call(OpCode.create2, CreateRequest, request, Create2Response, options));
    }
    const withTtl = { ...request, ttl: BigInt(options.ttl ?? 0) };
    return read(await this.#call(OpCode.createTTL, CreateTTLRequest, withTtl, Create2Response, options));
  }

  /** The request of clients before 3.5: no stat in the answer. */
  async createOld(path: string, data: Buffer | string | null = null, options: CreateOptions = {}): Promise<string> {
    const request = {
      path: this.#absolute(path),
      data: bytesOf(data),
      acl: [...(options.acl ?? OPEN_ACL)],
      flags: CreateFlags[options.mode ?? 'persistent'],
    };
    return this.#relative((await this.#call(OpCode.create, CreateRequest, request, CreateResponse, options)).path);
  }

  /** @throws KeeperError NONODE, BADVERSION, NOTEMPTY, NOAUTH */
  delete(path: string, version = ANY_VERSION, options: CallOptions = {}): Promise<void> {
    return this.#call(OpCode.delete, DeleteRequest, { path: this.#absolute(path), version }, null, options);
  }

  /** @throws KeeperError NONODE, BADVERSION, NOAUTH, QUOTAEXCEEDED */
  async setData(path: string, data: Buffer | string | null, version = ANY_VERSION, options: CallOptions = {}): Promise<Stat> {
    const request = { path: this.#absolute(path), data: bytesOf(data), version };
    return (await this.#call(OpCode.setData, SetDataRequest, request, SetDataResponse, options)).stat;
  }

  /** `version` is the aclVersion (aversion). */
  async setAcl(path: string, acl: readonly ACL[], version = ANY_VERSION, options: CallOptions = {}): Promise<Stat> {
    const request = { path: this.#absolute(path), acl: [...acl], version };
    return (await this.#call(OpCode.setACL, SetACLRequest, request, SetACLResponse, options)).stat;
  }

  /** All or nothing. A failed one gives every operation's error code; it does not reject. */
  multi(ops: readonly MultiOp[], options: CallOptions = {}): Promise<MultiResult[]> {
    const absolute = ops.map((op) => ({ ...op, path: this.#absolute(op.path) }));
    const read = (body: Reader): MultiResult[] => readMulti(body, (path) => this.#relative(path));
    return abortable(this.#session.request(OpCode.multi, encodeMulti(absolute), read), options.signal);
  }

  // ---- reading

  /** The stat, or null when there is no such node; `watch` then hears of its creation. */
  async exists(path: string, options: WatchOptions = {}): Promise<Stat | null> {
    const request = { path: this.#absolute(path), watch: options.watch !== undefined };
    try {
      const { stat } = await this.#call(OpCode.exists, ExistsRequest, request, ExistsResponse, options);
      this.#listen('data', request.path, options.watch);
      return stat;
    } catch (error) {
      if (!(error instanceof KeeperError) || error.code !== 'NONODE') throw error;
      this.#listen('exist', request.path, options.watch);
      return null;
    }
  }

  /** @throws KeeperError NONODE, NOAUTH */
  async getData(path: string, options: WatchOptions = {}): Promise<{ data: Buffer | null; stat: Stat }> {
    const request = { path: this.#absolute(path), watch: options.watch !== undefined };
    const { data, stat } = await this.#call(OpCode.getData, GetDataRequest, request, GetDataResponse, options, (reply) => ({
      ...reply,
      data: reply.data && Buffer.from(reply.data), // out of the connection's buffer
    }));
    this.#listen('data', request.path, options.watch);
    return { data, stat };
  }

  /** Names, in no particular order. */
  async getChildren(path: string, options: WatchOptions = {}): Promise<{ children: string[]; stat: Stat }> {
    const request = { path: this.#absolute(path), watch: options.watch !== undefined };
    const reply = await this.#call(OpCode.getChildren2, GetChildren2Request, request, GetChildren2Response, options);
    this.#listen('child', request.path, options.watch);
    return reply;
  }

  getAcl(path: string, options: CallOptions = {}): Promise<{ acl: ACL[]; stat: Stat }> {
    return this.#call(OpCode.getACL, GetACLRequest, { path: this.#absolute(path) }, GetACLResponse, options);
  }

  /** Several reads in one request; an operation that fails does not stop the others. */
  multiRead(ops: readonly ReadOp[], options: CallOptions = {}): Promise<ReadResult[]> {
    const absolute = ops.map((op) => ({ ...op, path: this.#absolute(op.path) }));
    return abortable(this.#session.request(OpCode.multiRead, encodeMultiRead(absolute), readMultiRead), options.signal);
  }

  /** This session's ephemeral nodes whose path starts with `prefix`. */
  async getEphemerals(prefix = '/', options: CallOptions = {}): Promise<string[]> {
    const request = { prefixPath: this.#absolute(prefix) };
    const reply = await this.#call(OpCode.getEphemerals, GetEphemeralsRequest, request, GetEphemeralsResponse, options);
    return reply.ephemerals.map((path) => this.#relative(path));
  }

  /** How many nodes there are below `path`. */
  async getAllChildrenNumber(path: string, options: CallOptions = {}): Promise<number> {
    const request = { path: this.#absolute(path) };
    const reply = await this.#call(OpCode.getAllChildrenNumber, GetAllChildrenNumberRequest, request, GetAllChildrenNumberResponse, options);
    return reply.totalNumber;
  }

  /** Brings this client's server up to date with the leader: a read after it sees every write acknowledged before it. */
  async sync(path = '/', options: CallOptions = {}): Promise<void> {
    await this.#call(OpCode.sync, SyncRequest, { path: this.#absolute(path) }, SyncResponse, options);
  }

  async whoAmI(options: CallOptions = {}): Promise<{ scheme: string; user: string }[]> {
    const request = this.#session.request(OpCode.whoAmI, Buffer.alloc(0), (body) => WhoAmIResponse.read(body));
    const { clientInfo } = await abortable(request, options.signal);
    return clientInfo.map(({ authScheme, user }) => ({ scheme: authScheme, user }));
  }

  /** The ensemble's configuration as text: the data of /zookeeper/config, whatever the chroot. */
  async getConfig(options: WatchOptions = {}): Promise<{ config: string; stat: Stat }> {
    const request = { path: '/zookeeper/config', watch: options.watch !== undefined };
    const { data, stat } = await this.#call(OpCode.getData, GetDataRequest, request, GetDataResponse, options, (reply) => ({
      ...reply,
      data: String(reply.data ?? ''),
    }));
    this.#listen('data', request.path, options.watch);
    return { config: data, stat };
  }

  /** Changes the ensemble's members; each list in Apache's syntax, or null. Resolves with the new configuration. */
  async reconfig(joining: string | null, leaving: string | null, members: string | null, fromConfig = -1n): Promise<string> {
    const request = { joiningServers: joining, leavingServers: leaving, newMembers: members, curConfigId: fromConfig };
    const reply = await this.#call(OpCode.reconfig, ReconfigRequest, request, GetDataResponse, {}, ({ data }) => String(data ?? ''));
    return reply;
  }

  // ---- watching

  /** A watch that stays: it survives reconnects, and changes that happen meanwhile are not told. */
  async addWatch(path: string, mode: 'persistent' | 'recursive', listener: WatchListener, options: CallOptions = {}): Promise<void> {
    const request = { path: this.#absolute(path), mode: mode === 'persistent' ? 0 : 1 };
    await this.#call(OpCode.addWatch, AddWatchRequest, request, null, options);
    this.#watches.add(mode, request.path, listener);
  }

  /** @throws KeeperError NOWATCHER */
  async removeWatches(path: string, kind: RemovableWatch, options: CallOptions = {}): Promise<void> {
    const absolute = this.#absolute(path);
    const { type, kinds } = REMOVABLE[kind];
    await this.#call(OpCode.removeWatches, RemoveWatchesRequest, { path: absolute, type }, null, options);
    for (const removed of kinds) this.#watches.remove(removed, absolute);
  }

  /**
   * Every change of a node (or, `recursive`, of everything below it), for as long as the loop runs:
   * `for await (const event of zk.watch('/app', { recursive: true })) …`
   */
  watch(path: string, options: { recursive?: boolean; signal?: AbortSignal } = {}): AsyncIterableIterator<WatchEvent> {
    const kind = options.recursive ? 'recursive' : 'persistent';
    return watchIterator({
      begin: (listener) => this.addWatch(path, kind, listener),
      end: async (listener) => {
        const last = this.#watches.remove(kind, this.#absolute(path), listener);
        if (last) await this.removeWatches(path, kind).catch(() => undefined); // gone with its connection: as good
      },
      onFinalState: (ended) => this.on('state', ended),
      offFinalState: (ended) => this.off('state', ended),
      signal: options.signal,
    });
  }

  #listen(kind: WatchKind, absolutePath: string, listener: WatchListener | undefined): void {
    if (listener) this.#watches.add(kind, absolutePath, listener);
  }

  #dispatch(event: WatchEvent): void {
    const listeners = this.#watches.take(event);
    const told = { ...event, path: this.#relative(event.path) };
    for (const listener of listeners) listener(told);
    this.emit('watch', told);
  }

  // ---- requests

  #call<Q, A, R = A>(
    type: number, request: Codec<Q>, value: Q, response: Codec<A> | null, options: CallOptions, map?: (reply: A) => R,
  ): Promise<R> {
    const read = (body: Reader): R => {
      if (response === null) return undefined as R;
      const reply = response.read(body);
      return map ? map(reply) : (reply as unknown as R);
    };
    return abortable(this.#session.request(type, encode(request, value), read, pathOf(value)), options.signal);
  }

  #absolute(path: string): string {
    if (this.#chroot === '') return path;
    return path === '/' ? this.#chroot : this.#chroot + path;
  }

  #relative(path: string): string {
    if (this.#chroot === '' || !path.startsWith(this.#chroot)) return path;
    return path.slice(this.#chroot.length) || '/';
  }
}

/** What `removeWatches` can name: the server's watcherType, and the registrations here. */
export type RemovableWatch = 'children' | 'data' | 'any' | 'persistent' | 'recursive';

const REMOVABLE: Record<RemovableWatch, { type: number; kinds: readonly WatchKind[] }> = {
  children: { type: 1, kinds: ['child'] },
  data: { type: 2, kinds: ['data', 'exist'] },
  any: { type: 3, kinds: ['data', 'exist', 'child', 'persistent', 'recursive'] },
  persistent: { type: 4, kinds: ['persistent'] },
  recursive: { type: 5, kinds: ['recursive'] },
};

function bytesOf(data: Buffer | string | null): Buffer | null {
  return typeof data === 'string' ? Buffer.from(data) : data;
}

function pathOf(request: unknown): string | undefined {
  return (request as { path?: string }).path;
}

function withResolvers<T>(): { promise: Promise<T>; resolve(value: T): void; reject(reason: unknown): void } {
  let resolve!: (value: T) => void;
  let reject!: (reason: unknown) => void;
  const promise = new Promise<T>((yes, no) => {
    resolve = yes;
    reject = no;
  });
  return { promise, resolve, reject };
}

function abortable<T>(promise: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (!signal) return promise;
  const { promise: aborted, reject } = withResolvers<never>();
  const abort = (): void => reject(signal.reason);
  if (signal.aborted) abort();
  signal.addEventListener('abort', abort, { once: true });
  promise.catch(() => undefined); // its rejection is nobody's any more once the signal has won
  return Promise.race([promise, aborted]).finally(() => signal.removeEventListener('abort', abort));
}
