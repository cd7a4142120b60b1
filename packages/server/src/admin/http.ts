import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { listen } from '../net/listen.ts';
import { COMMANDS, findCommand } from './commands.ts';
import type { FourLetterWords } from './four-letter-words.ts';
import { prettyJson, type Json } from './json.ts';
import type { AdminView } from './view.ts';

export interface AdminServerOptions {
  readonly host: string;
  readonly port: number;
  /** `/commands` */
  readonly path: string;
  readonly idleTimeoutMs: number;
  readonly words: FourLetterWords;
  /** `null` before the peer has started. */
  view(): AdminView | null;
}

/** ZooKeeper's AdminServer: `GET /commands/stats` and its siblings as JSON (operations.md section 9). */
export class AdminServer {
  readonly #options: AdminServerOptions;
  readonly #server: Server;
  #port = 0;

  constructor(options: AdminServerOptions) {
    this.#options = options;
    this.#server = createServer({ keepAliveTimeout: options.idleTimeoutMs }, (request, response) => this.#answer(request, response));
  }

  get port(): number {
    return this.#port;
  }

  /** @throws ListenError */
  async listen(): Promise<void> {
    const { host, port } = this.#options;
    this.#port = await listen(this.#server, 'admin', host === '0.0.0.0' ? { port } : { host, port });
  }

  close(): void {
    this.#server.close();
    this.#server.closeAllConnections();
  }

  #answer(request: IncomingMessage, response: ServerResponse): void {
    const url = new URL(request.url ?? '/', 'http://admin');
    const root = this.#options.path;
    if (request.method === 'TRACE') return send(response, 403, 'text/plain', '');
    if (request.method !== 'GET' && request.method !== 'HEAD') return send(response, 405, 'text/plain', '');
    if (url.pathname === root || url.pathname === `${root}/`) return send(response, 200, 'text/html;charset=utf-8', this.#index());
    if (!url.pathname.startsWith(`${root}/`)) return send(response, 404, 'text/plain', '');
    const answer = this.#run(url.pathname.slice(root.length + 1), url.searchParams);
    send(response, 200, 'application/json', prettyJson(answer));
  }

  #index(): string {
    const names = COMMANDS.map(({ name }) => name).sort();
    return names.map((name) => `<a href="${this.#options.path}/${name}">${name}</a>\n<br/>\n`).join('');
  }

  #run(name: string, parameters: URLSearchParams): Json {
    const command = findCommand(name);
    if (command === undefined) return { command: name, error: `Unknown command: ${name}` };
    const answer = command.run(this.#options.view(), { words: this.#options.words, parameters });
    // An error comes first, as Jackson writes it when the command failed before it had fields.
    if (typeof answer === 'string') return { error: answer, command: command.name };
    return { ...answer, command: command.name, error: null };
  }
}

function send(response: ServerResponse, status: number, type: string, body: string): void {
  response.writeHead(status, { 'Content-Type': type, 'Content-Length': Buffer.byteLength(body) });
  response.end(body);
}
