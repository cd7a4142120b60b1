/**
 * What a checkpoint costs, and what it does to writes: `npm run build && node bench/dist/checkpoint.js [--rounds 3] [--lmdb]
 * [znodes …]`, by default 10,000 and 1,000,000; --lmdb leaves out snapshots in Apache's format. Writes
 * bench/results/checkpoint.md.
 */
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { performance } from 'node:perf_hooks';
import { parseArgs } from 'node:util';
import { asSessionId, asZxid, OpCode, proposalOf, type TxnBody } from '@zk/protocol';
import { FileStore } from '@zk/store';
import { DataTree } from '@zk/tree';
import { describeMachine } from './machine.ts';
import { DATA_BYTES, pathOf, treeOf } from './tree-on-disk.ts';

const CHANGES = 100_000;
/** Writes that wait for their sync at any time, while it is measured how long they do. */
const IN_FLIGHT = 16;
/** Without a checkpoint beside them. */
const UNDISTURBED_MS = 5_000;
const RESULTS = join(import.meta.dirname, '..', 'results');

interface Cost {
  /** From the call to the callback, ms. */
  wallMs: number;
  /** What of that this thread ran on a CPU, ms. */
  mainMs: number;
  /** The longest turn of the event loop by its time on a CPU, ms; the kernel counts in steps of up to 4. */
  stallMs: number;
  /** Bytes handed to the disk, by all threads. */
  bytes: number;
}

interface Row extends Cost {
  what: string;
  znodes: number;
}

/** A tree, and the store that its txns and checkpoints go to. */
class Member {
  readonly tree: DataTree;
  readonly #store: FileStore;
  #zxid = 0n;

  /** @param znodes of a tree that is not on disk yet */
  constructor(dataDir: string, format: 'apache' | 'lmdb', znodes: number) {
    this.#store = FileStore.open({ dataDir, checkpoint: format, snapRetainCount: 0 });
    const { image, txns, lastZxid } = this.#store.recover();
    this.tree = DataTree.fromImage(image ?? treeOf(znodes));
    for (const { txn } of txns) this.tree.apply(txn);
    this.#zxid = lastZxid;
  }

