import { decode, encode } from '@zk/jute';
import { asSessionId, ConnectRequest, ConnectResponse, ErrorCode, Stat, sessionPassword } from '@zk/protocol';
import { RawClient, type Received } from '../raw-client.ts';
import { Interpreter, type Baseline } from './replies.ts';
import { describeRequest, encodeRequest, type Damage, type Place, type Request } from './requests.ts';

/** What one of the clients of a sequence does. A slot is one client: at most one connection at a time. */
export type Step =
  | { kind: 'request'; slot: number; request: Request; damage?: Damage }
  /** All in one write: the later ones are there before the first is answered. */
  | { kind: 'burst'; slot: number; requests: Request[] }
  /** A new session. The old one stays behind, with its connection cut. */
  | { kind: 'connect'; slot: number; hello: Hello }
  /** The last session of this slot again, over a new connection, while the old one may still be open. */
  | { kind: 'reattach'; slot: number; hello: Hello; password: 'right' | 'wrong'; session: 'own' | 'unknown' }
  /** The connection is cut, the session lives on. */
  | { kind: 'drop'; slot: number };

export interface Hello {
  readonly timeOut: number;
  readonly withReadOnly: boolean;
  readonly seen: 'nothing' | 'all' | 'tomorrow';
}

/** What one connection heard, in its order. `at` is the number of the step in which it was read. */
export interface Heard {
  readonly at: number;
  readonly text: string;
}

/** What every connection of a sequence heard, by the name of the connection. */
export type Transcript = Map<string, Heard[]>;

const USUAL: Hello = { timeOut: 60_000, withReadOnly: true, seen: 'all' };
const CLOSE_MS = 3_000;
const SHARED_PATHS = ['', '/', '/zookeeper', '/zookeeper/quota'];
const UNKNOWN_SESSION = 0x0100_0000_0000_beefn;
const AHEAD = 1_000_000n;

interface Connection {
  readonly name: string;
  readonly client: RawClient;
  readonly heard: Heard[];
  /** Frames until now that are events, with their zxid: which of them the closing of a session caused is known at the end. */
  readonly events: { index: number; zxid: bigint }[];
  xid: number;
  isOpen: boolean;
}

/** One server, and the sequences played to it one after the other. */
export class Stage {
  readonly #port: number;
  readonly #control: RawClient;
  #played = 0;

  private constructor(port: number, control: RawClient) {
    this.#port = port;
    this.#control = control;
  }

  static async open(port: number): Promise<Stage> {
    const control = await RawClient.dial(port);
    control.send(helloFrame(USUAL, 0n, 0n, Buffer.alloc(16)));
    await frameFrom(control);
    return new Stage(port, control);
  }

  close(): void {
    this.#control.hangUp();
  }

