import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { connect, createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

const PROJECT_ROOT = fileURLToPath(new URL('../..', import.meta.url));
const JARS = join(PROJECT_ROOT, 'test/compat/.peers/apache-3.9.5');
const START_TIMEOUT_MS = 60_000;
const STOP_TIMEOUT_MS = 10_000;
const POLL_MS = 20;
/** A server that is starting may accept a connection and forget it. */
const ANSWER_TIMEOUT_MS = 1_000;

/** A ZooKeeper server that can be started with a zoo.cfg. */
export interface Contender {
  readonly name: string;
  /** Class name of a metrics provider that tells of stalls of the event loop. */
  readonly metricsProvider?: string;
  command(configFile: string): { readonly command: string; readonly args: readonly string[] };
}

/** Our server, as `npm run build` left it. `profileTo`: a directory for a CPU profile of each server process. */
export function ours(profileTo?: string): Contender {
  const flags = profileTo === undefined ? [] : ['--cpu-prof', `--cpu-prof-dir=${profileTo}`];
  return {
    name: 'zookeeper-ts',
    metricsProvider: 'org.apache.zookeeper.metrics.prometheus.PrometheusMetricsProvider',
    command: (configFile) => ({ command: process.execPath, args: [...flags, join(PROJECT_ROOT, 'zk-server.js'), configFile] }),
  };
}

/** Apache's, from the jars of test/compat/install.sh, with the heap its zkServer.sh gives it and the JVM's own choice of collector. */
export const apache: Contender = {
  name: 'apache 3.9.5',
  command: (configFile) => ({
    command: 'java',
    args: ['-Xmx1000m', '-Dorg.slf4j.simpleLogger.defaultLogLevel=warn', '-cp', `${JARS}/*`, 'org.apache.zookeeper.server.quorum.QuorumPeerMain', configFile],
  }),
};

/** @throws Error when Apache's server is not installed */
export function requireApache(): void {
  if (!existsSync(JARS)) throw new Error(`no Apache server in ${JARS}: run test/compat/install.sh`);
}

interface Options {
  /** Prometheus' text on a port of its own, for {@link Servers.longestPauseMs}. */
  readonly metrics?: boolean;
}

interface Member {
  readonly metricsPort: number | null;
  readonly clientPort: number;
  readonly configFile: string;
  readonly directory: string;
  process: ChildProcess;
}

/** Servers on loopback with fresh data, everything else as it is by default, in a directory that goes away with them. */
export class Servers {
  readonly #directory: string;
  readonly #contender: Contender;
  readonly #members: Member[] = [];

  private constructor(contender: Contender) {
    this.#contender = contender;
    this.#directory = mkdtempSync(join(process.env['ZK_BENCH_DIR'] ?? tmpdir(), 'zk-bench-'));
  }

  /** Starts `count` servers; resolves when they serve. */
  static async start(contender: Contender, count: number, options: Options = {}): Promise<Servers> {
    const servers = new Servers(contender);
    try {
      await servers.#start(count, options);
    } catch (error) {
      await servers.stop();
      throw error;
    }
    return servers;
  }

  get ports(): number[] {
    return this.#members.map((member) => member.clientPort);
  }

  get pids(): number[] {
    return this.#members.map((member) => member.process.pid ?? 0);
  }

  /** Stops the first server and starts it again on its data. @returns seconds from the start to the first answer */
  async restart(): Promise<number> {
    const member = this.#members[0]!;
    await stopProcess(member.process);
    const begin = performance.now();
    member.process = this.#launch(member);
    await this.#serving(member);
    return (performance.now() - begin) / 1000;
  }

  /** Ends the leader. @returns its epoch, the client ports of the others, and what starts it again and waits for it */
  async endLeader(signal: 'SIGKILL' | 'SIGTERM'): Promise<{ readonly epoch: number; readonly survivors: number[]; readonly revive: () => Promise<void> }> {
    const answers = await Promise.all(this.#members.map(({ clientPort }) => ask(clientPort, 'srvr')));
    const index = answers.findIndex((answer) => /^Mode: leader/m.test(answer));
    const leader = this.#members[index];
    if (leader === undefined) throw new Error('nobody leads');
    const epoch = Number(BigInt(/^Zxid: (0x[0-9a-f]+)$/m.exec(answers[index] ?? '')?.[1] ?? '0') >> 32n);
    const revive = async (): Promise<void> => {
      await stopProcess(leader.process);
      leader.process = this.#launch(leader);
      await Promise.all(this.#members.map((member) => this.#serving(member)));
    };
    leader.process.kill(signal);
    return { epoch, survivors: this.ports.filter((port) => port !== leader.clientPort), revive };
  }

  async stop(): Promise<void> {
    await Promise.all(this.#members.map((member) => stopProcess(member.process)));
    rmSync(this.#directory, { recursive: true, force: true });
  }

  /** The longest stall of an event loop since the last call, ms; null for servers that do not tell. */
  async longestPauseMs(): Promise<number | null> {
    if (this.#members.some(({ metricsPort }) => metricsPort === null)) return null;
    const texts = await Promise.all(this.#members.map(async ({ metricsPort }) => (await fetch(`http://127.0.0.1:${metricsPort}/metrics`)).text()));
    return Math.max(...texts.map((text) => Number(/^nodejs_eventloop_lag_max_seconds (\S+)/m.exec(text)?.[1]) * 1000));
  }

  async #start(count: number, { metrics }: Options): Promise<void> {
    const ports = await freePorts(count * 4);
    const quorum = Array.from({ length: count }, (_, i) => `server.${i + 1}=127.0.0.1:${ports[count + i]}:${ports[2 * count + i]}`);
    for (let i = 0; i < count; i++) this.#members.push(this.#configure(i + 1, ports[i]!, metrics && this.#contender.metricsProvider ? ports[3 * count + i]! : null, count > 1 ? quorum : []));
    await Promise.all(this.#members.map((member) => this.#serving(member)));
  }

  #configure(sid: number, clientPort: number, metricsPort: number | null, quorum: readonly string[]): Member {
    const directory = join(this.#directory, `zoo${sid}`);
    mkdirSync(directory);
    writeFileSync(join(directory, 'myid'), `${sid}\n`);
    const configFile = join(this.#directory, `zoo${sid}.cfg`);
    const metrics = metricsPort === null ? [] : [`metricsProvider.className=${this.#contender.metricsProvider}`, `metricsProvider.httpPort=${metricsPort}`];
    const lines = [
      'tickTime=2000', 'initLimit=10', 'syncLimit=5', `dataDir=${directory}`, `clientPort=${clientPort}`, 'maxClientCnxns=0',
      'admin.enableServer=false', '4lw.commands.whitelist=*', ...quorum, ...metrics,
    ];
    writeFileSync(configFile, `${lines.join('\n')}\n`);
    const incomplete = { clientPort, metricsPort, configFile, directory };
    return { ...incomplete, process: this.#launch(incomplete) };
  }

  #launch({ configFile, directory }: Pick<Member, 'configFile' | 'directory'>): ChildProcess {
    const { command, args } = this.#contender.command(configFile);
    const log = openSync(`${directory}.log`, 'a');
    return spawn(command, args, { stdio: ['ignore', log, log] });
  }

  async #serving(member: Member): Promise<void> {
    const deadline = performance.now() + START_TIMEOUT_MS;
    while (performance.now() < deadline) {
      if (member.process.exitCode !== null) break;
      if (/^Mode: /m.test(await ask(member.clientPort, 'srvr'))) return;
      await delay(POLL_MS);
    }
    throw new Error(`${this.#contender.name} does not serve:\n${readFileSync(`${member.directory}.log`, 'utf8').slice(-2000)}`);
  }
}

/** The answer to a four-letter word; empty when there is none. */
function ask(port: number, word: string): Promise<string> {
  return new Promise((resolve) => {
    let answer = '';
    const socket = connect({ host: '127.0.0.1', port }, () => socket.write(word));
    socket.on('data', (chunk) => (answer += String(chunk)));
    socket.setTimeout(ANSWER_TIMEOUT_MS, () => socket.destroy());
    socket.on('error', () => {});
    socket.on('close', () => resolve(answer));
  });
}

async function stopProcess(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exited = once(child, 'exit');
  child.kill('SIGTERM');
  const timer = setTimeout(() => child.kill('SIGKILL'), STOP_TIMEOUT_MS);
  await exited;
  clearTimeout(timer);
}

async function freePorts(count: number): Promise<number[]> {
  const servers = await Promise.all(
    Array.from({ length: count }, async () => {
      const server = createServer().listen(0, '127.0.0.1');
      await once(server, 'listening');
      return server;
    }),
  );
  const ports = servers.map((server) => (server.address() as AddressInfo).port);
  await Promise.all(servers.map((server) => once(server.close(), 'close')));
  return ports;
}
