import { spawn, type ChildProcessWithoutNullStreams } from 'node:child_process';
import { basename } from 'node:path';
import { until } from './until.ts';

/** Somebody else's client, run by a program of test/compat/clients that is told to go on over its standard input. */
export class ClientProgram {
  readonly #child: ChildProcessWithoutNullStreams;
  readonly #ended: Promise<number | null>;
  #output = '';

  constructor(command: string, args: readonly string[]) {
    this.#child = spawn(command, args);
    const keep = (text: string): void => void (this.#output += text);
    this.#child.stdout.setEncoding('utf8').on('data', keep);
    this.#child.stderr.setEncoding('utf8').on('data', keep);
    this.#child.stdin.on('error', () => {}); // it has ended, which whoever waits for it will notice
    this.#ended = new Promise((resolve) => {
      this.#child.once('close', resolve);
      this.#child.once('error', (error) => {
        keep(`${String(error)}\n`);
        resolve(null);
      });
    });
  }

  /** Waits until the program has printed that line. */
  async says(line: string, timeoutMs = 40_000): Promise<void> {
    let isOver = false;
    void this.#ended.then(() => (isOver = true));
    await until(
      `the line ${line}`,
      () => {
        if (this.#output.split(/\r?\n/).includes(line)) return true;
        if (isOver) throw new Error('the program has ended');
        return false;
      },
      timeoutMs,
    ).catch((error: unknown) => {
      this.kill();
      throw new Error(`${String(error)}\n--- the program printed:\n${this.#output}`);
    });
  }

  get output(): string {
    return this.#output;
  }

  /** One line to its standard input. */
  tell(line: string): void {
    this.#child.stdin.write(`${line}\n`);
  }

  /** No further line will come. */
  close(): void {
    this.#child.stdin.end();
  }

  /** @throws Error with everything it printed unless it ends with 0 */
  async succeeds(): Promise<void> {
    const code = await this.#ended;
    if (code !== 0) throw new Error(`the program ended with ${code}:\n${this.#output}`);
  }

  kill(): void {
    this.#child.kill('SIGKILL');
  }
}

const JVM = ['-Xmx128m', '-XX:+UseSerialGC', '-XX:TieredStopAtLevel=1', '-Dorg.slf4j.simpleLogger.defaultLogLevel=error'];

/** Compiles that one file into the folder `build`, and runs its class. */
export async function javaProgram(source: string, build: string, classpath: string, args: readonly string[]): Promise<ClientProgram> {
  await run('javac', ['-d', build, '-cp', classpath, source]);
  return new ClientProgram('java', [...JVM, '-cp', `${build}:${classpath}`, basename(source, '.java'), ...args]);
}

/** Runs a command that is to end with 0, and returns what it printed. */
export async function run(command: string, args: readonly string[], cwd?: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { cwd, stdio: ['ignore', 'pipe', 'pipe'] });
    let output = '';
    for (const stream of [child.stdout, child.stderr]) stream.setEncoding('utf8').on('data', (text: string) => (output += text));
    child.once('error', reject);
    child.once('close', (code) => (code === 0 ? resolve(output) : reject(new Error(`${command} ended with ${code}:\n${output}`))));
  });
}
