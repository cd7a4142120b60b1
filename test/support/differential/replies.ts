import { int, Reader, vector, ustring } from '@zk/jute';
import { ACL, ClientInfo, errorName, MultiHeader, OpCode, opName, ReplyHeader, Stat, WatcherEvent } from '@zk/protocol';
import type { Place, Request } from './requests.ts';

const EVENT_XID = -1;
const EVENT_NAMES: Record<number, string> = { 1: 'NodeCreated', 2: 'NodeDeleted', 3: 'NodeDataChanged', 4: 'NodeChildrenChanged' };

/** Znodes that all sequences share, so that their counters say nothing: they are shown relative to these. */
export interface Baseline {
  readonly cversion: number;
  readonly numChildren: number;
  readonly descendants: number;
}

/** One frame as text in which two servers of a different past must not differ. */
export interface Said {
  readonly text: string;
  /** The zxid of an event, null in a reply. */
  readonly event: bigint | null;
  /** Of a reply. */
  readonly err: number;
  readonly zxid: bigint;
}

/**
 * Puts the frames of one server into words, for one sequence: zxids relative to its start, session ids by the order in
 * which they were given out, times by whether they belong to their zxid. Names come sorted where their order is nobody's promise.
 */
export class Interpreter {
  readonly #place: Place;
  readonly #baselines: ReadonlyMap<string, Baseline>;
  readonly #sessions = new Map<bigint, string>();
  readonly #times = new Map<bigint, bigint>();

  constructor(place: Place, baselines: ReadonlyMap<string, Baseline>) {
    this.#place = place;
    this.#baselines = baselines;
  }

  /** From now on that session goes by that name. */
  name(session: bigint, name: string): void {
    this.#sessions.set(session, name);
  }

