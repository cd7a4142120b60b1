import type { Terminal } from '../operator/terminal.ts';

const CHUNK_LENGTH = 64 * 1024;

/** Lines for standard output, written in large pieces. */
export class LineOutput {
  readonly #terminal: Terminal;
  #pending = '';

  constructor(terminal: Terminal) {
    this.#terminal = terminal;
  }

  line(text: string): void {
    this.#pending += `${text}\n`;
    if (this.#pending.length >= CHUNK_LENGTH) this.flush();
  }

  /** Also before anything goes to standard error, so that both come in order. */
  flush(): void {
    if (this.#pending !== '') this.#terminal.out(this.#pending);
    this.#pending = '';
  }
}
