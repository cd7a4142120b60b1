import { createReadStream } from 'node:fs';
import { open, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { hex, type Image } from '@zk/protocol';
import { encodeSnapshot } from '@zk/store';
import { failure, type Reply } from './reply.ts';
import { RateLimiter } from './rate-limiter.ts';
import type { ServerMetrics } from './server-metrics.ts';

export interface SnapshotOptions {
  /** admin.snapshot.enabled, serializeLastProcessedZxid.enabled, digest.enabled. */
  readonly enabled: boolean;
  readonly withLastZxid: boolean;
  readonly withDigest: boolean;
  /** admin.rateLimiterIntervalInMS, which the snapshot limiter takes for microseconds: a drop-in does too. */
  readonly rateLimit: number;
  /** The version-2 directory that keeps the file; `null`: nothing is kept. */
  readonly directory: string | null;
  readonly metrics: ServerMetrics;
  now(): number;
  /** The tree as of one zxid, committed txns only; nobody changes it afterwards. */
  image(): Promise<Image>;
  /** Asks for a checkpoint as well: a start prefers the newest of all, and to read an LMDB one takes no time. */
  checkpoint(): void;
}

const MICROSECONDS_PER_MS = 1000;

/** The admin command `snapshot`, once it is clear that it may run (operations.md 9.4). */
export class SnapshotCommand {
  readonly #options: SnapshotOptions;
  readonly #limiter: RateLimiter;

  constructor(options: SnapshotOptions) {
    this.#options = options;
    this.#limiter = new RateLimiter(options.rateLimit / MICROSECONDS_PER_MS);
  }

  async run(streaming: boolean): Promise<Reply> {
    const { enabled, withLastZxid, metrics, now } = this.#options;
    if (!enabled) return failure(503);
    if (!withLastZxid) return failure(500);
    if (!this.#limiter.allow(now())) {
      metrics.counters.snapshot_rate_limited_count++;
      return failure(429);
    }
    try {
      return await this.#taken(streaming);
    } catch (error) {
      metrics.counters.snapshot_error_count++;
      return failure(500, (error as Error).message);
    }
  }

  async #taken(streaming: boolean): Promise<Reply> {
    const { directory, withDigest } = this.#options;
    const image = await this.#options.image();
    const chunks = encodeSnapshot(image, { digest: withDigest, lastZxid: true, compression: 'none' });
    const { length, read } = directory === null ? await collected(chunks) : await kept(chunks, join(directory, `snapshot.${BigInt.asUintN(64, image.zxid).toString(16)}`));
    this.#options.checkpoint();
    const headers = { last_zxid: hex(image.zxid), snapshot_size: String(length) };
    return { status: 200, headers, body: streaming ? { length, stream: read() } : { error: null } };
  }
}

interface Encoded {
  readonly length: number;
  readonly read: () => Readable;
}

/** On disk, durable under its name; a chunk a turn of the event loop. */
async function kept(chunks: Iterable<Buffer>, path: string): Promise<Encoded> {
  const incomplete = `${path}.admin`; // a name that no reader of the directory takes for a snapshot
  const file = await open(incomplete, 'w');
  let length = 0;
  try {
    for (const chunk of chunks) {
      await file.write(chunk);
      length += chunk.length;
    }
    await file.sync();
  } catch (error) {
    await rm(incomplete, { force: true });
    throw error;
  } finally {
    await file.close();
  }
  await rename(incomplete, path);
  return { length, read: () => createReadStream(path, { end: Math.max(0, length - 1) }) };
}

/** In memory, where there is no directory. */
async function collected(chunks: Iterable<Buffer>): Promise<Encoded> {
  const all: Buffer[] = [];
  for (const chunk of chunks) {
    all.push(chunk);
    await new Promise((resolve) => setImmediate(resolve));
  }
  return { length: all.reduce((sum, chunk) => sum + chunk.length, 0), read: () => Readable.from(all) };
}