  /** @param request what the frame answers, unless it is an event; null: nothing was asked */
  interpret(frame: Buffer, xid: number, request: Request | null): Said {
    const reader = new Reader(frame);
    const header = ReplyHeader.read(reader);
    if (header.xid === EVENT_XID) {
      const { type, state, path } = WatcherEvent.read(reader);
      const text = `event ${EVENT_NAMES[type] ?? type} ${this.#path(path)} state=${state} zxid=${this.#zxid(header.zxid)} err=${header.err}`;
      return { text: text + rest(reader), event: header.zxid, err: 0, zxid: header.zxid };
    }
    const words = [errorOf(header.err), `zxid=${this.#zxid(header.zxid)}`];
    if (header.xid !== xid) words.push(`xid=${header.xid} instead of ${xid}`);
    if (header.err === 0 && request !== null) words.push(...this.#body(reader, request));
    return { text: words.join(' ') + rest(reader), event: null, err: header.err, zxid: header.zxid };
  }

  #body(reader: Reader, request: Request): string[] {
    switch (request.op) {
      case 'create':
      case 'sync':
        return [this.#path(reader.ustring())];
      case 'create2':
      case 'createContainer':
      case 'createTTL':
        return [this.#path(reader.ustring()), this.#stat(reader)];
      case 'exists':
      case 'setData':
      case 'setACL':
        return [this.#stat(reader, request.path)];
      case 'getData':
        return [dataOf(reader.buffer()), this.#stat(reader, request.path)];
      case 'getACL':
        return [JSON.stringify(vector(ACL).read(reader)), this.#stat(reader, request.path)];
      case 'getChildren':
        return [this.#names(reader, request.path)];
      case 'getChildren2':
        return [this.#names(reader, request.path), this.#stat(reader, request.path)];
      case 'getEphemerals':
        return [this.#names(reader, null)];
      case 'getAllChildrenNumber':
        return [String(int.read(reader) - (this.#baselineOf(request.path)?.descendants ?? 0))];
      case 'whoAmI':
        return [vector(ClientInfo).read(reader).map((info) => JSON.stringify(info)).sort().join(' ')];
      case 'sasl':
        return [dataOf(reader.buffer())];
      case 'addWatch':
        return [String(int.read(reader))];
      case 'reconfig':
        return [dataOf(reader.buffer()), this.#stat(reader)];
      case 'multi':
      case 'multiRead':
        return this.#results(reader, request.requests);
      case 'opcode':
        return this.#lists(reader, request.code);
      default:
        return [];
    }
  }

  /** Even a body of random bytes can be a request, and ask for what comes in any order. */
  #lists(reader: Reader, code: number): string[] {
    if (code === OpCode.getChildren || code === OpCode.getEphemerals) return [this.#names(reader, null)];
    if (code === OpCode.getChildren2) return [this.#names(reader, null), this.#stat(reader)];
    return code === OpCode.whoAmI ? this.#body(reader, { op: 'whoAmI' }) : [];
  }

  #results(reader: Reader, requests: readonly Request[]): string[] {
    const words: string[] = [];
    for (let at = 0; reader.remaining > 0; at++) {
      const { type, done, err } = MultiHeader.read(reader);
      if (done) {
        words.push(`end(${type} ${err})`);
        break;
      }
      words.push(`| ${opName(type)} ${errorOf(err)}${this.#result(reader, type, requests[at])}`);
    }
    return words;
  }

  #result(reader: Reader, type: number, request: Request | undefined): string {
    const path = request !== undefined && 'path' in request ? request.path : null;
    switch (type) {
      case OpCode.error:
        return ` ${errorOf(int.read(reader))}`;
      case OpCode.create:
        return ` ${this.#path(reader.ustring())}`;
      case OpCode.create2:
        return ` ${this.#path(reader.ustring())} ${this.#stat(reader)}`;
      case OpCode.setData:
        return ` ${this.#stat(reader, path)}`;
      case OpCode.getChildren:
        return ` ${this.#names(reader, path)}`;
      case OpCode.getData:
        return ` ${dataOf(reader.buffer())} ${this.#stat(reader, path)}`;
      default:
        return '';
    }
  }

  #stat(reader: Reader, path: string | null = null): string {
    const stat = Stat.read(reader);
    const { cversion, numChildren } = this.#baselineOf(path) ?? { cversion: 0, numChildren: 0 };
    return [
      `{c=${this.#zxid(stat.czxid)} m=${this.#zxid(stat.mzxid)} p=${this.#zxid(stat.pzxid)}`,
      `v=${stat.version}/${stat.cversion - cversion}/${stat.aversion} owner=${this.#owner(stat.ephemeralOwner)}`,
      `length=${stat.dataLength} children=${stat.numChildren - numChildren}`,
      `times=${this.#time(stat.czxid, stat.ctime)}/${this.#time(stat.mzxid, stat.mtime)}}`,
    ].join(' ');
  }

  /** Every txn has one time: whoever shows another for the same zxid is wrong. */
  #time(zxid: bigint, time: bigint): string {
    if (zxid === 0n) return String(time);
    const known = this.#times.get(zxid) ?? time;
    this.#times.set(zxid, known);
    return known === time ? 'ok' : `${time - known} ms off`;
  }

  #names(reader: Reader, path: string | null): string {
    const names = vector(ustring).read(reader);
    // Roots of other sequences lie below / and, with quotas, below /zookeeper/quota.
    const own = this.#baselineOf(path) === undefined ? names : names.filter((name) => !/^q\d{6}$/.test(name) || `/${name}` === this.#place.root);
    return `[${own.map((name) => this.#path(name)).sort().join(' ')}]`;
  }

  #baselineOf(path: string | null): Baseline | undefined {
    return path === null ? undefined : this.#baselines.get(path);
  }

  #path(text: string | null): string {
    return text === null ? 'null' : JSON.stringify(text).slice(1, -1).replaceAll(this.#place.root.slice(1), '~').replace(/^\/~/, '~');
  }

  #zxid(zxid: bigint): string {
    if (zxid <= 0n) return String(zxid);
    return zxid < this.#place.base ? 'old' : `+${zxid - this.#place.base}`;
  }

  #owner(session: bigint): string {
    return session === 0n ? '0' : (this.#sessions.get(session) ?? `0x${BigInt.asUintN(64, session).toString(16)}`);
  }
}

const errorOf = (err: number): string => (err === 0 ? 'ok' : (errorName(err) ?? String(err)));
const dataOf = (data: Buffer | null): string => (data === null ? 'null' : JSON.stringify(data.toString('latin1')));
const rest = (reader: Reader): string =>
  reader.remaining === 0 ? '' : ` and ${reader.remaining} bytes more: ${reader.bytes.subarray(reader.offset).toString('hex')}`;
