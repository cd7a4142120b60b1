/** Waiting for a state of the servers without polling: whoever changes something says so, and every condition is looked at again. */
export class Progress {
  readonly #waiting = new Set<() => void>();

  /** Something may be different now. Cheap while nobody waits. */
  changed(): void {
    for (const look of [...this.#waiting]) look();
  }

  /**
   * Resolves as soon as `isReached()`; rejects with what it throws, or, after `patienceMs`, with `describe()`.
   *
   * @param describe says what is still missing
   */
  async until(isReached: () => boolean, describe: () => Error, patienceMs: number): Promise<void> {
    if (isReached()) return;
    await new Promise<void>((resolve, reject) => {
      const finish = (settle: () => void): void => {
        clearTimeout(timer);
        this.#waiting.delete(look);
        settle();
      };
      const look = (): void => {
        try {
          if (isReached()) finish(resolve);
        } catch (error) {
          finish(() => reject(error));
        }
      };
      const timer = setTimeout(() => finish(() => reject(describe())), patienceMs);
      this.#waiting.add(look);
    });
  }
}
