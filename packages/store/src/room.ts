/** As Node names them, and as LMDB numbers them: no space left, quota exceeded. */
const OUT_OF_ROOM = new Set<unknown>(['ENOSPC', 'EDQUOT', 28, 122]);

/** Whether this failed for lack of room alone, so that it can succeed when there is some. */
export function isOutOfRoom(error: unknown): error is Error {
  return error instanceof Error && 'code' in error && OUT_OF_ROOM.has(error.code);
}

/** How often what did not fit is tried again, in ms: nobody tells when a file system has room again. */
export const ROOM_RETRY_MS = 1000;

/** Keeps the one piece of work that a store cannot go on without until there is room for it. */
export class RoomKeeper {
  /** The shortage as it begins, and null when it is over. */
  onChange: (shortage: Error | null) => void = () => {};

  readonly #retryMs: number;
  #shortage: Error | null = null;
  #timer: NodeJS.Timeout | null = null;
  #abandoned: (() => void) | null = null;

  constructor(retryMs: number) {
    this.#retryMs = retryMs;
  }

  /** Runs `again` after a while. It reports back with another wait(), or with found(). */
  wait(shortage: Error, again: () => void): void {
    if (this.#abandoned) return this.#abandoned();
    this.#timer = setTimeout(() => {
      this.#timer = null;
      again();
    }, this.#retryMs);
    if (this.#shortage !== null) return;
    this.#shortage = shortage;
    this.onChange(shortage);
  }

  /** Something has been written. */
  found(): void {
    if (this.#shortage === null) return;
    this.#shortage = null;
    this.onChange(null);
  }

  /** From now on nothing is tried twice: `abandoned` runs for what does not fit, at once for what waits already. */
  giveUp(abandoned: () => void): void {
    this.#abandoned = abandoned;
    if (!this.#timer) return;
    clearTimeout(this.#timer);
    abandoned();
  }
}
