/**
 * From the start of a server to its first answered read, on a tree that is already on its disk; and what reading the rest
 * of the tree beside the service costs then.
 *
 *   npm run build && node bench/dist/start.js [--against apache] [--report] [znodes …]
 *
 * By default 1,000,000 znodes; with --report bench/results/start.md is written.
 */
import { fork, spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { asSessionId, asZxid, OpCode, proposalOf } from '@zk/protocol';
import { FileStore } from '@zk/store';
import { DataTree } from '@zk/tree';
import { apache, ours, requireApache, type Contender } from './contenders.ts';
import { connectFrame, getDataFrame } from './load/frames.ts';
import { describeMachine } from './machine.ts';
import { CHILDREN_PER_ZNODE, DATA_BYTES, pathOf, treeOf } from './tree-on-disk.ts';

/** Behind the checkpoint, or the snapshot: half of what is there on average with snapCount=100000 would be 37,500. */
const TXNS_IN_THE_LOG = 10_000;
const PORT = 21_810;
const RETRY_MS = 3;
const REPLY_HEAD_BYTES = 20;
/** A server that is starting may accept a connection and forget it. */
const ANSWER_TIMEOUT_MS = 1_000;
const LOADED = 'all data in memory';
const PATIENCE_MS = 600_000;
const RESULTS = join(import.meta.dirname, '..', 'results');

/** The same in every run. */
const scattered = (n: number, znodes: number): number => (Math.imul(n + 1, 2_654_435_761) >>> 0) % znodes;

/** Fills a data directory through the store's own code: the tree as of the first txn, and a log. */
async function prepare(dataDir: string, format: 'apache' | 'lmdb', znodes: number): Promise<void> {
  const store = FileStore.open({ dataDir, checkpoint: format, snapRetainCount: 0 });
  store.recover();
  const tree = DataTree.fromImage(treeOf(znodes));
  const set = (zxid: number): Promise<void> => {
    const body = { type: OpCode.setData, path: pathOf(scattered(zxid, znodes)), data: Buffer.alloc(DATA_BYTES, 2), version: 1 };
    const proposal = proposalOf({ header: { clientId: asSessionId(1n), cxid: 0, zxid: asZxid(BigInt(zxid)), time: 1_700_000_000_000n, type: OpCode.setData }, body, digest: null });
    tree.apply(proposal.txn);
    return new Promise((resolve) => store.append(proposal, () => resolve()));
  };
  await set(1);
  await new Promise<void>((resolve) => store.checkpoint(tree.image(), () => resolve()));
  const logged: Promise<void>[] = [];
  for (let zxid = 2; zxid <= TXNS_IN_THE_LOG; zxid++) logged.push(set(zxid));
  await Promise.all(logged);
  await new Promise<void>((resolve) => store.close(resolve));
}

/** One connection, one request at a time. */
class Reader {
  static async dial(): Promise<Reader | null> {
    const socket = connect({ host: '127.0.0.1', port: PORT, noDelay: true });
    const opened = await Promise.race([once(socket, 'connect').then(() => true, () => false), once(socket, 'close').then(() => false, () => false)]);
    if (!opened) return null;
    const reader = new Reader(socket);
    const forgotten = setTimeout(() => socket.destroy(), ANSWER_TIMEOUT_MS);
    const answer = await reader.#exchange(connectFrame(30_000));
    clearTimeout(forgotten);
    return answer && reader;
  }

  readonly #socket: ReturnType<typeof connect>;

  private constructor(socket: ReturnType<typeof connect>) {
    this.#socket = socket;
    socket.on('error', () => {});
  }

  /** @returns whether the znode was there */
  async read(path: string): Promise<boolean> {
    const reply = await this.#exchange(getDataFrame(path));
    return reply !== null && reply.length > REPLY_HEAD_BYTES && reply.readInt32BE(16) === 0;
  }

  close(): void {
    this.#socket.destroy();
  }

  /** Null when the server hangs up. */
  #exchange(frame: Buffer): Promise<Buffer | null> {
    return new Promise((resolve) => {
      let received = Buffer.alloc(0);
      const ended = (): void => done(null);
      const heard = (chunk: Buffer): void => {
        received = Buffer.concat([received, chunk]);
        if (received.length >= 4 && received.length >= 4 + received.readInt32BE(0)) done(received);
      };
      const done = (reply: Buffer | null): void => {
        this.#socket.off('data', heard).off('close', ended);
        resolve(reply);
      };
      this.#socket.on('data', heard).on('close', ended).write(frame);
    });
  }
}

interface Row {
  readonly name: string;
  readonly znodes: number;
  readonly firstReadMs: number;
  /** Of all its threads, until then. */
  readonly cpuMs: number;
  /** From the start to all in memory; NaN where it was before the first read. */
  readonly loadedMs: number;
  /** Reads at random places until then, one after the other: how many, and how long they took, ms. */
  readonly reads: readonly number[];
  readonly rssMb: { readonly first: number; readonly loaded: number };
}

