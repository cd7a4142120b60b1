import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { FrameError, FrameReader } from '@zk/jute';

const LIMIT = 0xfffff;

function frame(body: Buffer): Buffer {
  const prefix = Buffer.alloc(4);
  prefix.writeInt32BE(body.length);
  return Buffer.concat([prefix, body]);
}

/** Collects copies: a frame is only valid during the call. */
function collecting(limit = LIMIT): { reader: FrameReader; frames: Buffer[] } {
  const frames: Buffer[] = [];
  return { reader: new FrameReader(limit, (each) => frames.push(Buffer.from(each))), frames };
}

test('any chunking gives the same frames', () => {
  const bodies = fc.array(fc.uint8Array({ maxLength: 300 }).map((bytes) => Buffer.from(bytes)), { maxLength: 12 });
  const cuts = fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 1, maxLength: 30 });
  fc.assert(fc.property(bodies, cuts, (expected, sizes) => {
    const stream = Buffer.concat(expected.map(frame));
    const { reader, frames } = collecting();
    for (let at = 0, turn = 0; at < stream.length; turn++) {
      const size = sizes[turn % sizes.length]!;
      const chunk = Buffer.from(stream.subarray(at, at + size));
      reader.push(chunk);
      chunk.fill(0xee); // the caller may use its memory again
      at += size;
    }
    expect(frames).toEqual(expected);
  }));
});

test('frames that lie whole in a chunk are views of it', () => {
  const chunk = Buffer.concat([frame(Buffer.from('one')), frame(Buffer.from('two')), Buffer.from('0000', 'hex')]);
  const seen: Buffer[] = [];
  new FrameReader(LIMIT, (each) => seen.push(each)).push(chunk);
  expect(seen.map(String)).toEqual(['one', 'two']);
  for (const each of seen) expect(each.buffer).toBe(chunk.buffer);
});

test('a frame of many small chunks is put together once', () => {
  const body = Buffer.alloc(LIMIT, 7);
  const stream = frame(body);
  const { reader, frames } = collecting();
  for (let at = 0; at < stream.length; at += 100) reader.push(stream.subarray(at, at + 100));
  expect(frames).toHaveLength(1);
  expect(frames[0]!.equals(body)).toBe(true);
});

describe('lengths', () => {
  test('0 and the limit itself are accepted', () => {
    const { reader, frames } = collecting(3);
    reader.push(frame(Buffer.alloc(0)));
    reader.push(frame(Buffer.from('abc')));
    expect(frames.map(String)).toEqual(['', 'abc']);
  });

  test.each(['ffffffff', '80000000', '00000004'])('%s ends it, wherever it is cut', (prefix) => {
    for (let cut = 0; cut < 4; cut++) {
      const { reader, frames } = collecting(3);
      const chunk = Buffer.concat([frame(Buffer.from('ok')), Buffer.from(prefix, 'hex')]);
      expect(() => {
        reader.push(chunk.subarray(0, 6 + cut));
        reader.push(chunk.subarray(6 + cut));
      }).toThrow(FrameError);
      reader.push(frame(Buffer.from('no')));
      expect(frames.map(String)).toEqual(['ok']);
    }
  });

  test('the message tells both', () => {
    expect(() => collecting(3).reader.push(Buffer.from('00000004', 'hex'))).toThrow('frame claims 4 bytes, the limit is 3');
  });
});

describe('after close()', () => {
  test('the rest of the chunk is not handed out', () => {
    const frames: string[] = [];
    const reader: FrameReader = new FrameReader(LIMIT, (each) => {
      frames.push(String(each));
      reader.close();
    });
    reader.push(Buffer.concat([frame(Buffer.from('closeSession')), frame(Buffer.from('ping')), Buffer.from('00', 'hex')]));
    reader.push(frame(Buffer.from('ping')));
    expect(frames).toEqual(['closeSession']);
  });

  test('what onFrame throws passes through and closes', () => {
    let calls = 0;
    const reader = new FrameReader(LIMIT, () => {
      calls++;
      throw new Error('handler');
    });
    expect(() => reader.push(frame(Buffer.from('a')))).toThrow('handler');
    reader.push(frame(Buffer.from('b')));
    expect(calls).toBe(1);
  });
});
