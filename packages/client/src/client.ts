import { EventEmitter } from 'node:events';
import { Reader, encode, type Codec } from '@zk/jute';
import {
  AddWatchRequest, Create2Response, CreateRequest, CreateResponse, CreateTTLRequest, DeleteRequest, ExistsRequest, ExistsResponse,
  GetACLRequest, GetACLResponse, GetAllChildrenNumberRequest, GetAllChildrenNumberResponse, GetChildren2Request,
  GetChildren2Response, GetDataRequest, GetDataResponse, GetEphemeralsRequest, GetEphemeralsResponse, ErrorCode, KeeperError, OPEN_ACL,
  OpCode, ReconfigRequest, RemoveWatchesRequest, SetACLRequest, SetACLResponse, SetDataRequest, SetDataResponse, SyncRequest,
  SyncResponse, WhoAmIResponse,
  type ACL, type Stat,
} from '@zk/protocol';
import { Chroot } from './chroot.ts';
import { parseConnectString } from './connect-string.ts';
import { callOut } from './errors.ts';
import { bytesOf } from './data.ts';
import type { ClientState, WatchEvent } from './events.ts';
import { CreateFlags, type CreateMode } from './create-modes.ts';
import { encodeMulti, encodeMultiRead, readMulti, readMultiRead, type MultiOp, type MultiResult, type ReadOp, type ReadResult } from './multi.ts';
import type { CallOptions, ConnectOptions, CreateOptions, RemovableWatch, RemoveWatchesOptions, WatchOptions } from './options.ts';
import { Session, type RequestOptions } from './session.ts';
import { WatchRegistry, type WatchKind, type WatchListener } from './watch-registry.ts';
import { watchIterator } from './watch-iterator.ts';

interface ClientEvents {
  state: [state: ClientState];
  watch: [event: WatchEvent];
}

/** Any version: the check is left out. */
const ANY_VERSION = -1;
const CONFIG_NODE = '/zookeeper/config';

/**
 * A ZooKeeper client: one session, on whichever server of its list answers. Calls reject with a `KeeperError` whose
 * `code` is the server's (`NONODE`, `BADVERSION`, …), or `CONNECTIONLOSS` when the connection broke before the answer
 * came, so that nobody knows whether the call took effect.
 *
 * Emits `state` and, for every watch event, `watch`.
 */
export class ZooKeeper extends EventEmitter<ClientEvents> {
  readonly #session: Session;
  readonly #chroot: Chroot;
  readonly #watches = new WatchRegistry();

