import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { refuse } from '../admin/http.ts';
import { listen } from '../net/listen.ts';
import type { MetricFamily } from './family.ts';
import { formatFor } from './negotiation.ts';
import { NodeMetrics } from './node.ts';
import { openMetricsExposition, OPENMETRICS_TYPE } from './openmetrics.ts';
import { textExposition, TEXT_TYPE } from './text.ts';

export interface PrometheusOptions {
  readonly host: string;
  readonly port: number;
  /** metricsProvider.exportJvmInfo: Node's own metrics here. */
  readonly exportNode: boolean;
  /** Everything about ZooKeeper; empty before the peer has started. */
  families(): readonly MetricFamily[];
}

/** `GET /metrics` on metricsProvider.httpPort. Nothing is gathered but when asked. */
export class PrometheusProvider {
  readonly #options: PrometheusOptions;
  readonly #server: Server;
  #node: NodeMetrics | null = null;
  #port = 0;

  constructor(options: PrometheusOptions) {
    this.#options = options;
    this.#server = createServer((request, response) => {
      this.#answer(request, response).catch((error: unknown) => refuse(response, error));
    });
  }

  get port(): number {
    return this.#port;
  }

  /** @throws ListenError */
  async listen(): Promise<void> {
    const { host, port, exportNode } = this.#options;
    this.#port = await listen(this.#server, 'metrics', host === '0.0.0.0' ? { port } : { host, port });
    if (exportNode) this.#node = new NodeMetrics();
  }

  close(): void {
    this.#node?.close();
    this.#server.close();
    this.#server.closeAllConnections();
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = new URL(request.url ?? '/', 'http://metrics');
    if (url.pathname !== '/metrics') return finish(response, 404, 'text/plain', 'The metrics are at /metrics\n');
    if (request.method !== 'GET' && request.method !== 'HEAD') return finish(response, request.method === 'TRACE' ? 403 : 405, 'text/plain', '');
    const families = wanted([...this.#options.families(), ...(this.#node?.families() ?? [])], url.searchParams.getAll('name[]'));
    switch (formatFor(request.headers.accept)) {
      case 'protobuf': {
        const { protobufExposition, PROTOBUF_TYPE } = await import('./protobuf.ts'); // most servers are never asked for it
        return finish(response, 200, PROTOBUF_TYPE, protobufExposition(families));
      }
      case 'openmetrics':
        return finish(response, 200, OPENMETRICS_TYPE, openMetricsExposition(families));
      case 'text':
        return finish(response, 200, TEXT_TYPE, textExposition(families));
    }
  }
}

/** `?name[]=` picks samples in Apache's provider; here whole families. */
function wanted(families: readonly MetricFamily[], names: readonly string[]): readonly MetricFamily[] {
  return names.length === 0 ? families : families.filter(({ name }) => names.some((one) => one.replace(/_(count|sum|total)$/, '') === name || one === name));
}

function finish(response: ServerResponse, status: number, type: string, body: string | Buffer): void {
  response.writeHead(status, { 'Content-Type': type, 'Content-Length': Buffer.byteLength(body) });
  response.end(body);
}
