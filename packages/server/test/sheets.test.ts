import { Duplex } from 'node:stream';
import type { Socket } from 'node:net';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { SHEET_BYTES } from '@zk/peer';
import { BatchedWriter } from '../src/net/batched-writer.ts';
import { Sheets } from '../src/net/sheets.ts';
import { Turn } from '../src/net/turn.ts';

/** A socket whose kernel takes what it is given at once, or, while it is slow, later: from where the bytes lie. */
class Sink extends Duplex {
  isSlow = false;
  received = '';
  #pending: (() => void) | null = null;

  override _write(chunk: Buffer, _encoding: string, done: () => void): void {
    const take = (): void => {
      this.received += chunk.toString('latin1');
      done();
    };
    if (this.isSlow) this.#pending = take;
    else take();
  }

  /** Takes what it was given so far. */
  catchUp(): void {
    this.isSlow = false;
    for (let take = this.#pending; take; take = this.#pending) {
      this.#pending = null;
      take();
    }
  }
}

const oneTurn = (): Promise<void> => new Promise((resolve) => void setImmediate(resolve));

test('full sheets come again, the one that is being filled does not', () => {
  const sheets = new Sheets();
  const [first, second] = [sheets.next(), sheets.next()];
  expect([first.length, second.length]).toEqual([SHEET_BYTES, SHEET_BYTES]);
  sheets.takeBack();
  const third = sheets.next();
  expect(third).toBe(first);
  sheets.takeBack();
  expect(sheets.next()).toBe(second);
});

test('a sheet that somebody still reads from never comes again, not even when it is full later', () => {
  const sheets = new Sheets();
  const kept = sheets.next();
  sheets.forget();
  for (let i = 0; i < 4; i++) {
    expect(sheets.next()).not.toBe(kept);
    sheets.takeBack();
  }
});

test('what cannot be kept for the next turns is left to the collector', () => {
  const sheets = new Sheets();
  const all = Array.from({ length: 100 }, sheets.next);
  sheets.takeBack();
  const again = new Set(Array.from({ length: 100 }, sheets.next));
  expect(all.filter((sheet) => again.has(sheet)).length).toBe(64);
});

test('whoever is slow, everybody gets the bytes that were meant for him', async () => {
  const reply = fc.record({ to: fc.nat(2), length: fc.integer({ min: 1, max: 8000 }), slow: fc.boolean(), catchUp: fc.boolean() });
  await fc.assert(
    fc.asyncProperty(fc.array(fc.array(reply, { maxLength: 30 }), { maxLength: 8 }), async (turns) => {
      const turn = new Turn();
      const sinks = [new Sink(), new Sink(), new Sink()];
      const writers = sinks.map((sink) => new BatchedWriter(sink as unknown as Socket, turn));
      const sent = ['', '', ''];
      let sheet = turn.sheets.next();
      let used = 0;
      let mark = 0;
      for (const replies of turns) {
        for (const { to, length, slow, catchUp } of replies) {
          if (used + length > SHEET_BYTES) [sheet, used] = [turn.sheets.next(), 0];
          const text = String.fromCharCode(0x21 + (mark++ % 90)).repeat(length);
          sheet.write(text, used, 'latin1');
          writers[to]!.sendPart(sheet, used, used + length);
          sent[to] += text;
          used += length;
          if (slow) sinks[to]!.isSlow = true;
          else if (catchUp) sinks[to]!.catchUp();
        }
        await oneTurn();
      }
      for (const sink of sinks) sink.catchUp();
      expect(sinks.map(({ received }) => received)).toEqual(sent);
    }),
    { numRuns: 60 },
  );
});
