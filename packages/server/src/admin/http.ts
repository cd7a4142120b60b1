import { pipeline, type Readable } from 'node:stream';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AccessControl, Input } from '@zk/peer';
import { hex } from '@zk/protocol';
import { javaAddress } from '../net/java-address.ts';
import { listen } from '../net/listen.ts';
import { permissionOf } from './access.ts';
import { COMMANDS, findCommand, OWN_COMMANDS } from './commands.ts';
import type { Console } from './console/console.ts';
import type { FourLetterWords } from './four-letter-words.ts';
import { healthOf, healthText } from './health.ts';
import { HealthObserver } from './health-facts.ts';
import { prettyJson, type Json } from './json.ts';
import { requestFilterOf } from './request-log-command.ts';
import type { Reply } from './reply.ts';
import type { RestoreCommand } from './restore-command.ts';
import type { SnapshotCommand } from './snapshot-command.ts';
import { NOT_SERVING } from './texts.ts';
import type { AdminView } from './view.ts';

export interface AdminServerOptions {
  readonly host: string;
  readonly port: number;
  /** `/commands` */
  readonly path: string;
  readonly idleTimeoutMs: number;
  readonly words: FourLetterWords;
  readonly access: AccessControl;
  readonly snapshot: SnapshotCommand;
  readonly restore: RestoreCommand;
  /** `null`: switched off. */
  readonly console: Console | null;
  /** `null` before the peer has started. */
  view(): AdminView | null;
  feed(input: Input): void;
}

const REQUEST_LOG = 'request_log';

/** Commands that need an Authorization header, by name and alias. */
const GUARDED = new Map<string, { readonly name: string; readonly method: 'GET' | 'POST' }>([
  ...['snapshot', 'snap'].map((name) => [name, { name: 'snapshot', method: 'GET' }] as const),
  ...['restore', 'rest'].map((name) => [name, { name: 'restore', method: 'POST' }] as const),
]);

const NAMES = [...COMMANDS.map(({ name }) => name).filter((name) => !OWN_COMMANDS.has(name)), 'restore', 'snapshot'].sort();

/**
 * ZooKeeper's AdminServer: `GET /commands/stats` and its siblings as JSON (operations.md section 9), and what container
 * platforms ask for: /livez (this process answers), /readyz (clients are served), /health (how well, and why).
 */
export class AdminServer {
  readonly #options: AdminServerOptions;
  readonly #server: Server;
  readonly #health = new HealthObserver();
  #port = 0;

