import { int, long, record, ustring } from '@zk/jute';
import type { Codec, Infer } from '@zk/jute';

/**
 * A scheme that was not sent (null) is the scheme nobody has: the request is answered with INVALIDACL or AUTHFAILED
 * like one with an unknown scheme, and not like one that cannot be decoded.
 */
export const scheme: Codec<string> = { ...ustring, name: 'scheme', read: (reader) => reader.ustring() ?? '' };

/** Who: `world:anyone`, `ip:10.0.0.1`, `digest:bob:<hash>`. */
export const Id = record('Id', { scheme, id: ustring });
export type Id = Infer<typeof Id>;

/** `perms` is a set of the bits in perms.ts. */
export const ACL = record('ACL', { perms: int, id: Id });
export type ACL = Infer<typeof ACL>;

/** What a client sees of a znode besides its data; 68 bytes. Times are ms since 1970 on the leader's clock. */
export const Stat = record('Stat', {
  czxid: long, mzxid: long, // the txn that created the znode, the txn that last changed its data
  ctime: long, mtime: long,
  version: int, cversion: int, aversion: int, // of the data, the children (creations and deletions), the ACL
  ephemeralOwner: long, // session id, 0 unless ephemeral
  dataLength: int, numChildren: int,
  pzxid: long, // the txn that last added or removed a child
});
export type Stat = Infer<typeof Stat>;

/** What snapshots keep of it. Here `cversion` counts creations only and `ephemeralOwner` may be a container or TTL. */
export const StatPersisted = record('StatPersisted', {
  czxid: long, mzxid: long,
  ctime: long, mtime: long,
  version: int, cversion: int, aversion: int,
  ephemeralOwner: long,
  pzxid: long,
});
export type StatPersisted = Infer<typeof StatPersisted>;

/** One identity of a connection, as whoAmI tells it. */
export const ClientInfo = record('ClientInfo', { authScheme: ustring, user: ustring });
export type ClientInfo = Infer<typeof ClientInfo>;
