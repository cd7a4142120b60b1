import type { Capture, Image } from '@zk/protocol';
import type { ChunkPacker } from './checkpoint-chunks.ts';
import { numberKey, znodeKey } from './checkpoint-keys.ts';
import { encodeAcl, encodeOwned, encodeSession, type CheckpointMeta } from './checkpoint-records.ts';

/** Everything a capture says, in the order in which it has to be entered. */
export function* entriesOf(capture: Capture, onNode: () => void): Generator<(packer: ChunkPacker) => void> {
  for (const { id, timeOut } of capture.sessions) {
    yield (packer) => timeOut === null ? packer.remove('sessions', numberKey(id)) : packer.put('sessions', numberKey(id), encodeSession(timeOut));
  }
  for (const { id, acl } of capture.acls) {
    yield (packer) => acl === null ? packer.remove('acls', numberKey(id)) : packer.put('acls', numberKey(id), encodeAcl(acl));
  }
  for (const path of capture.removed) {
    const key = znodeKey(path);
    yield (packer) => packer.remove('znodes', key);
    yield (packer) => packer.remove('owned', key);
  }
  for (const node of capture.nodes) {
    onNode();
    yield (packer) => packer.putZnode(node);
    if (node.stat.ephemeralOwner !== 0n) yield (packer) => packer.put('owned', znodeKey(node.path), encodeOwned(node.path));
  }
}

/** @param entered how many znodes were: all there are, when the capture is whole */
export function metaOf({ zxid, digest, isWhole, totals, sessionCount, aclCount }: Capture, entered: number): Omit<CheckpointMeta, 'revision'> {
  return {
    zxid,
    nodeCount: isWhole || !totals ? entered : totals.nodes,
    digest: digest?.zxid === zxid ? digest : undefined,
    totals,
    sessions: sessionCount,
    acls: aclCount,
  };
}

/** The image of a tree that cannot be captured: everything there is, as it is when its turn comes. */
export function captureOf(image: Image, since: object | null): Capture {
  if (image.capture) return image.capture(since);
  return {
    zxid: image.zxid,
    mark: {},
    isWhole: true,
    totals: null,
    sessionCount: null,
    aclCount: null,
    get digest() {
      return image.digest;
    },
    sessions: image.sessions,
    acls: image.acls,
    removed: [],
    nodes: image.nodes,
    release: () => {},
  };
}

/** Whether a txn with the checkpoint's zxid can be the one it ends with: their digests, where both have one, agree. */
export function leadsTo({ digest }: CheckpointMeta, txnDigest: { version: number; treeDigest: bigint } | null): boolean {
  if (!digest || !txnDigest || txnDigest.version !== digest.version) return true;
  return BigInt.asUintN(64, txnDigest.treeDigest) === digest.value;
}
