import { basename } from 'node:path';
import { asZxid, type ImageBuilder, type Zxid } from '@zk/protocol';
import type { Disk } from '../disk.ts';
import { listSnapshots, type NamedFile } from '../file-names.ts';
import { looksComplete, visitSnapshot, type SnapshotSections } from '../snapshot-reader.ts';

/** A snapshot, and what was made of it. */
export interface BaseSnapshot<I> {
  readonly file: NamedFile;
  readonly value: I;
  readonly digest: SnapshotSections['digest'];
  /** Nothing in it is newer; above the zxid of its name, it is fuzzy (storage.md 4.4). */
  readonly reach: Zxid;
}

/**
 * Reads the newest snapshot that can be believed and holds nothing newer than `ceiling`; null when there is none.
 * Without a digest in it, its reach is told by the stats of its znodes, which is all there is then: a changed ACL leaves
 * no zxid.
 * @param build makes something of an image that arrives; called anew for each candidate
 */
export function readBase<I>(disk: Disk, directory: string, ceiling: Zxid | null, build: (zxid: Zxid) => ImageBuilder<I>, notes: string[]): BaseSnapshot<I> | null {
  for (const file of listSnapshots(disk, directory)) {
    if (ceiling !== null && file.zxid > ceiling) continue;
    try {
      const base = readSnapshotFile(disk, file, build);
      if (ceiling === null || base.reach <= ceiling) return base;
    } catch (error) {
      notes.push(`${basename(file.path)} cannot be read: ${(error as Error).message}`);
    }
  }
  return null;
}

/** One snapshot file. @throws Error when it cannot be believed */
export function readSnapshotFile<I>(disk: Disk, file: NamedFile, build: (zxid: Zxid) => ImageBuilder<I>): BaseSnapshot<I> {
  if (!looksComplete(disk, file.path)) throw new Error('it was not written to its end');
  const builder = build(file.zxid);
  let reach: bigint = file.zxid;
  const { digest, lastZxid } = visitSnapshot(disk, file.path, {
    onSession: (id, timeOut) => builder.onSession(id, timeOut),
    onAcl: (id, acl) => builder.onAcl(id, acl),
    onNode: (node) => {
      builder.onNode(node);
      const { czxid, mzxid, pzxid } = node.stat;
      // The config's mzxid is its version, which a member may have been given before any txn.
      if (node.path !== '/zookeeper/config') for (const zxid of [czxid, mzxid, pzxid]) if (zxid > reach) reach = zxid;
    },
  });
  for (const zxid of [digest?.zxid, lastZxid]) if (zxid != null && zxid > reach) reach = zxid;
  const saysNothing = digest === null || digest.zxid < file.zxid || (digest.zxid === 0n && digest.value === 0n);
  return { file, value: builder.finish(), digest: saysNothing ? null : digest, reach: asZxid(reach) };
}
