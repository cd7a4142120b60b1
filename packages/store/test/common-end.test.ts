import { join } from 'node:path';
import { asSessionId, asZxid, OpCode, proposalOf, type Proposal } from '@zk/protocol';
import { expect, test } from 'vitest';
import { nodeDisk } from '../src/index.ts';
import { closed } from '../src/testing.ts';
import { commonEnd } from '../src/offline/common-end.ts';
import { fileDisk } from './support.ts';

/** Records of one length: only their zxids tell them apart. */
function txn(zxid: bigint): Proposal {
  const header = { clientId: asSessionId(1n), cxid: 0, zxid: asZxid(zxid), time: 0n, type: OpCode.delete };
  return proposalOf({ header, body: { type: OpCode.delete, path: '/a' }, digest: null });
}

/** A log.1 with these txns. */
async function logWith(...zxids: bigint[]): Promise<string> {
  const disk = fileDisk();
  const store = disk.open();
  store.recover();
  for (const zxid of zxids) store.append(txn(zxid), () => {});
  await closed(store);
  return join(disk.dataDir, 'version-2', 'log.1');
}

test('a copy is compared by the zxids at its offsets', async () => {
  const original = await logWith(1n, 2n, 3n, 4n);
  const other = 0x2_0000_0001n;
  expect(commonEnd(nodeDisk, await logWith(1n, 2n), original)).toMatchObject({ zxid: 2n, isWhole: true });
  expect(commonEnd(nodeDisk, await logWith(1n, 2n, 3n, 4n), original)).toMatchObject({ zxid: 4n, isWhole: true });
  expect(commonEnd(nodeDisk, await logWith(1n, 2n, other), original)).toMatchObject({ zxid: 2n, isWhole: false });
  expect(commonEnd(nodeDisk, original, await logWith(1n, 2n))).toMatchObject({ zxid: 2n, isWhole: false });
});