  /** Writes a snapshot of the tree, as there is one behind every checkpoint: the next one is due when the log is as long. */
  begin(): Promise<void> {
    return new Promise((resolve) => this.#store.replaceWith(this.tree.image(), resolve));
  }

  /** `persisted` runs when it is on disk. */
  apply(body: TxnBody, persisted = noting): void {
    this.#zxid += 1n;
    const header = { clientId: asSessionId(1n), cxid: 0, zxid: asZxid(this.#zxid), time: 1_700_000_000_000n, type: body.type };
    const proposal = proposalOf({ header, body, digest: null });
    this.#store.append(proposal, persisted);
    this.tree.apply(proposal.txn);
  }

  flush(): Promise<void> {
    return new Promise((resolve) => this.#store.flush(resolve));
  }

  /** @param monitor costs something itself: without it `stallMs` is not known, with it `mainMs` is too much */
  async checkpoint(monitor: StallMonitor | null): Promise<Cost> {
    await this.flush();
    const before = { bytes: bytesWritten(), runMs: thisThread().runMs, at: performance.now() };
    monitor?.start();
    await new Promise<void>((resolve, reject) => this.#store.checkpoint(this.tree.image(), (failure) => (failure ? reject(failure) : resolve())));
    const wallMs = performance.now() - before.at;
    const mainMs = thisThread().runMs - before.runMs;
    monitor?.stop();
    return { wallMs, mainMs, stallMs: monitor?.longestMs ?? NaN, bytes: bytesWritten() - before.bytes };
  }

  close(): Promise<void> {
    return new Promise((resolve) => this.#store.close(resolve));
  }
}

/** Looks at the clock in every turn of the event loop. */
class StallMonitor {
  longestMs = 0;
  #isRunning = false;

  start(): void {
    this.#isRunning = true;
    this.#turn(thisThread().runMs);
  }

  stop(): void {
    this.#isRunning = false;
  }

  #turn(since: number): void {
    setImmediate(() => {
      const { runMs } = thisThread();
      this.longestMs = Math.max(this.longestMs, runMs - since);
      if (this.#isRunning) this.#turn(runMs);
    });
  }
}

/** What the kernel has counted for this thread, in ms: on a CPU, and ready to run while others were. */
function thisThread(): { runMs: number; waitedMs: number } {
  const [run = 0, waited = 0] = readFileSync('/proc/thread-self/schedstat', 'latin1').split(' ').map(Number);
  return { runMs: run / 1e6, waitedMs: waited / 1e6 };
}

const noting = (): void => {};

/** Writes to a tree, scattered over it by a generator that is the same in every run. */
class Scatter {
  readonly #member: Member;
  readonly #znodes: number;
  #state = 12_345;

  constructor(member: Member, znodes: number) {
    this.#member = member;
    this.#znodes = znodes;
  }

  set(persisted = noting): void {
    this.#state = (Math.imul(this.#state, 1_664_525) + 1_013_904_223) >>> 0;
    const path = pathOf(Math.floor((this.#state / 2 ** 32) * this.#znodes));
    const { version } = this.#member.tree.node(path)!;
    this.#member.apply({ type: OpCode.setData, path, data: Buffer.alloc(DATA_BYTES, version + 2), version: version + 1 }, persisted);
  }

  async change(): Promise<void> {
    for (let n = 0; n < CHANGES; n++) {
      this.set();
      if (n % 5000 === 0) await this.#member.flush();
    }
  }

  /** How long writes take, in ms and from shortest to longest, as long as `goesOn` says so. */
  async latencies(goesOn: () => boolean): Promise<number[]> {
    const took: number[] = [];
    const writer = async (): Promise<void> => {
      while (goesOn()) {
        const at = performance.now();
        await new Promise<void>((resolve) => this.set(() => resolve()));
        took.push(performance.now() - at);
      }
    };
    await Promise.all(Array.from({ length: IN_FLIGHT }, writer));
    return took.toSorted((one, other) => one - other);
  }
}

/** What writes take without a checkpoint, and beside one of {@link CHANGES} znodes. */
interface Writes {
  readonly znodes: number;
  readonly alone: readonly number[];
  readonly beside: readonly number[];
}

async function writesBeside(member: Member, scatter: Scatter, znodes: number): Promise<Writes> {
  const end = performance.now() + UNDISTURBED_MS;
  const alone = await scatter.latencies(() => performance.now() < end);
  await scatter.change();
  let isWriting = true;
  const checkpoint = member.checkpoint(null).then(() => (isWriting = false));
  const beside = await scatter.latencies(() => isWriting);
  await checkpoint;
  return { znodes, alone, beside };
}

async function measure(format: 'apache' | 'lmdb', znodes: number, rounds: number): Promise<{ rows: Row[]; writes: Writes | null }> {
  const dataDir = mkdtempSync(join(process.env['ZK_BENCH_DIR'] ?? tmpdir(), 'zk-bench-'));
  try {
    const member = new Member(dataDir, format, znodes);
    await member.begin();
    const scatter = new Scatter(member, znodes);
    scatter.set();
    const rows: Row[] = [];
    if (format === 'lmdb') rows.push({ what: 'LMDB, the whole tree (once)', znodes, ...(await member.checkpoint(new StallMonitor())) });
    const costs: Cost[] = [];
    for (let round = 0; round < 2 * rounds; round++) {
      await scatter.change();
      costs.push(await member.checkpoint(round % 2 === 0 ? null : new StallMonitor()));
    }
    rows.push({ what: format === 'lmdb' ? `LMDB, ${CHANGES.toLocaleString('en')} writes` : 'snapshot in Apache\'s format', znodes, ...worst(costs) });
    const writes = format === 'lmdb' ? await writesBeside(member, scatter, znodes) : null;
    await member.checkpoint(null);
    await member.close();
    return { rows: [...rows, ...(await starts(dataDir, format, znodes))], writes };
  } finally {
    rmSync(dataDir, { recursive: true, force: true });
  }
}

/** Until a znode can be read, and until all is in memory. */
async function starts(dataDir: string, format: 'apache' | 'lmdb', znodes: number): Promise<Row[]> {
  const from = format === 'lmdb' ? 'LMDB' : 'the snapshot';
  const before = { at: performance.now(), runMs: thisThread().runMs };
  const row = (what: string): Row => ({ what, znodes, wallMs: performance.now() - before.at, mainMs: thisThread().runMs - before.runMs, stallMs: NaN, bytes: NaN });
  const restarted = new Member(dataDir, format, znodes);
  if (restarted.tree.node(pathOf(znodes >> 1)) === undefined) throw new Error('a znode is gone');
  const readable = row(`start from ${from}, one znode read`);
  restarted.tree.readMore(Infinity);
  const loaded = row(`start from ${from}, all read`);
  await restarted.close();
  return [readable, loaded];
}

/** Each figure of the round in which it was worst; time on the CPU from the rounds without a monitor. */
function worst(costs: readonly Cost[]): Cost {
  const most = (of: (cost: Cost) => number, among = costs): number => Math.max(...among.map(of));
  const isMonitored = ({ stallMs }: Cost): boolean => !Number.isNaN(stallMs);
  return {
    wallMs: most(({ wallMs }) => wallMs),
    mainMs: most(({ mainMs }) => mainMs, costs.filter((cost) => !isMonitored(cost))),
    stallMs: most(({ stallMs }) => stallMs, costs.filter(isMonitored)),
    bytes: most(({ bytes }) => bytes),
  };
}

function bytesWritten(): number {
  return Number(/^write_bytes: (\d+)$/m.exec(readFileSync('/proc/self/io', 'latin1'))?.[1]);
}

function report(rows: readonly Row[], writes: readonly Writes[], rounds: number): string {
  const figure = (value: number, digits: number): string => (Number.isNaN(value) ? '' : value.toFixed(digits));
  return [
    '# What a checkpoint costs',
    '',
    `\`node bench/dist/checkpoint.js\`: ${DATA_BYTES} bytes of data per znode; before each checkpoint ${CHANGES.toLocaleString('en')} writes to`,
    `znodes drawn at random (a tree of 10,000 has no more than that to change); the worst of ${rounds} rounds.`,
    '`main` is what the thread that serves ran on a CPU, `stall` its longest turn of the event loop, measured likewise (in steps',
    'of up to 4 ms): waiting for a CPU that other processes had is in `wall` only, and this machine was not quiet.',
    '',
    describeMachine(false),
    '',
    '| znodes | what | wall ms | main ms | stall ms | MB written |',
    '|---:|---|---:|---:|---:|---:|',
    ...rows.map(({ znodes, what, wallMs, mainMs, stallMs, bytes }) =>
      `| ${znodes.toLocaleString('en')} | ${what} | ${figure(wallMs, 0)} | ${figure(mainMs, 0)} | ${figure(stallMs, 1)} | ${figure(bytes / 1e6, 0)} |`),
    '',
    `Writes with ${IN_FLIGHT} in flight, from the append to the sync, without a checkpoint and beside one of ${CHANGES.toLocaleString('en')} znodes:`,
    '',
    '| znodes | p50 ms | beside | p99 ms | beside | p99.9 ms | beside | writes | beside |',
    '|---:|---:|---:|---:|---:|---:|---:|---:|---:|',
    ...writes.map(({ znodes, alone, beside }) => {
      const quantiles = [0.5, 0.99, 0.999].flatMap((q) => [alone, beside].map((sorted) => figure(sorted[Math.floor(q * sorted.length)] ?? NaN, 2)));
      return `| ${[znodes, ...quantiles, alone.length, beside.length].map((value) => value.toLocaleString('en')).join(' | ')} |`;
    }),
    '',
  ].join('\n');
}

const { values, positionals } = parseArgs({ allowPositionals: true, options: { rounds: { type: 'string', default: '3' }, lmdb: { type: 'boolean', default: false } } });
const sizes = positionals.length > 0 ? positionals.map(Number) : [10_000, 1_000_000];
const rounds = Number(values.rounds);
const measured: { rows: Row[]; writes: Writes | null }[] = [];
for (const znodes of sizes) {
  for (const format of values.lmdb ? (['lmdb'] as const) : (['lmdb', 'apache'] as const)) measured.push(await measure(format, znodes, rounds));
}
const text = report(measured.flatMap(({ rows }) => rows), measured.flatMap(({ writes }) => writes ?? []), rounds);
mkdirSync(RESULTS, { recursive: true });
writeFileSync(join(RESULTS, 'checkpoint.md'), text);
console.log(text);
