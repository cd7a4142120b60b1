import { open, rename } from 'node:fs/promises';
import { join } from 'node:path';
import { hex, type Image } from '@zk/protocol';
import { encodeSnapshot } from '@zk/store';
import { RateLimiter } from './rate-limiter.ts';
import type { ServerMetrics } from './server-metrics.ts';

/** What an HTTP answer is made of. */
export interface Reply {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  /** Fields of a JSON answer, or the bytes of a snapshot. */
  readonly body: { readonly error: string | null } | { readonly bytes: Buffer };
}

export interface SnapshotOptions {
  /** admin.snapshot.enabled, admin.restore.enabled, serializeLastProcessedZxid.enabled, digest.enabled. */
  readonly enabled: boolean;
  readonly restoreEnabled: boolean;
  readonly withLastZxid: boolean;
  readonly withDigest: boolean;
  /** admin.rateLimiterIntervalInMS, which the snapshot limiter takes for microseconds: a drop-in does too. */
  readonly rateLimit: number;
  /** The version-2 directory that keeps the file; `null`: nothing is kept. */
  readonly directory: string | null;
  readonly metrics: ServerMetrics;
  now(): number;
  /** The tree; committed txns only. */
  image(): Image;
  /** Asks for a checkpoint as well: a start prefers the newest of all, and to read an LMDB one takes no time. */
  checkpoint(): void;
}

const MICROSECONDS_PER_MS = 1000;

/** The admin commands `snapshot` and `restore`, once it is clear that they may run (operations.md 9.4). */
export class SnapshotCommands {
  readonly #options: SnapshotOptions;
  readonly #snapshotLimiter: RateLimiter;

  constructor(options: SnapshotOptions) {
    this.#options = options;
    this.#snapshotLimiter = new RateLimiter(options.rateLimit / MICROSECONDS_PER_MS);
  }

  async snapshot(streaming: boolean): Promise<Reply> {
    const { enabled, withLastZxid, metrics, now } = this.#options;
    if (!enabled) return failure(503);
    if (!withLastZxid) return failure(500);
    if (!this.#snapshotLimiter.allow(now())) {
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

  /** A tree cannot be exchanged under its clients here, nor should one member's: said, not attempted. */
  restore(): Reply {
    if (!this.#options.restoreEnabled) return failure(503);
    return failure(501, 'restore is not supported: stop the server, put the file as snapshot.<last_zxid> into an empty dataDir/version-2, start it');
  }

  async #taken(streaming: boolean): Promise<Reply> {
    const { directory, withDigest } = this.#options;
    const image = this.#options.image();
    // In one turn, so that it is the tree of one zxid: there is no log beside the stream to mend a fuzzy one.
    const bytes = Buffer.concat([...encodeSnapshot(image, { digest: withDigest, lastZxid: true, compression: 'none' })]);
    const { zxid } = image;
    if (directory !== null) await writeDurably(join(directory, `snapshot.${BigInt.asUintN(64, zxid).toString(16)}`), bytes);
    this.#options.checkpoint();
    const headers = { last_zxid: hex(zxid), snapshot_size: String(bytes.length) };
    return { status: 200, headers, body: streaming ? { bytes } : { error: null } };
  }
}

async function writeDurably(path: string, bytes: Buffer): Promise<void> {
  const incomplete = `${path}.admin`; // a name that no reader of the directory takes for a snapshot
  const file = await open(incomplete, 'w');
  try {
    await file.writeFile(bytes);
    await file.sync();
  } finally {
    await file.close();
  }
  await rename(incomplete, path);
}

function failure(status: number, error: string | null = null): Reply {
  return { status, headers: {}, body: { error } };
}
