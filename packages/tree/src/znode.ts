import { decode } from '@zk/jute';
import type { PackedStat } from './packed-stat.ts';
import { Stat, type ACL, type OwnerKind, type StatPersisted } from '@zk/protocol';

/**
 * A view on one znode, valid until the next `apply`: whoever needs its content longer copies it.
 * Nothing here that a reply needs creates a bigint; the records made by {@link stat} and {@link persisted} do.
 */
export interface Znode {
  readonly path: string;
  readonly kind: OwnerKind;
  readonly version: number;
  /** The number of children ever created: the stored cversion and the source of sequence numbers. */
  readonly cversion: number;
  readonly aversion: number;
  readonly numChildren: number;
  /** 0 for null data. */
  readonly dataLength: number;
  readonly czxid: bigint;
  readonly mzxid: bigint;
  readonly pzxid: bigint;
  readonly ctime: bigint;
  readonly mtime: bigint;
  /** The same as {@link ctime} and {@link mtime}, in ms since 1970, without a bigint. */
  readonly ctimeMs: number;
  readonly mtimeMs: number;
  /** As stored: a session id, 0n, or the container and TTL marks (client.md 2.3). */
  readonly owner: bigint;
  /** The time to live of a TTL znode in ms, otherwise 0. */
  readonly ttlMs: number;
  readonly aclId: bigint;
  /** Shared with the ACL table: not to be changed. */
  readonly acl: ACL[];
  /** This znode's part of the tree digest; 0 below /zookeeper and when digests are off. */
  readonly digest: number;
  /** A view on the tree's own memory. */
  readonly data: Buffer | null;
  /** False for null data, which is not the same as none. */
  readonly hasData: boolean;
  copyData(target: Buffer, offset: number): void;
  /** Writes the 68 bytes of the client's Stat. */
  copyStat(target: DataView, offset: number): void;
  /** The same 68 bytes in a buffer of their own. */
  statBytes(): Buffer;
  /** The Stat as a client sees it: cversion counts deletions too, owners other than sessions are hidden. */
  stat(): Stat;
  /** Writes the 60 bytes of the stat as digests have it. */
  packStat(target: PackedStat): void;
  /** The stat as files, SNAP and digests have it. */
  persisted(): StatPersisted;
}

/** Decodes the 68 bytes of {@link Znode.copyStat}. */
export const decodeStat = (bytes: Buffer): Stat => decode(Stat, bytes);
