import type { Stat } from '@zk/protocol';
import type { Cluster } from './cluster.ts';
import type { SimNode } from './node.ts';
import type { SimClient } from './sim-client.ts';
import type { Outcome } from './sim-session.ts';

/** An answer may take this long, in simulated ms; a connection that breaks answers at once. */
const ANSWER_MS = 30_000;
const RETRY_MS = 50;

/** A client that tells a story: each call waits for its answer, and says what the answer must be. */
export class StoryClient {
  readonly client: SimClient;
  readonly #cluster: Cluster;

  constructor(cluster: Cluster, client: SimClient, node: SimNode) {
    this.#cluster = cluster;
    this.client = client;
    this.moveTo(node);
  }

  /** Takes the session to another member; a server that is behind what the client has seen hangs up, and is asked again. */
  moveTo(node: SimNode): this {
    const { scheduler } = this.#cluster;
    const deadline = scheduler.now + ANSWER_MS;
    this.client.disconnect();
    while (!this.client.connected && scheduler.now < deadline) {
      this.client.connect(node);
      scheduler.runUntil(() => this.client.connected || this.client.expired || !this.client.connecting, ANSWER_MS);
      if (this.client.expired) break;
      if (!this.client.connected) scheduler.run(RETRY_MS);
    }
    if (!this.client.connected) throw new Error(`${this.client.name} got no session from server.${node.sid}: ${this.#cluster.describe()}`);
    return this;
  }

  create(path: string, data = '', flags = 0): Answer<string> {
    return this.#answer(`create ${path}`, (done) => this.client.create(path, data, done, flags));
  }

  setData(path: string, data: string, version = -1): Answer<Stat> {
    return this.#answer(`setData ${path}`, (done) => this.client.setData(path, data, version, done));
  }

  delete(path: string, version = -1): Answer<null> {
    return this.#answer(`delete ${path}`, (done) => this.client.delete(path, version, done));
  }

  getData(path: string, watch = false): Answer<string> {
    return this.#answer(`getData ${path}`, (done) =>
      this.client.getData(path, watch, (outcome) => done('ok' in outcome ? { ok: outcome.ok.data } : outcome)),
    );
  }

  exists(path: string): Answer<Stat> {
    return this.#answer(`exists ${path}`, (done) => this.client.exists(path, false, done));
  }

  getChildren(path: string): Answer<string[]> {
    return this.#answer(`getChildren ${path}`, (done) => this.client.getChildren(path, done));
  }

  sync(): Answer<null> {
    return this.#answer('sync', (done) => this.client.sync(done));
  }

  closeSession(): Answer<null> {
    return this.#answer('closeSession', (done) => this.client.closeSession(done));
  }

  #answer<T>(what: string, ask: (done: (outcome: Outcome<T>) => void) => void): Answer<T> {
    let outcome: Outcome<T> | undefined;
    ask((answer) => (outcome = answer));
    this.#cluster.scheduler.runUntil(() => outcome !== undefined, ANSWER_MS);
    if (!outcome) {
      // As a client does that hears nothing for its session's timeout.
      this.client.disconnect();
      outcome ??= { error: 'CONNECTIONLOSS' };
    }
    return new Answer(`${this.client.name}: ${what}`, outcome);
  }
}

/** What came back. Every answer must be claimed to be something. */
export class Answer<T> {
  readonly #what: string;
  readonly #outcome: Outcome<T>;

  constructor(what: string, outcome: Outcome<T>) {
    this.#what = what;
    this.#outcome = outcome;
  }

  succeeds(): T {
    if ('error' in this.#outcome) throw new Error(`${this.#what} failed with ${this.#outcome.error}`);
    return this.#outcome.ok;
  }

  fails(code: string): void {
    if ('ok' in this.#outcome) throw new Error(`${this.#what} succeeded, expected ${code}`);
    if (this.#outcome.error !== code) throw new Error(`${this.#what} failed with ${this.#outcome.error}, expected ${code}`);
  }

  returns(value: T): void {
    const seen = this.succeeds();
    if (JSON.stringify(seen) !== JSON.stringify(value)) throw new Error(`${this.#what} returned ${JSON.stringify(seen)}, expected ${JSON.stringify(value)}`);
  }
}
