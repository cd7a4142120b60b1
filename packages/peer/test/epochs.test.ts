import { describe, expect, test } from 'vitest';
import { asZxid } from '@zk/protocol';
import type { Epochs, Recovered } from '@zk/store';
import { InconsistentEpochsError, startingEpochs } from '../src/epochs.ts';

const recovered = (lastZxid: bigint, epochs: Epochs | null): Recovered => ({
  image: null,
  txns: [],
  epochs,
  lastZxid: asZxid(lastZxid),
  notes: [],
  trusted: true,
});

describe('epochs at the start (quorum.md 4.1)', () => {
  test('missing ones are the epoch of the last zxid', () => {
    expect(startingEpochs(recovered(0x300000007n, null))).toEqual({ accepted: 3n, current: 3n });
    expect(startingEpochs(recovered(0n, null))).toEqual({ accepted: 0n, current: 0n });
  });

  test('those on disk are taken', () => {
    expect(startingEpochs(recovered(0x300000007n, { accepted: 5n, current: 4n }))).toEqual({ accepted: 5n, current: 4n });
  });

  test('a promise older than the epoch taken part in is refused', () => {
    expect(() => startingEpochs(recovered(0n, { accepted: 4n, current: 5n }))).toThrow(InconsistentEpochsError);
    expect(() => startingEpochs(recovered(0n, { accepted: 4n, current: 5n }))).toThrow('The accepted epoch, 0x4, is less than the current epoch, 0x5');
  });

  test('a log beyond every promise is refused', () => {
    expect(() => startingEpochs(recovered(0x600000001n, { accepted: 5n, current: 5n }))).toThrow('is older than the last zxid, 0x600000001');
  });

  test('a sync cut short by a crash, after its txns and before its epoch, is no contradiction', () => {
    expect(startingEpochs(recovered(0x500000009n, { accepted: 6n, current: 4n }))).toEqual({ accepted: 6n, current: 4n });
  });
});
