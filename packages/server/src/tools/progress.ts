/** Where a progress bar goes. */
export interface ProgressScreen {
  readonly isTTY: boolean;
  readonly columns: number;
  write(text: string): void;
}

const REDRAW_EVERY_MS = 100;
const BAR_COLUMNS = 30;

/** A bar on a terminal's standard error while a tool works for long; nothing anywhere else. */
export class Progress {
  readonly #screen: ProgressScreen;
  readonly #now: () => number;
  #drawnAt = -Infinity;
  #isDrawn = false;

  constructor(screen: ProgressScreen, now: () => number = () => performance.now()) {
    this.#screen = screen;
    this.#now = now;
  }

  /** @param done and `total` in the same unit; a total of 0 is not known yet */
  update(what: string, done: number, total: number): void {
    if (!this.#screen.isTTY || this.#now() - this.#drawnAt < REDRAW_EVERY_MS) return;
    this.#drawnAt = this.#now();
    const share = total > 0 ? Math.min(1, done / total) : 0;
    const filled = Math.round(share * BAR_COLUMNS);
    const line = `${what} [${'#'.repeat(filled)}${'.'.repeat(BAR_COLUMNS - filled)}] ${Math.floor(share * 100)} %`;
    this.#screen.write(`\r${line.slice(0, this.#screen.columns - 1)}\x1b[K`);
    this.#isDrawn = true;
  }

  /** Removes the bar, before anything else is written. */
  clear(): void {
    if (this.#isDrawn) this.#screen.write('\r\x1b[K');
    this.#isDrawn = false;
    this.#drawnAt = -Infinity;
  }
}

/** Standard error of this process. */
export function processScreen(): ProgressScreen {
  const { isTTY, columns } = process.stderr;
  return { isTTY: Boolean(isTTY), columns: columns || 80, write: (text) => void process.stderr.write(text) };
}
