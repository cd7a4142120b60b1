/** Whatever comes in is read or refused with a JuteError, soon. The mutations are drawn from fixed seeds. */
import { decode, FrameReader, JuteError } from '@zk/jute';
import { expect, test } from 'vitest';
import {
  ConnectRequest, CreateRequest, CreateTTLRequest, decodeTxn, encodePacket, hex, QuorumPacket, ReconfigRequest, SetACLRequest,
  SetWatches2,
} from '@zk/protocol';
import { bytesOf } from './bytes.ts';
import { seededRandom } from '../../../test/support/seeded-random.ts';

const MUTANTS = 100_000;
const world = '00000001 0000001f 00000005 776f726c64 00000006 616e796f6e65';
const nothing = '00000010 00000000000000000000000000000000';

type Target = readonly [sample: Buffer, decode: (bytes: Buffer) => unknown];

const proposal = bytesOf(`01000016813f0000 00000008 0000000100000008 000001a1fbebc7f8 0000000e 00000002
  00000001 0000002b 00000002 2f6d 00000001 32 ${world} 00 00000004 00000005 0000000f 00000002 2f61 00000001 6d 00000002
  00000002 00000003341a929f`);

const targets: readonly Target[] = [
  [bytesOf(`00000000 0000000000000000 00002710 0000000000000000 ${nothing} 00`), (b) => decode(ConnectRequest, b)],
  [bytesOf(`000000022f61 000000026869 ${world} 00000000`), (b) => decode(CreateRequest, b)],
  [bytesOf(`000000022f61 000000026869 ${world} 00000005 0000000000001000`), (b) => decode(CreateTTLRequest, b)],
  [bytesOf(`000000022f61 ${world} ffffffff`), (b) => decode(SetACLRequest, b)],
  [bytesOf('00000001 61 ffffffff 00000001 62 ffffffffffffffff'), (b) => decode(ReconfigRequest, b)],
  [bytesOf(`0000000000000004 00000002 000000022f61 000000052f676f6e65 00000001 000000022f78 00000001 000000012f
    00000001 000000022f70 00000001 000000022f72`), (b) => decode(SetWatches2, b)],
  [encodePacket({ type: 2, zxid: 0x100000008n, data: proposal, authinfo: [{ scheme: 'ip', id: '127.0.0.1' }] }), (b) => decode(QuorumPacket, b)],
  [proposal, decodeTxn],
  [bytesOf('0100001842600000 00000005 0000000100000006 000001a1fbed6ce4 fffffff5 00000001 00000002 2f65 00000002 00000002b1870f51'), decodeTxn],
  [bytesOf('00000008 fffffffe 0000000b 0000000e 00000002 0000000c 000000012f 01'), (b) => new FrameReader(0xfffff, (frame) => hex(BigInt(frame.length))).push(b)],
];

const interesting = [0, 1, 2, -1, -2, 0x7fffffff, -0x80000000, 0xfffff, 0x00ffffff];

/** A few changed bytes, a changed length, or a cut. */
function mutate(sample: Buffer, random: () => number): Buffer {
  const below = (limit: number): number => Math.floor(random() * limit);
  const bytes = Buffer.from(sample);
  for (let changes = 1 + below(3); changes > 0; changes--) {
    if (random() < 0.5) bytes[below(bytes.length)] = below(256);
    else bytes.writeInt32BE(interesting[below(interesting.length)]!, below(bytes.length - 3));
  }
  return random() < 0.3 ? bytes.subarray(0, below(bytes.length)) : bytes;
}

test(`${MUTANTS} damaged frames are read or refused`, () => {
  const random = seededRandom(20_260_101);
  const outcomes = { read: 0, refused: 0 };
  for (let i = 0; i < MUTANTS; i++) {
    const [sample, read] = targets[i % targets.length]!;
    const mutant = mutate(sample, random);
    try {
      read(mutant);
      outcomes.read++;
    } catch (error) {
      if (!(error instanceof JuteError)) throw new Error(`mutant ${i}: ${mutant.toString('hex')}`, { cause: error });
      outcomes.refused++;
    }
  }
  expect(outcomes.read).toBeGreaterThan(MUTANTS / 10); // the mutants must not all be hopeless
  expect(outcomes.refused).toBeGreaterThan(MUTANTS / 10);
});

test('the samples themselves are read', () => {
  for (const [sample, read] of targets) expect(() => read(sample)).not.toThrow();
});