  constructor(options: AdminServerOptions) {
    this.#options = options;
    this.#server = createServer({ keepAliveTimeout: options.idleTimeoutMs }, (request, response) => {
      this.#answer(request, response).catch((error: unknown) => refuse(response, error));
    });
  }

  get port(): number {
    return this.#port;
  }

  /** @throws ListenError */
  async listen(): Promise<void> {
    const { host, port } = this.#options;
    this.#port = await listen(this.#server, 'admin', host === '0.0.0.0' ? { port } : { host, port });
    this.#health.start();
  }

  close(): void {
    this.#health.stop();
    this.#server.close();
    this.#server.closeAllConnections();
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { method = 'GET' } = request;
    const url = new URL(request.url ?? '/', 'http://admin');
    const root = this.#options.path;
    if (this.#options.console?.answer(request, response, url)) return;
    if (method === 'TRACE') return send(response, 403, 'text/plain', '');
    if (!['GET', 'HEAD', 'POST'].includes(method)) return send(response, 405, 'text/plain', '');
    if (url.pathname === root || url.pathname === `${root}/`) return send(response, 200, 'text/html;charset=utf-8', this.#index());
    if (url.pathname.startsWith(`${root}/`)) return this.#command(url.pathname.slice(root.length + 1), url.searchParams, request, response);
    if (method === 'POST') return send(response, 405, 'text/plain', '');
    return this.#probe(url, request, response);
  }

  #index(): string {
    return NAMES.map((name) => `<a href="${this.#options.path}/${name}">${name}</a>\n<br/>\n`).join('');
  }

  async #command(name: string, parameters: URLSearchParams, request: IncomingMessage, response: ServerResponse): Promise<void> {
    if (name === REQUEST_LOG) return this.#logRequests(parameters, request, response);
    const guarded = GUARDED.get(name);
    if (guarded !== undefined) return sendReply(response, guarded.name, await this.#guarded(guarded, parameters, request));
    // Apache's 3.9 answers POST to these with 500 and a stack trace.
    if (request.method === 'POST' && findCommand(name) !== undefined) return send(response, 405, 'text/plain', '');
    return send(response, 200, 'application/json', prettyJson(this.#run(name, parameters)));
  }

  /** Ours: tells the requests of one session, or about one path, in the log. Whoever may take a snapshot may. */
  #logRequests(parameters: URLSearchParams, request: IncomingMessage, response: ServerResponse): void {
    const answer = (status: number, error: string | null, fields: Record<string, Json> = {}): void =>
      send(response, status, 'application/json', prettyJson({ ...fields, command: REQUEST_LOG, error }));
    const view = this.#options.view();
    if (view === null) return answer(200, NOT_SERVING);
    const permission = permissionOf(request.headers.authorization, javaAddress(request.socket.remoteAddress ?? ''), view.rootAcl(), this.#options.access);
    if (!permission.granted) return answer(permission.status, permission.error);
    if (request.method !== 'POST') return answer(405, 'use POST');
    const filter = requestFilterOf(parameters);
    if (typeof filter === 'string') return answer(400, filter);
    this.#options.feed({ kind: 'logRequests', filter });
    answer(200, null, filter === null ? { logging: false } : { logging: true, sessions: [...filter.sessions].map(hex), paths: [...filter.paths], seconds: filter.forMs / 1000 });
  }

  #run(name: string, parameters: URLSearchParams): Json {
    const command = findCommand(name);
    if (command === undefined) return { command: name, error: `Unknown command: ${name}` };
    const answer = command.run(this.#options.view(), { words: this.#options.words, parameters });
    // An error comes first, as Jackson writes it when the command failed before it had fields.
    if (typeof answer === 'string') return { error: answer, command: command.name };
    return { ...answer, command: command.name, error: null };
  }

  async #guarded({ name, method }: { name: string; method: 'GET' | 'POST' }, parameters: URLSearchParams, request: IncomingMessage): Promise<Reply> {
    const view = this.#options.view();
    if (view === null || view.status.serving === null) return refusal(200, NOT_SERVING);
    const from = javaAddress(request.socket.remoteAddress ?? '');
    const permission = permissionOf(request.headers.authorization, from, view.rootAcl(), this.#options.access);
    if (!permission.granted) return refusal(permission.status, permission.error);
    if ((request.method === 'POST') !== (method === 'POST')) return refusal(405, `use ${method}`);
    const { snapshot, restore } = this.#options;
    return name === 'snapshot' ? snapshot.run((parameters.get('streaming') ?? 'true').toLowerCase() === 'true') : restore.run(request as AsyncIterable<Buffer>);
  }

  async #probe(url: URL, request: IncomingMessage, response: ServerResponse): Promise<void> {
    const view = this.#options.view();
    switch (url.pathname) {
      case '/livez':
        return send(response, 200, 'text/plain', 'alive\n');
      case '/readyz': {
        const obstacle = obstacleOf(view);
        return obstacle === null ? send(response, 200, 'text/plain', `ready: ${view?.status.serving}\n`) : send(response, 503, 'text/plain', `not ready: ${obstacle}\n`);
      }
      case '/health': {
        if (view === null) return send(response, 503, 'text/plain', 'starting\n');
        const health = healthOf(await this.#health.facts(view));
        const status = health.verdict === 'fail' ? 503 : 200;
        const wantsText = url.searchParams.get('format') === 'text' || (request.headers.accept ?? '').startsWith('text/plain');
        if (wantsText) return send(response, status, 'text/plain;charset=utf-8', healthText(health));
        return send(response, status, 'application/json', `${JSON.stringify(health, null, 2)}\n`);
      }
      default:
        return send(response, 404, 'text/plain', '');
    }
  }
}

/** Why clients should go elsewhere; `null`: they need not. */
function obstacleOf(view: AdminView | null): string | null {
  if (view === null) return 'starting';
  const { role, serving, stopping, disk } = view.status;
  if (disk.shortage !== null) return `the disk is full (${disk.shortage.reason})`;
  if (stopping) return 'stopping';
  return serving === null ? role : null;
}

/** A URL that is none, or a fault of ours: neither may take the server down. */
export function refuse(response: ServerResponse, error: unknown): void {
  const isTheirs = error instanceof TypeError && 'code' in error && error.code === 'ERR_INVALID_URL';
  if (response.headersSent) response.destroy();
  else send(response, isTheirs ? 400 : 500, 'text/plain', isTheirs ? '' : `${String(error)}\n`);
}

function refusal(status: number, error: string): Reply {
  return { status, headers: {}, body: { error } };
}

function sendReply(response: ServerResponse, command: string, { status, headers, body }: Reply): void {
  if ('stream' in body) return stream(response, body, headers);
  const { error, last_zxid } = body;
  send(response, status, 'application/json', prettyJson({ ...(last_zxid === undefined ? {} : { last_zxid }), command, error }), headers);
}

/** A client that goes away, or a file that does, ends the connection. */
function stream(response: ServerResponse, { length, stream: source }: Extract<Reply['body'], { stream: Readable }>, headers: Readonly<Record<string, string>>): void {
  response.writeHead(200, { ...headers, 'Content-Type': 'application/octet-stream', 'Content-Length': length });
  pipeline(source, response, () => {});
}

function send(response: ServerResponse, status: number, type: string, body: string | Buffer, headers: Readonly<Record<string, string>> = {}): void {
  response.writeHead(status, { ...headers, 'Content-Type': type, 'Content-Length': Buffer.byteLength(body) });
  response.end(body);
}
