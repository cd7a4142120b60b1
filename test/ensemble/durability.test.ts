import { afterEach, expect, test } from 'vitest';
import { ZooKeeper } from '@zk/client';
import { Ensemble } from '../support/ensemble.ts';
import { ours } from '../support/implementations.ts';

let zk: Ensemble | undefined;
afterEach(() => zk?.stop());

/** Creates numbered znodes as fast as it gets answers, until told to stop; remembers every one that was acknowledged. */
class Writer {
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

async function missing(client: ZooKeeper, paths: readonly string[]): Promise<string[]> {
  const answers = await Promise.all(paths.map((path) => client.exists(path)));
  return paths.filter((_, i) => answers[i] === null);
}

test('the leader is killed with -9 while a client writes: no acknowledged write is lost, and it catches up again', async () => {
  zk = await Ensemble.start({ implementations: [ours, ours, ours] });
  const leader = await zk.settled();
  const client = await ZooKeeper.connect(zk.connectString, { sessionTimeoutMs: 20_000 });
  await client.create('/w');
  const writer = new Writer(client, '/w').start();
  await writer.reached(200);
  await zk.kill(leader);
  await writer.reached(200); // by the new leader
  zk.startMember(leader);
  await zk.settled();
  await writer.reached(200);
  await writer.stop();
  await client.close();

  for (const member of zk.members) {
    const reader = await ZooKeeper.connect(`127.0.0.1:${member.clientPort}`, { sessionTimeoutMs: 20_000 });
    await reader.sync('/w');
    expect(await missing(reader, writer.acknowledged)).toEqual([]);
    await reader.close();
  }
});

test('all three are killed with -9 under write load: every acknowledged write is there after the restart', async () => {
  zk = await Ensemble.start({ implementations: [ours, ours, ours] });
  const clients = await Promise.all(
    zk.members.map((m) => ZooKeeper.connect(`127.0.0.1:${m.clientPort}`, { sessionTimeoutMs: 20_000 })),
  );
  const writers: Writer[] = [];
  for (const [i, client] of clients.entries()) {
    await client.create(`/w${i}`);
    writers.push(new Writer(client, `/w${i}`).start());
  }
  for (let round = 0; round < 2; round++) {
    await Promise.all(writers.map((writer) => writer.reached(150)));
    const running = zk;
    await Promise.all(zk.members.map((member) => running.kill(member)));
    for (const member of zk.members) zk.startMember(member);
    await zk.settled();
  }
  await Promise.all(writers.map((writer) => writer.reached(50)));
  await Promise.all(writers.map((writer) => writer.stop()));
  for (const client of clients) {
    await client.sync('/');
    for (const writer of writers) expect(await missing(client, writer.acknowledged)).toEqual([]);
    await client.close();
  }
});