  /** Plays the steps below a root of their own; afterwards every session is closed. */
  async play(steps: readonly Step[]): Promise<Transcript> {
    const root = `/q${String(++this.#played).padStart(6, '0')}`;
    const baselines = new Map<string, Baseline>();
    const create: Request = { op: 'create', path: root, data: '', acl: [{ perms: 31, scheme: 'world', id: 'anyone' }], flags: 0 };
    const created = await this.#ask(create, { root, base: 0n });
    const place = { root, base: created.readBigInt64BE(4) };
    for (const path of SHARED_PATHS) baselines.set(path, await this.#baseline(path, place));
    const playing = new Playing(this.#port, place, new Interpreter(place, baselines));
    for (const [index, step] of steps.entries()) await playing.perform(step, index);
    return playing.finish(steps.length);
  }

  async #baseline(path: string, place: Place): Promise<Baseline> {
    const stat = decode(Stat, (await this.#ask({ op: 'exists', path, watch: false }, place)).subarray(16));
    const count = await this.#ask({ op: 'getAllChildrenNumber', path: path === '' ? '/' : path }, place);
    return { cversion: stat.cversion, numChildren: stat.numChildren, descendants: count.readInt32BE(16) };
  }

  #ask(request: Request, place: Place): Promise<Buffer> {
    this.#control.send(encodeRequest(request, 1, place));
    return frameFrom(this.#control);
  }
}

/** One sequence, on one server. */
class Playing {
  readonly #port: number;
  readonly #place: Place;
  readonly #interpreter: Interpreter;
  readonly #transcript: Transcript = new Map();
  readonly #connections: Connection[] = [];
  /** By slot. */
  readonly #current = new Map<number, Connection>();
  readonly #session = new Map<number, bigint>();
  /** Sessions that may live, in the order of their birth. */
  readonly #alive = new Set<bigint>();
  /** Zxids at which sessions were closed: the order in which their ephemerals go is nobody's promise. */
  readonly #goodbyes = new Set<bigint>();
  #born = 0;
  #seen: bigint;
  #at = 0;

  constructor(port: number, place: Place, interpreter: Interpreter) {
    this.#port = port;
    this.#place = place;
    this.#interpreter = interpreter;
    this.#seen = place.base;
  }

  async perform(step: Step, at: number): Promise<void> {
    this.#at = at;
    switch (step.kind) {
      case 'request':
        return this.#request(await this.#connected(step.slot), [step.request], step.damage);
      case 'burst':
        return this.#request(await this.#connected(step.slot), step.requests);
      case 'connect':
        this.#cut(step.slot);
        return this.#connect(step.slot, step.hello, 0n, Buffer.alloc(16));
      case 'reattach':
        return this.#reattach(step);
      case 'drop':
        return this.#cut(step.slot);
    }
  }

  /** Lets every connection hear what is left for it, then closes every session that may still live. */
  async finish(at: number): Promise<Transcript> {
    this.#at = at;
    for (const connection of this.#current.values()) await this.#request(connection, [{ op: 'ping' }]);
    for (const slot of this.#current.keys()) this.#cut(slot);
    for (const session of this.#alive) {
      await this.#connect(-1, USUAL, session, sessionPassword(asSessionId(session)));
      const connection = this.#current.get(-1);
      if (connection?.isOpen) await this.#request(connection, [{ op: 'closeSession' }]);
    }
    for (const connection of this.#connections) {
      connection.client.hangUp();
      this.#sortGoodbyes(connection);
    }
    return this.#transcript;
  }

  async #connected(slot: number): Promise<Connection> {
    if (!this.#current.get(slot)?.isOpen) await this.#connect(slot, USUAL, 0n, Buffer.alloc(16));
    return this.#current.get(slot) as Connection;
  }

  async #reattach({ slot, hello, password, session }: Step & { kind: 'reattach' }): Promise<void> {
    const own = this.#session.get(slot);
    const id = session === 'unknown' || own === undefined ? UNKNOWN_SESSION : own;
    const right = sessionPassword(asSessionId(id));
    const old = this.#current.get(slot);
    // What is under way to the old connection when it is closed may be lost on either server: nothing shall be.
    if (old?.isOpen) await this.#request(old, [{ op: 'ping' }]);
    await this.#connect(slot, hello, id, password === 'right' ? right : Buffer.alloc(16, 7));
    // Whoever takes over a session ends the connection it had, even with a wrong password.
    if (!old?.isOpen) return;
    if (id !== own || hello.seen === 'tomorrow') old.client.hangUp();
    else await this.#untilClosed(old);
    old.isOpen = false;
  }

  async #connect(slot: number, hello: Hello, session: bigint, password: Buffer): Promise<void> {
    const client = await RawClient.dial(this.#port);
    const connection: Connection = { name: `c${this.#connections.length}`, client, heard: [], events: [], xid: 0, isOpen: true };
    this.#connections.push(connection);
    this.#current.set(slot, connection);
    this.#transcript.set(connection.name, connection.heard);
    client.send(helloFrame(hello, this.#seenAs(hello), session, password));
    const answer = await client.receive();
    if (typeof answer === 'string') {
      this.#note(connection, `connect: ${answer}`);
      connection.isOpen = false;
      return;
    }
    const response = decode(ConnectResponse, answer);
    const isNew = response.sessionId !== 0n && !this.#alive.has(response.sessionId);
    if (isNew) this.#interpreter.name(response.sessionId, `session${this.#born++}`);
    const isRight = response.passwd?.equals(response.sessionId === 0n ? Buffer.alloc(16) : sessionPassword(response.sessionId)) ?? false;
    const id = response.sessionId === 0n ? '0' : isNew ? 'new' : response.sessionId === session ? 'the same' : 'another';
    this.#note(
      connection,
      `connect: version=${response.protocolVersion} timeOut=${response.timeOut} session=${id} passwd=${isRight ? 'right' : 'wrong'} readOnly=${String(response.readOnly)} (${answer.length} bytes)`,
    );
    if (response.sessionId === 0n) return this.#untilClosed(connection);
    this.#session.set(slot, response.sessionId);
    this.#alive.add(response.sessionId);
  }

  async #request(connection: Connection, requests: readonly Request[], damage?: Damage): Promise<void> {
    if (!connection.isOpen) return;
    const first = connection.xid + 1;
    connection.xid += requests.length;
    const xidOf = (request: Request, index: number): number => (request.op === 'ping' ? -2 : first + index);
    connection.client.send(...requests.map((request, i) => encodeRequest(request, xidOf(request, i), this.#place, damage)));
    for (const [index, request] of requests.entries()) {
      if (!connection.isOpen) return;
      await this.#answer(connection, request, xidOf(request, index));
    }
  }

  /** Reads up to and with the reply; what comes before it are events. */
  async #answer(connection: Connection, request: Request, xid: number): Promise<void> {
    for (;;) {
      const received = await connection.client.receive();
      if (typeof received === 'string') return this.#end(connection, `${request.op}: ${received}`);
      const said = this.#interpreter.interpret(received, xid, request);
      if (said.zxid > this.#seen) this.#seen = said.zxid;
      if (said.event !== null) {
        connection.events.push({ index: connection.heard.length, zxid: said.event });
        this.#note(connection, said.text);
        continue;
      }
      this.#note(connection, `${request.op}: ${said.text}`);
      if (request.op === 'closeSession') this.#goodbyes.add(said.zxid);
      if (closesConnection(request, said.err, said.zxid)) await this.#untilClosed(connection);
      return;
    }
  }

  async #untilClosed(connection: Connection): Promise<void> {
    for (;;) {
      const received: Received = await connection.client.receive(CLOSE_MS);
      if (received === 'closed') return this.#end(connection, 'closed');
      if (received === 'silence') return this.#end(connection, 'left open');
      const said = this.#interpreter.interpret(received, 0, null);
      if (said.event !== null) connection.events.push({ index: connection.heard.length, zxid: said.event });
      this.#note(connection, said.text);
    }
  }

  #end(connection: Connection, text: string): void {
    this.#note(connection, text);
    connection.isOpen = false;
    connection.client.hangUp();
  }

  #cut(slot: number): void {
    const connection = this.#current.get(slot);
    if (connection === undefined) return;
    connection.isOpen = false;
    connection.client.hangUp();
  }

  #note(connection: Connection, text: string): void {
    connection.heard.push({ at: this.#at, text });
  }

  #seenAs({ seen }: Hello): bigint {
    return seen === 'nothing' ? 0n : seen === 'all' ? this.#seen : this.#seen + AHEAD;
  }

  #sortGoodbyes({ heard, events }: Connection): void {
    for (const zxid of this.#goodbyes) {
      const indexes = events.filter((event) => event.zxid === zxid).map((event) => event.index);
      const sorted = indexes.map((index) => heard[index] as Heard).sort((a, b) => (a.text < b.text ? -1 : a.text > b.text ? 1 : 0));
      indexes.forEach((index, i) => (heard[index] = sorted[i] as Heard));
    }
  }
}

function closesConnection(request: Request, err: number, zxid: bigint): boolean {
  if (request.op === 'closeSession') return true;
  if (err === ErrorCode.UNIMPLEMENTED) return zxid === -1n;
  return err === ErrorCode.AUTHFAILED || err === ErrorCode.SESSIONCLOSEDREQUIRESASLAUTH;
}

function helloFrame({ timeOut, withReadOnly }: Hello, lastZxidSeen: bigint, session: bigint, passwd: Buffer): Buffer {
  const readOnly = withReadOnly ? false : undefined;
  return encode(ConnectRequest, { protocolVersion: 0, lastZxidSeen, timeOut, sessionId: asSessionId(session), passwd, readOnly });
}

async function frameFrom(client: RawClient): Promise<Buffer> {
  const received = await client.receive();
  if (typeof received === 'string') throw new Error(`the server gave no reply: ${received}`);
  return received;
}

/** One line a step, numbered as in the transcript. */
export function describeSteps(steps: readonly Step[]): string {
  return steps.map((step, index) => `${String(index).padStart(3)}  ${describeStep(step)}`).join('\n');
}

function describeStep(step: Step): string {
  const { kind, slot } = step;
  switch (step.kind) {
    case 'request':
      return `client ${slot}  ${describeRequest(step.request, step.damage)}`;
    case 'burst':
      return `client ${slot}  at once: ${step.requests.map((request) => describeRequest(request)).join('\n                at once: ')}`;
    case 'connect':
      return `client ${slot}  connect ${JSON.stringify(step.hello)}`;
    case 'reattach':
      return `client ${slot}  reattach to ${step.session} session, ${step.password} password, ${JSON.stringify(step.hello)}`;
    case 'drop':
      return `client ${slot}  ${kind}`;
  }
}
