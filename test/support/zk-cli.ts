import { spawn, type ChildProcessWithoutNullStreams } from 'node:child_process';
import { APACHE_39_JARS } from './implementations.ts';
import { until } from './until.ts';

const QUIET = '-Dorg.slf4j.simpleLogger.defaultLogLevel=error';

/** Apache's own zkCli, typed into like a person does: one line in, then wait for what it prints. */
export class ZkCli {
  readonly #child: ChildProcessWithoutNullStreams;
  #output = '';
  #read = 0;

  private constructor(connectString: string, timeoutMs: number, options: readonly string[]) {
    const args = ['-Xmx64m', '-XX:+UseSerialGC', '-XX:TieredStopAtLevel=1', QUIET, '-cp', `${APACHE_39_JARS}/*`];
    const main = 'org.apache.zookeeper.ZooKeeperMain';
    this.#child = spawn('java', [...args, main, '-server', connectString, '-timeout', String(timeoutMs), ...options]);
    const keep = (text: string): void => void (this.#output += text);
    this.#child.stdout.setEncoding('utf8').on('data', keep);
    this.#child.stderr.setEncoding('utf8').on('data', keep);
  }

  /** A shell that has its session with a server that is cut off from its quorum. */
  static async connectReadOnly(connectString: string, timeoutMs = 10_000): Promise<ZkCli> {
    const cli = new ZkCli(connectString, timeoutMs, ['-r']);
    await cli.prints(/WatchedEvent state:ConnectedReadOnly type:None/);
    return cli;
  }

  /** A shell that has its session. */
  static async connect(connectString: string, timeoutMs = 10_000): Promise<ZkCli> {
    const cli = new ZkCli(connectString, timeoutMs, []);
    await cli.prints(/WatchedEvent state:SyncConnected type:None/);
    return cli;
  }

  /** Types one line. */
  type(line: string): this {
    this.#child.stdin.write(`${line}\n`);
    return this;
  }

  /** Waits until something new matches; everything up to the end of the match is then behind us. */
  async prints(pattern: RegExp | string, timeoutMs = 20_000): Promise<RegExpExecArray> {
    const wanted = typeof pattern === 'string' ? new RegExp(pattern.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')) : pattern;
    let found: RegExpExecArray | null = null;
    await until(
      `${String(wanted)} in\n${this.#output.slice(this.#read)}`,
      () => (found = wanted.exec(this.#output.slice(this.#read))) !== null,
      timeoutMs,
    ).catch((error: unknown) => {
      throw new Error(`${String(error)}\n--- zkCli printed:\n${this.#output}`);
    });
    const match = found as unknown as RegExpExecArray;
    this.#read += match.index + match[0].length;
    return match;
  }

  /** `quit`: the session is closed, its ephemerals go. */
  async quit(): Promise<void> {
    this.type('quit');
    await this.#ended();
  }

  /** Ends the process without a word to the server. */
  async kill(): Promise<void> {
    if (this.#child.exitCode === null && this.#child.signalCode === null) this.#child.kill('SIGKILL');
    await this.#ended();
  }

  #ended(): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return Promise.resolve();
    return new Promise((resolve) => this.#child.once('close', () => resolve()));
  }
}
