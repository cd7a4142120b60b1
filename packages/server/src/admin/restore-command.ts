import type { RestoreAnswer } from '@zk/peer';
import { asZxid, type ImageBuilder, type Zxid } from '@zk/protocol';
import { SnapshotParser } from '@zk/store';
import type { DataTree } from '@zk/tree';
import { RateLimiter } from './rate-limiter.ts';
import { failure, type Reply } from './reply.ts';
import type { ServerMetrics } from './server-metrics.ts';

export interface RestoreOptions {
  /** admin.restore.enabled, serializeLastProcessedZxid.enabled. */
  readonly enabled: boolean;
  readonly withLastZxid: boolean;
  /** admin.rateLimiterIntervalInMS: here it is in ms, as in Apache. */
  readonly rateLimit: number;
  readonly metrics: ServerMetrics;
  now(): number;
  /** Why this server cannot take another database at all; `null`: it can. Asked before the body is read. */
  whyNot(): string | null;
  builder(): ImageBuilder<DataTree>;
  restore(tree: DataTree): Promise<RestoreAnswer>;
}

/** The admin command `restore`, once it is clear that it may run (operations.md 9.4). */
export class RestoreCommand {
  readonly #options: RestoreOptions;
  readonly #limiter: RateLimiter;

  constructor(options: RestoreOptions) {
    this.#options = options;
    this.#limiter = new RateLimiter(options.rateLimit);
  }

  /** @param body a snapshot as the command `snapshot` streams it, ours or Apache's */
  async run(body: AsyncIterable<Buffer>): Promise<Reply> {
    const { enabled, withLastZxid, metrics, now } = this.#options;
    if (!enabled) return failure(503);
    if (!withLastZxid) return failure(500);
    const impossible = this.#options.whyNot();
    if (impossible !== null) return failure(409, impossible);
    if (!this.#limiter.allow(now())) {
      metrics.counters.restore_rate_limited_count++;
      return failure(429);
    }
    const begunAt = now();
    try {
      const { tree, zxid } = await this.#read(body);
      const answer = await this.#options.restore(tree);
      if ('refused' in answer) return failure(409, answer.refused);
      metrics.summaries.restore_time.add(Math.round(now() - begunAt));
      return { status: 200, headers: {}, body: { error: null, last_zxid: zxid } };
    } catch (error) {
      metrics.counters.restore_error_count++;
      return error instanceof EmptyBodyError ? failure(400, error.message) : failure(500, (error as Error).message);
    }
  }

  async #read(body: AsyncIterable<Buffer>): Promise<{ tree: DataTree; zxid: Zxid }> {
    const builder = this.#options.builder();
    const parser = new SnapshotParser(builder);
    let length = 0;
    for await (const chunk of body) {
      parser.push(chunk);
      length += chunk.length;
    }
    if (length === 0) throw new EmptyBodyError('send the snapshot as the body');
    const { lastZxid, digest } = parser.finish();
    const zxid = lastZxid ?? digest?.zxid ?? null;
    if (zxid === null) throw new Error('the snapshot does not say which txn is its last: it is older than 3.9; use zk-server snapshot import');
    const tree = builder.finish();
    tree.lastZxid = asZxid(zxid);
    return { tree, zxid };
  }
}

class EmptyBodyError extends Error {
  override readonly name = 'EmptyBodyError';
}