  /** Begins to connect; `ZooKeeper.connect` also waits for the session. */
  constructor(connectString: string, options: ConnectOptions = {}) {
    super();
    this.setMaxListeners(0); // every loop over a watch listens for the end
    const { servers, chroot } = parseConnectString(connectString);
    this.#chroot = new Chroot(chroot);
    const timeoutMs = options.sessionTimeoutMs ?? 30_000;
    this.#session = new Session({
      servers,
      tls: options.tls,
      timeoutMs,
      patienceMs: options.patienceMs ?? timeoutMs,
      readOnly: options.readOnly ?? false,
      auths: options.auth ?? [],
      resume: options.session,
      watches: this.#watches,
      onState: (state) => callOut(() => this.emit('state', state)),
      onEvent: (event) => this.#dispatch(event),
    });
  }

  /**
   * `host:port,host:port/chroot` → a client that has its session.
   * @throws KeeperError CONNECTIONLOSS when no server has answered for `patienceMs` (the `cause` says why), SESSIONEXPIRED,
   *   AUTHFAILED; the signal's reason
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
  /** Why the last connection, or the last attempt at one, came to nothing: `host:port: reason`. */
  get lastFailure(): string | undefined {
    return this.#session.lastFailure;
  }
  /** `host:port` of the server it talks to at the moment. */
  get server(): string | undefined {
    return this.#session.server;
  }

  /**
   * Resolves when there is a session and a connection.
   * @throws like {@link ZooKeeper.connect}
   */
  connected(signal?: AbortSignal): Promise<void> {
    return this.#session.ready(signal);
  }

  /** Ends the session: its ephemeral nodes go at once, or with the session's timeout when there is no connection. */
  close(): Promise<void> {
    return this.#session.close();
  }

  /** `await using zk = await ZooKeeper.connect(…)`. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  /** Adds an identity, now and after every reconnect. Refused credentials end the session: state `authFailed`. */
  addAuth(scheme: string, auth: Buffer | string): void {
    this.#session.addAuth({ scheme, auth });
  }

  // ---- writing

  /** @throws KeeperError NODEEXISTS, NONODE (the parent), NOCHILDRENFOREPHEMERALS, NOAUTH, INVALIDACL, … */
  async create(path: string, data: Buffer | string | null = null, options: CreateOptions = {}): Promise<{ path: string; stat: Stat }> {
    const mode = options.mode ?? 'persistent';
    const request = this.#createRequest(path, data, options);
    const made =
      mode === 'persistent-ttl' || mode === 'persistent-sequential-ttl'
        ? await this.#call(OpCode.createTTL, CreateTTLRequest, { ...request, ttl: BigInt(options.ttl ?? 0) }, Create2Response, { ...options, path })
        : await this.#call(
            mode === 'container' ? OpCode.createContainer : OpCode.create2, CreateRequest, request, Create2Response, { ...options, path },
          );
    return { ...made, path: this.#chroot.relative(made.path) };
  }

  /** The request of clients before 3.5: no stat in the answer. */
  async createOld(path: string, data: Buffer | string | null = null, options: CreateOptions = {}): Promise<string> {
    const request = this.#createRequest(path, data, options);
    const made = await this.#call(OpCode.create, CreateRequest, request, CreateResponse, { ...options, path });
    return this.#chroot.relative(made.path);
  }

  #createRequest(path: string, data: Buffer | string | null, { mode = 'persistent', acl = OPEN_ACL }: CreateOptions): CreateRequest {
    return { path: this.#absoluteFor(mode, path), data: bytesOf(data), acl: [...acl], flags: CreateFlags[mode] };
  }

  /** @throws KeeperError NONODE, BADVERSION, NOTEMPTY, NOAUTH */
  async delete(path: string, version = ANY_VERSION, options: CallOptions = {}): Promise<void> {
    const request = { path: this.#chroot.absolute(path), version };
    await this.#call(OpCode.delete, DeleteRequest, request, null, { ...options, path });
  }

  /** @throws KeeperError NONODE, BADVERSION, NOAUTH, QUOTAEXCEEDED */
  async setData(path: string, data: Buffer | string | null, version = ANY_VERSION, options: CallOptions = {}): Promise<Stat> {
    const request = { path: this.#chroot.absolute(path), data: bytesOf(data), version };
    return (await this.#call(OpCode.setData, SetDataRequest, request, SetDataResponse, { ...options, path })).stat;
  }

  /** `version` is the aclVersion (aversion). */
  async setAcl(path: string, acl: readonly ACL[], version = ANY_VERSION, options: CallOptions = {}): Promise<Stat> {
    const request = { path: this.#chroot.absolute(path), acl: [...acl], version };
    return (await this.#call(OpCode.setACL, SetACLRequest, request, SetACLResponse, { ...options, path })).stat;
  }

  /** All or nothing. A failed one gives every operation's error code; it does not reject. */
  async multi(ops: readonly MultiOp[], options: CallOptions = {}): Promise<MultiResult[]> {
    const absolute = ops.map((op) => ({ ...op, path: this.#absoluteFor(op.op === 'create' ? op.mode : undefined, op.path) }));
    const read = (body: Reader): MultiResult[] => readMulti(body, ops, (path) => this.#chroot.relative(path));
    return this.#session.request(OpCode.multi, encodeMulti(absolute), read, options);
  }

  // ---- reading

  /** The stat, or null when there is no such node; `watch` then hears of its creation. */
  async exists(path: string, options: WatchOptions = {}): Promise<Stat | null> {
    const request = { path: this.#chroot.absolute(path), watch: options.watch !== undefined };
    const answered = (errno: number): void => {
      if (errno === 0) this.#listen('data', request.path, options.watch);
      else if (errno === ErrorCode.NONODE) this.#listen('exist', request.path, options.watch);
    };
    try {
      return (await this.#call(OpCode.exists, ExistsRequest, request, ExistsResponse, { signal: options.signal, path, answered })).stat;
    } catch (error) {
      if (error instanceof KeeperError && error.code === 'NONODE') return null;
      throw error;
    }
  }

  /** @throws KeeperError NONODE, NOAUTH */
  async getData(path: string, options: WatchOptions = {}): Promise<{ data: Buffer | null; stat: Stat }> {
    const request = { path: this.#chroot.absolute(path), watch: options.watch !== undefined };
    return this.#call(OpCode.getData, GetDataRequest, request, GetDataResponse, this.#watching('data', request.path, path, options), owned);
  }

  /** Names, in no particular order. */
  async getChildren(path: string, options: WatchOptions = {}): Promise<{ children: string[]; stat: Stat }> {
    const request = { path: this.#chroot.absolute(path), watch: options.watch !== undefined };
    const call = this.#watching('child', request.path, path, options);
    return this.#call(OpCode.getChildren2, GetChildren2Request, request, GetChildren2Response, call);
  }

  async getAcl(path: string, options: CallOptions = {}): Promise<{ acl: ACL[]; stat: Stat }> {
    return this.#call(OpCode.getACL, GetACLRequest, { path: this.#chroot.absolute(path) }, GetACLResponse, { ...options, path });
  }

  /** Several reads in one request; an operation that fails does not stop the others. */
  async multiRead(ops: readonly ReadOp[], options: CallOptions = {}): Promise<ReadResult[]> {
    const absolute = ops.map((op) => ({ ...op, path: this.#chroot.absolute(op.path) }));
    return this.#session.request(OpCode.multiRead, encodeMultiRead(absolute), (body) => readMultiRead(body, ops), options);
  }

  /** This session's ephemeral nodes whose path starts with `prefix`. */
  async getEphemerals(prefix = '/', options: CallOptions = {}): Promise<string[]> {
    const request = { prefixPath: this.#chroot.absolute(prefix) };
    const call = { ...options, path: prefix };
    const reply = await this.#call(OpCode.getEphemerals, GetEphemeralsRequest, request, GetEphemeralsResponse, call);
    // A prefix need not end with a component: that of the chroot /app also finds /application.
    return reply.ephemerals.filter((path) => this.#chroot.contains(path)).map((path) => this.#chroot.relative(path));
  }

  /** How many nodes there are below `path`. */
  async getAllChildrenNumber(path: string, options: CallOptions = {}): Promise<number> {
    const request = { path: this.#chroot.absolute(path) };
    const call = { ...options, path };
    const reply = await this.#call(OpCode.getAllChildrenNumber, GetAllChildrenNumberRequest, request, GetAllChildrenNumberResponse, call);
    return reply.totalNumber;
  }

  /** Brings this client's server up to date with the leader: a read after it sees every write acknowledged before it. */
  async sync(path = '/', options: CallOptions = {}): Promise<void> {
    await this.#call(OpCode.sync, SyncRequest, { path: this.#chroot.absolute(path) }, SyncResponse, { ...options, path });
  }

  async whoAmI(options: CallOptions = {}): Promise<{ scheme: string; user: string }[]> {
    const { clientInfo } = await this.#session.request(OpCode.whoAmI, Buffer.alloc(0), (body) => WhoAmIResponse.read(body), options);
    return clientInfo.map(({ authScheme, user }) => ({ scheme: authScheme, user }));
  }

  /** The ensemble's configuration as text: the data of /zookeeper/config, whatever the chroot. */
  async getConfig(options: WatchOptions = {}): Promise<{ config: string; stat: Stat }> {
    const request = { path: CONFIG_NODE, watch: options.watch !== undefined };
    const call = this.#watching('data', CONFIG_NODE, CONFIG_NODE, options);
    return this.#call(OpCode.getData, GetDataRequest, request, GetDataResponse, call, configOf);
  }

  /**
   * Changes the ensemble's members; each list in Apache's syntax, or null. Resolves with the new configuration.
   * @param fromConfig version of the configuration it must start from; −1n: any
   * @throws KeeperError BADVERSION, NEWCONFIGNOQUORUM, RECONFIGINPROGRESS, RECONFIGDISABLED, NOAUTH, BADARGUMENTS
   */
  async reconfig(
    change: { joining?: string | null; leaving?: string | null; members?: string | null; fromConfig?: bigint }, options: CallOptions = {},
  ): Promise<{ config: string; stat: Stat }> {
    const request = {
      joiningServers: change.joining ?? null,
      leavingServers: change.leaving ?? null,
      newMembers: change.members ?? null,
      curConfigId: change.fromConfig ?? -1n,
    };
    return this.#call(OpCode.reconfig, ReconfigRequest, request, GetDataResponse, options, configOf);
  }

  // ---- watching

  /** A watch that stays: it survives reconnects, and changes that happen meanwhile are not told. */
  async addWatch(path: string, mode: 'persistent' | 'recursive', listener: WatchListener, options: CallOptions = {}): Promise<void> {
    const request = { path: this.#chroot.absolute(path), mode: mode === 'persistent' ? 0 : 1 };
    const call = this.#watching(mode, request.path, path, { ...options, watch: listener });
    await this.#call(OpCode.addWatch, AddWatchRequest, request, null, call);
  }

  /**
   * Resolves with what this client had registered there and has no more.
   * @throws KeeperError NOWATCHER; BADARGUMENTS for the last two kinds from servers before 3.9
   */
  async removeWatches(path: string, kind: RemovableWatch, options: RemoveWatchesOptions = {}): Promise<WatchKind[]> {
    const absolute = this.#chroot.absolute(path);
    const { type, kinds } = REMOVABLE[kind];
    const { listener } = options;
    const removeHere = (): WatchKind[] => kinds.filter((removed) => this.#watches.remove(removed, absolute, listener));
    const shared = listener !== undefined && kinds.some((each) => this.#watches.hasOthers(each, absolute, listener));
    const connected = this.state === 'connected' || this.state === 'readOnly';
    let removed: WatchKind[] = [];
    // Watches die with the connection, so that without one there is nothing to remove on a server.
    if (shared || (options.local && !connected)) removed = removeHere();
    else {
      const answered = (errno: number): void => void (errno === 0 && (removed = removeHere()));
      await this.#call(OpCode.removeWatches, RemoveWatchesRequest, { path: absolute, type }, null, { signal: options.signal, path, answered });
    }
    if (removed.length === 0) throw new KeeperError('NOWATCHER', path);
    return removed;
  }

  /**
   * Every change of a node (or, `recursive`, of everything below it) from the first turn of the loop on, for as long as
   * it runs: `for await (const event of zk.watch('/app', { recursive: true })) …` It ends with the signal or the client.
   */
  watch(path: string, options: { recursive?: boolean; signal?: AbortSignal } = {}): AsyncIterableIterator<WatchEvent> {
    const kind = options.recursive ? 'recursive' : 'persistent';
    return watchIterator({
      begin: (listener) => this.addWatch(path, kind, listener),
      end: async (listener) => {
        await this.removeWatches(path, kind, { listener, local: true }).catch(() => {
          this.#watches.remove(kind, this.#chroot.absolute(path), listener); // gone with its connection: as good
        });
      },
      onState: (listener) => this.on('state', listener),
      offState: (listener) => this.off('state', listener),
      signal: options.signal,
    });
  }

  #listen(kind: WatchKind, absolutePath: string, listener: WatchListener | undefined): void {
    if (listener) this.#watches.add(kind, absolutePath, listener);
  }

  /** Registers at the moment of the reply: the event may be the very next frame. */
  #watching(kind: WatchKind, absolutePath: string, path: string, { signal, watch }: WatchOptions): RequestOptions {
    const answered = (errno: number): void => {
      if (errno === 0) this.#listen(kind, absolutePath, watch);
    };
    return { path, signal, answered };
  }

  #dispatch(event: WatchEvent): void {
    const listeners = this.#watches.take(event);
    const told = { ...event, path: this.#chroot.relative(event.path) };
    for (const listener of listeners) callOut(() => listener(told));
    callOut(() => this.emit('watch', told));
  }

  // ---- requests

  #call<Q, A, R = A>(
    type: number, request: Codec<Q>, value: Q, response: Codec<A> | null, options: RequestOptions, map?: (reply: A) => R,
  ): Promise<R> {
    const read = (body: Reader): R => {
      if (response === null) return undefined as R;
      const reply = response.read(body);
      return map ? map(reply) : (reply as unknown as R);
    };
    return this.#session.request(type, encode(request, value), read, options);
  }

  #absoluteFor(mode: CreateMode | undefined, path: string): string {
    return mode?.includes('sequential') ? this.#chroot.absoluteSequential(path) : this.#chroot.absolute(path);
  }
}

/** Of the server's watcherType, and of the registrations here. */
const REMOVABLE: Record<RemovableWatch, { type: number; kinds: readonly WatchKind[] }> = {
  children: { type: 1, kinds: ['child'] },
  data: { type: 2, kinds: ['data', 'exist'] },
  any: { type: 3, kinds: ['data', 'exist', 'child', 'persistent', 'recursive'] },
  persistent: { type: 4, kinds: ['persistent'] },
  recursive: { type: 5, kinds: ['recursive'] },
};

/** The data copied out of the connection's buffer. */
function owned({ data, stat }: GetDataResponse): GetDataResponse {
  return { data: data && Buffer.from(data), stat };
}

function configOf({ data, stat }: GetDataResponse): { config: string; stat: Stat } {
  return { config: String(data ?? ''), stat };
}
