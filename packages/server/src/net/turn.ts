import { Sheets } from './sheets.ts';

/** Something with output gathered during this turn of the event loop. */
export interface Flushable {
  flush(): void;
}

/**
 * Runs `flush()` once at the end of the turn for everything that produced output in it: one socket write per
 * connection and turn, whatever the number of replies. setImmediate runs right after the poll phase in which sockets
 * were read and fsyncs completed, so nothing is delayed by waiting for it.
 */
export class Turn {
  /** What is written at the end of a turn lies here. */
  readonly sheets = new Sheets();
  #waiting: Flushable[] = [];
  #armed = false;
  readonly #end = (): void => {
    const waiting = this.#waiting;
    this.#waiting = [];
    this.#armed = false;
    for (const one of waiting) one.flush();
    if (this.#waiting.length === 0) this.sheets.takeBack();
  };

  /** To be called once per flush: the caller knows whether it is already waiting. */
  add(flushable: Flushable): void {
    this.#waiting.push(flushable);
    if (this.#armed) return;
    this.#armed = true;
    setImmediate(this.#end);
  }
}
