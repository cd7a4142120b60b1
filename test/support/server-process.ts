import { spawn, type ChildProcess } from 'node:child_process';

/** One server process; what it printed is kept, for assertions and for the message of a failing test. */
export class ServerProcess {
  readonly name: string;
  readonly #child: ChildProcess;
  readonly #ended: Promise<number | null>;
  #output = '';

  constructor(name: string, command: string, args: readonly string[], env: NodeJS.ProcessEnv = {}) {
    this.name = name;
    this.#child = spawn(command, args, { stdio: ['ignore', 'pipe', 'pipe'], env: { ...process.env, ...env } });
    this.#child.stdout?.setEncoding('utf8').on('data', (text: string) => (this.#output += text));
    this.#child.stderr?.setEncoding('utf8').on('data', (text: string) => (this.#output += text));
    this.#ended = new Promise((resolve) => {
      this.#child.once('close', (code) => resolve(code));
      this.#child.once('error', (error) => {
        this.#output += `${String(error)}\n`;
        resolve(null);
      });
    });
  }

  get pid(): number {
    return this.#child.pid ?? -1;
  }

  get exited(): boolean {
    return this.#child.exitCode !== null || this.#child.signalCode !== null;
  }

  /** Everything the process printed so far, standard output and error together. */
  get output(): string {
    return this.#output;
  }

  tail(lines = 40): string {
    return this.#output.split('\n').slice(-lines).join('\n');
  }

  /** Resolves with the exit code (null: ended by a signal). */
  ended(): Promise<number | null> {
    return this.#ended;
  }

  signal(signal: NodeJS.Signals): void {
    this.#child.kill(signal);
  }

  async stop(signal: NodeJS.Signals = 'SIGKILL'): Promise<number | null> {
    if (!this.exited) this.#child.kill(signal);
    return this.#ended;
  }
}
