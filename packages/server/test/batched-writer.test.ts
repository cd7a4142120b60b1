import { Duplex } from 'node:stream';
import type { Socket } from 'node:net';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { BatchedWriter } from '../src/net/batched-writer.ts';
import { Turn } from '../src/net/turn.ts';

/** A socket as far as a writer knows one; keeps what is written. */
class Sink extends Duplex {
  readonly written: Buffer[] = [];

  override _write(chunk: Buffer, _encoding: string, done: () => void): void {
    this.written.push(Buffer.from(chunk));
    done();
  }

  get bytes(): Buffer {
    return Buffer.concat(this.written);
  }
}

const writerOn = (sink: Sink): BatchedWriter => new BatchedWriter(sink as unknown as Socket, new Turn());

test('chunks that lie behind each other are written from where they are, in one write', () => {
  const sink = new Sink();
  const writer = writerOn(sink);
  const sheet = Buffer.from('one two three');
  writer.sendPart(sheet, 0, 4);
  writer.sendPart(sheet, 4, 8);
  writer.sendPart(sheet, 8, 13);
  expect(writer.bufferedBytes).toBe(13);
  writer.flush();
  expect(sink.written.map(String)).toEqual(['one two three']);
  expect(writer.bufferedBytes).toBe(0);
});

const sheets = [0, 1].map((sheet) => Buffer.from(Uint8Array.from({ length: 520_000 }, (_, i) => (i * 31 + sheet) & 0xff)));

test('whatever the chunks and wherever they lie, their bytes are written in the order in which they were sent', () => {
  const piece = fc.record({ sheet: fc.nat(1), gap: fc.nat(2), length: fc.integer({ min: 1, max: 40_000 }), asPart: fc.boolean(), flush: fc.boolean() });
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 12 }), (pieces) => {
      const sink = new Sink();
      const writer = writerOn(sink);
      const used = [0, 0];
      const sent: Buffer[] = [];
      for (const { sheet, gap, length, asPart, flush } of pieces) {
        const from = used[sheet]! + gap;
        used[sheet] = from + length;
        const chunk = sheets[sheet]!.subarray(from, from + length);
        sent.push(chunk);
        if (asPart) writer.sendPart(sheets[sheet]!, from, from + length);
        else writer.send(chunk);
        if (flush) writer.flush();
      }
      writer.end();
      expect(sink.bytes.equals(Buffer.concat(sent))).toBe(true);
    }),
    { numRuns: 50 },
  );
});
