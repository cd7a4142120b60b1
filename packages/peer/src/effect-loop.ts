import { Fifo } from '@zk/protocol';

/**
 * Feeds a machine and performs its effects, strictly in order: an input that an effect gives rise to waits until the
 * effects before it are done.
 */
export class EffectLoop<Input, Effect> {
  readonly #step: (input: Input) => readonly Effect[];
  readonly #perform: (effect: Effect) => void;
  readonly #inbox = new Fifo<Input>();
  #running = false;
  #stopped = false;

  constructor(step: (input: Input) => readonly Effect[], perform: (effect: Effect) => void) {
    this.#step = step;
    this.#perform = perform;
  }

  feed(input: Input): void {
    if (this.#stopped) return;
    if (this.#running) return this.#inbox.push(input);
    this.#running = true;
    this.#run(input);
    for (let next = this.#inbox.shift(); next !== undefined; next = this.#inbox.shift()) this.#run(next);
    this.#running = false;
  }

  /** Nothing more is fed or performed, not even the rest of the effects being performed now. */
  stop(): void {
    this.#stopped = true;
    this.#inbox.clear();
  }

  #run(input: Input): void {
    for (const effect of this.#step(input)) {
      if (this.#stopped) return;
      this.#perform(effect);
    }
  }
}
