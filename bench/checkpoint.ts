/**
 * What a checkpoint costs: `npm run build && node bench/dist/checkpoint.js [znodes …]`, by default 10,000 and 1,000,000.
 * Writes bench/results/checkpoint.md.
 */
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { performance } from 'node:perf_hooks';
import { asSessionId, asZxid, OPEN_ACL, OpCode, proposalOf, type TxnBody } from '@zk/protocol';
import { FileStore } from '@zk/store';
import { DataTree } from '@zk/tree';
import { describeMachine } from './machine.ts';

const CHANGES = 100_000;
const DATA_BYTES = 100;
const CHILDREN_PER_ZNODE = 1000;
const ROUNDS = 3;
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

  constructor(dataDir: string, format: 'apache' | 'lmdb') {
    this.#store = FileStore.open({ dataDir, checkpoint: format, snapRetainCount: 0 });
    const { image, txns, lastZxid } = this.#store.recover();
    this.tree = image ? DataTree.fromImage(image) : new DataTree();
    for (const { txn } of txns) this.tree.apply(txn);
    this.#zxid = lastZxid;
  }

  apply(body: TxnBody): void {
    this.#zxid += 1n;
    const header = { clientId: asSessionId(1n), cxid: 0, zxid: asZxid(this.#zxid), time: 1_700_000_000_000n, type: body.type };
    const proposal = proposalOf({ header, body, digest: null });
    this.#store.append(proposal, noting);
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

const pathOf = (index: number): string => `/app/g${Math.floor(index / CHILDREN_PER_ZNODE)}/node-${String(index).padStart(9, '0')}`;

async function populate(member: Member, znodes: number): Promise<void> {
  const create = (path: string): void => {
    const parentCVersion = member.tree.node(path.slice(0, path.lastIndexOf('/')))!.cversion + 1;
    member.apply({ type: OpCode.create, path, data: Buffer.alloc(DATA_BYTES, 1), acl: [...OPEN_ACL], ephemeral: false, parentCVersion });
  };
  create('/app');
  for (let index = 0; index < znodes; index++) {
    if (index % CHILDREN_PER_ZNODE === 0) {
      create(`/app/g${index / CHILDREN_PER_ZNODE}`);
      await member.flush();
    }
    create(pathOf(index));
  }
  await member.flush();
}

/** Scattered over the tree by a generator that is the same in every run. */
async function change(member: Member, znodes: number, round: number): Promise<void> {
  let state = 12_345 + round;
  for (let n = 0; n < CHANGES; n++) {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    const path = pathOf(Math.floor((state / 2 ** 32) * znodes));
    member.apply({ type: OpCode.setData, path, data: Buffer.alloc(DATA_BYTES, round + 2), version: member.tree.node(path)!.version + 1 });
    if (n % 5000 === 0) await member.flush();
  }
}

async function measure(format: 'apache' | 'lmdb', znodes: number): Promise<Row[]> {
  const dataDir = mkdtempSync(join(tmpdir(), 'zk-bench-'));
  try {
    const member = new Member(dataDir, format);
    await populate(member, znodes);
    const rows: Row[] = [];
    if (format === 'lmdb') rows.push({ what: 'LMDB, the whole tree (once)', znodes, ...(await member.checkpoint(new StallMonitor())) });
    const costs: Cost[] = [];
    for (let round = 0; round < 2 * ROUNDS; round++) {
      await change(member, znodes, round);
      costs.push(await member.checkpoint(round % 2 === 0 ? null : new StallMonitor()));
    }
    rows.push({ what: format === 'lmdb' ? `LMDB, ${CHANGES.toLocaleString('en')} writes` : 'snapshot in Apache\'s format', znodes, ...worst(costs) });
    await member.close();
    const startedAt = performance.now();
    const ranBefore = thisThread().runMs;
    const restarted = new Member(dataDir, format);
    const start = { wallMs: performance.now() - startedAt, mainMs: thisThread().runMs - ranBefore, stallMs: NaN, bytes: NaN };
    rows.push({ what: `start from ${format === 'lmdb' ? 'LMDB' : 'the snapshot'}, all read`, znodes, ...start });
    await restarted.close();
    return rows;
  } finally {
    rmSync(dataDir, { recursive: true, force: true });
  }
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

function report(rows: readonly Row[]): string {
  const figure = (value: number, digits: number): string => (Number.isNaN(value) ? '' : value.toFixed(digits));
  return [
    '# What a checkpoint costs',
    '',
    `\`node bench/dist/checkpoint.js\`: ${DATA_BYTES} bytes of data per znode; before each checkpoint ${CHANGES.toLocaleString('en')} writes to`,
    `znodes drawn at random (a tree of 10,000 has no more than that to change); the worst of ${ROUNDS} rounds.`,
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
  ].join('\n');
}

const sizes = process.argv.length > 2 ? process.argv.slice(2).map(Number) : [10_000, 1_000_000];
const rows: Row[] = [];
for (const znodes of sizes) {
  for (const format of ['lmdb', 'apache'] as const) rows.push(...(await measure(format, znodes)));
}
const text = report(rows);
mkdirSync(RESULTS, { recursive: true });
writeFileSync(join(RESULTS, 'checkpoint.md'), text);
console.log(text);