async function measure(contender: Contender, directory: string, znodes: number): Promise<Row> {
  const configFile = join(directory, 'zoo.cfg');
  const logFile = join(directory, 'server.log');
  writeFileSync(configFile, `tickTime=2000\ndataDir=${join(directory, 'data')}\nclientPort=${PORT}\nadmin.enableServer=false\n`);
  const { command, args } = contender.command(configFile);
  const log = openSync(logFile, 'w');
  const startedAt = performance.now();
  const server = spawn(command, args.map((arg) => (arg === '-Xmx1000m' ? '-Xmx8g' : arg)), { stdio: ['ignore', log, log] });
  try {
    const reader = await untilServing(server, znodes, logFile);
    const firstReadMs = performance.now() - startedAt;
    const cpuMs = cpuOf(server);
    const first = rssMb(server);
    const reads: number[] = [];
    let loadedMs = NaN;
    while (contender.name !== apache.name && Number.isNaN(loadedMs)) {
      const sentAt = performance.now();
      await reader.read(pathOf(scattered(reads.length, znodes)));
      reads.push(performance.now() - sentAt);
      if (reads.length % 500 === 0 && readFileSync(logFile, 'utf8').includes(LOADED)) loadedMs = performance.now() - startedAt;
    }
    await delay(2000); // memory is given back a little later
    reader.close();
    return { name: contender.name, znodes, firstReadMs, cpuMs, loadedMs, reads, rssMb: { first, loaded: rssMb(server) } };
  } finally {
    const exited = once(server, 'exit');
    server.kill('SIGKILL');
    await exited;
  }
}

/** @returns a connection on which a znode somewhere in the middle has been read */
async function untilServing(server: ChildProcess, znodes: number, logFile: string): Promise<Reader> {
  for (const deadline = performance.now() + PATIENCE_MS; performance.now() < deadline && server.exitCode === null; await delay(RETRY_MS)) {
    const reader = await Reader.dial();
    if (reader && (await reader.read(pathOf(scattered(0, znodes))))) return reader;
    reader?.close();
  }
  throw new Error(`does not serve:\n${readFileSync(logFile, 'utf8').slice(-2000)}`);
}

function rssMb({ pid }: ChildProcess): number {
  return Number(/^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'latin1'))?.[1]) / 1024;
}

/** In ms, in the kernel's steps of 10. */
function cpuOf({ pid }: ChildProcess): number {
  const fields = readFileSync(`/proc/${pid}/stat`, 'latin1').replace(/^.*\) /, '').split(' ');
  return 10 * (Number(fields[11]) + Number(fields[12]));
}

/** In a process of its own, which takes its memory along. */
async function prepared(dataDir: string, format: 'apache' | 'lmdb', znodes: number): Promise<void> {
  const child = fork(import.meta.filename, ['--prepare', dataDir, '--format', format, String(znodes)]);
  const [code] = (await once(child, 'exit')) as [number];
  if (code !== 0) throw new Error(`preparing the data directory ended with ${code}`);
}

function report(rows: readonly Row[]): string {
  const figure = (value: number, digits = 0): string => (Number.isFinite(value) ? value.toFixed(digits) : '');
  const quantile = (sorted: readonly number[], q: number): number => sorted[Math.min(sorted.length - 1, Math.floor(q * sorted.length))] ?? NaN;
  const lines = rows.map(({ name, znodes, firstReadMs, cpuMs, loadedMs, reads, rssMb: { first, loaded } }) => {
    const sorted = reads.toSorted((one, other) => one - other);
    const cells = [name, znodes.toLocaleString('en'), figure(firstReadMs), figure(cpuMs), figure(loadedMs / 1000, 1), figure(quantile(sorted, 0.5), 2), figure(quantile(sorted, 0.999), 1), figure(quantile(sorted, 1), 1), figure(first), figure(loaded)];
    return `| ${cells.join(' | ')} |`;
  });
  return [
    '# From the start of a server to its first answered read',
    '',
    `\`node bench/dist/start.js\`: ${DATA_BYTES} bytes of data per znode, ${CHILDREN_PER_ZNODE} znodes in each directory, ${TXNS_IN_THE_LOG.toLocaleString('en')} txns in the log to be replayed.`,
    'The process is started, and a client dials it every 3 ms until a znode somewhere in the middle has been read. From then on',
    'one client reads znodes at random, one after the other, until the server says that it has all data in memory: what its',
    'reads took tells how long the event loop stood still. Files are in the page cache. Apache has a heap of 8 GB. On a busy',
    'machine the time on a CPU, of all threads of the server, says more than the time that passed.',
    '',
    describeMachine(true),
    '',
    '| server | znodes | first read, ms | CPU until then, ms | all in memory, s | read p50, ms | p99.9 | longest | RSS at first read, MB | later |',
    '|---|---:|---:|---:|---:|---:|---:|---:|---:|---:|',
    ...lines,
    '',
  ].join('\n');
}

const { values: options, positionals } = parseArgs({
  allowPositionals: true,
  options: { prepare: { type: 'string' }, format: { type: 'string' }, against: { type: 'string' }, report: { type: 'boolean', default: false } },
});
const sizes = positionals.length > 0 ? positionals.map(Number) : [1_000_000];

if (options.prepare !== undefined) {
  await prepare(options.prepare, options.format === 'apache' ? 'apache' : 'lmdb', sizes[0]!);
} else {
  if (options.against === 'apache') requireApache();
  const rows: Row[] = [];
  for (const znodes of sizes) {
    for (const contender of options.against === 'apache' ? [ours(), apache] : [ours()]) {
      const directory = mkdtempSync(join(process.env['ZK_BENCH_DIR'] ?? tmpdir(), 'zk-bench-'));
      try {
        await prepared(join(directory, 'data'), contender === apache ? 'apache' : 'lmdb', znodes);
        rows.push(await measure(contender, directory, znodes));
        console.log(rows.at(-1)?.name, znodes, rows.at(-1)?.firstReadMs);
      } finally {
        rmSync(directory, { recursive: true, force: true });
      }
    }
  }
  const text = report(rows);
  console.log(text);
  mkdirSync(RESULTS, { recursive: true });
  if (options.report) writeFileSync(join(RESULTS, 'start.md'), text);
}
