import type { ZooKeeper } from '@zk/client';

/** Creates numbered znodes as fast as it gets answers, until told to stop; remembers every one that was acknowledged. */
export class Writer {
  readonly acknowledged: string[] = [];
  /** Longest time between two acknowledgements, ms. */
  longestGap = 0;
  readonly #client: ZooKeeper;
  readonly #parent: string;
  #stopping = false;
  #done: Promise<void> = Promise.resolve();

  constructor(client: ZooKeeper, parent: string) {
    this.#client = client;
    this.#parent = parent;
  }

  start(): this {
    this.#done = this.#write();
    return this;
  }

  async stop(): Promise<void> {
    this.#stopping = true;
    await this.#done;
  }

  async reached(count: number): Promise<void> {
    const target = this.acknowledged.length + count;
    while (this.acknowledged.length < target) await new Promise((resolve) => setImmediate(resolve));
  }

  async #write(): Promise<void> {
    let last = performance.now();
    for (let i = 0; !this.#stopping; i++) {
      const path = `${this.#parent}/n${i}`;
      try {
        await this.#client.create(path, Buffer.from(String(i)));
        this.acknowledged.push(path);
        const now = performance.now();
        this.longestGap = Math.max(this.longestGap, now - last);
        last = now;
      } catch {
        // Connection lost: this one's outcome is unknown, the next one has a name of its own.
      }
    }
  }
}

/** The znodes of `paths` that are not there. */
export async function missing(client: ZooKeeper, paths: readonly string[]): Promise<string[]> {
  const answers = await Promise.all(paths.map((path) => client.exists(path)));
  return paths.filter((_, i) => answers[i] === null);
}
