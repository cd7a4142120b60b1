import type { IncomingMessage, ServerResponse } from 'node:http';
import type { AccessControl, Input } from '@zk/peer';
import { CreateRequest, DeleteRequest, ErrorCode, errorName, KeeperError, OPEN_ACL, OpCode, SetDataRequest, type ErrorName } from '@zk/protocol';
import type { DataTree } from '@zk/tree';
import type { AdminView } from '../view.ts';
import { visitorOf, type Visitor } from './credentials.ts';
import { runErrand, type Request } from './errand.ts';
import { reportNode } from './node.ts';
import { reportOverview, reportSessions, reportTop, reportWatches } from './overview.ts';
import { consolePage } from './page.ts';
import type { Plain } from './plain.ts';

export interface ConsoleOptions {
  /** Whether visitors with credentials may create, change and delete znodes, as far as the ACLs let them. */
  readonly isWritable: boolean;
  readonly access: AccessControl;
  /** Bytes of data in one request. */
  readonly maxDataBytes: number;
  /** `null` before the peer has started. */
  view(): AdminView | null;
  tree(): DataTree | null;
  feed(input: Input): void;
}

const API = '/console/api/';
const HTTP_STATUS: Partial<Record<ErrorName, number>> = { OK: 200, NOAUTH: 403, AUTHFAILED: 401, NONODE: 404, CONNECTIONLOSS: 503, BADARGUMENTS: 400, UNIMPLEMENTED: 405 };
const CONFLICT = 409;

/** The console: a page at /console for people, and what it asks for under /console/api. */
export class Console {
  readonly #options: ConsoleOptions;

  constructor(options: ConsoleOptions) {
    this.#options = options;
  }

  /** Answers what is the console's. @returns whether it was */
  answer(request: IncomingMessage, response: ServerResponse, url: URL): boolean {
    if (url.pathname.startsWith(API)) {
      void this.#api(request, response, url);
      return true;
    }
    if (url.pathname === '/' && isReading(request)) {
      response.writeHead(302, { Location: '/console', 'Content-Length': 0 }).end();
      return true;
    }
    if ((url.pathname !== '/console' && url.pathname !== '/console/') || !isReading(request)) return false;
    const { html, policy } = consolePage();
    respond(response, 200, 'text/html;charset=utf-8', html, { 'Content-Security-Policy': policy, 'X-Content-Type-Options': 'nosniff', 'Referrer-Policy': 'no-referrer' });
    return true;
  }

  async #api(request: IncomingMessage, response: ServerResponse, url: URL): Promise<void> {
    try {
      const answer = await this.#answerApi(request, url);
      json(response, 200, answer);
    } catch (error) {
      const code = error instanceof KeeperError ? error.code : 'SYSTEMERROR';
      json(response, HTTP_STATUS[code] ?? (error instanceof KeeperError ? CONFLICT : 500), { error: code });
    }
  }

  async #answerApi(request: IncomingMessage, url: URL): Promise<Plain> {
    const visitor = visitorOf(request, this.#options.access);
    const view = this.#options.view();
    if (view === null) throw new KeeperError('CONNECTIONLOSS');
    const name = url.pathname.slice(API.length);
    if (name === 'node') return this.#node(request, visitor, url.searchParams);
    if (!isReading(request)) throw new KeeperError('UNIMPLEMENTED');
    if (name === 'overview') return reportOverview(view, this.#options.isWritable);
    if (name === 'sessions') return reportSessions(view);
    if (name === 'watches') return reportWatches(view);
    if (name === 'top') return reportTop(view);
    throw new KeeperError('NONODE');
  }

  async #node(request: IncomingMessage, visitor: Visitor, parameters: URLSearchParams): Promise<Plain> {
    const path = parameters.get('path') ?? '/';
    if (!isReading(request)) await this.#write(request, visitor, path, Number(parameters.get('version') ?? -1));
    const tree = this.#options.tree();
    if (tree === null) throw new KeeperError('CONNECTIONLOSS');
    return request.method === 'DELETE' ? { path } : reportNode(tree, path, this.#options.access, visitor);
  }

  /** Only for those who say who they are: a browser sends no such header across sites unasked. */
  async #write(request: IncomingMessage, visitor: Visitor, path: string, version: number): Promise<void> {
    if (!this.#options.isWritable) throw new KeeperError('UNIMPLEMENTED');
    if (visitor.digest === null) throw new KeeperError('AUTHFAILED');
    if (!Number.isInteger(version)) throw new KeeperError('BADARGUMENTS');
    const data = await bodyOf(request, this.#options.maxDataBytes);
    const error = await this.#run(request.method, visitor, path, version, data);
    if (error !== ErrorCode.OK) throw new KeeperError(errorName(error) ?? 'SYSTEMERROR', path);
  }

  #run(method: string | undefined, visitor: Visitor, path: string, version: number, data: Buffer): Promise<number> {
    const run = <T>(request: Request<T>): Promise<number> => runErrand(this.#options.feed, visitor, request);
    if (method === 'PUT') return run({ op: OpCode.setData, codec: SetDataRequest, body: { path, data, version } });
    if (method === 'POST') return run({ op: OpCode.create, codec: CreateRequest, body: { path, data, acl: [...OPEN_ACL], flags: 0 } });
    if (method === 'DELETE') return run({ op: OpCode.delete, codec: DeleteRequest, body: { path, version } });
    throw new KeeperError('UNIMPLEMENTED');
  }
}

function isReading({ method }: IncomingMessage): boolean {
  return method === 'GET' || method === 'HEAD';
}

async function bodyOf(request: IncomingMessage, maxBytes: number): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes > maxBytes) throw new KeeperError('BADARGUMENTS');
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

function json(response: ServerResponse, status: number, answer: Plain): void {
  respond(response, status, 'application/json', JSON.stringify(answer), { 'Cache-Control': 'no-store', 'X-Content-Type-Options': 'nosniff' });
}

function respond(response: ServerResponse, status: number, type: string, body: string, headers: Record<string, string>): void {
  response.writeHead(status, { 'Content-Type': type, 'Content-Length': Buffer.byteLength(body), ...headers });
  response.end(body);
}
