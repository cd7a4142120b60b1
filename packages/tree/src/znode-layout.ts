/**
 * Where the fields of a znode's fixed record lie, big-endian. The first 68 bytes are the Stat a client gets, so that
 * answering with it is one copy; `ephemeralOwner` and `cversion` in it are the client's view, the stored ones follow.
 */
export const CZXID = 0;
export const MZXID = 8;
export const CTIME = 16;
export const MTIME = 24;
export const VERSION = 32;
export const CVERSION = 36;
export const AVERSION = 40;
export const EPHEMERAL_OWNER = 44;
export const DATA_LENGTH = 52;
export const NUM_CHILDREN = 56;
export const PZXID = 60;
export const STAT_LENGTH = 68;

export const CREATIONS = 68; // i32: children created so far, the stored cversion
export const OWNER = 72; // i64: session, container mark or TTL, the stored ephemeralOwner
export const ACL_ID = 80; // f64
export const DIGEST = 88; // u32: what this znode contributes to the tree digest
export const PARENT = 92; // i32: ids of znodes, NO_ZNODE for none
export const FIRST_CHILD = 96;
export const NEXT_SIBLING = 100;
export const PREVIOUS_SIBLING = 104;
export const BLOCK = 108; // u32: path and data, one after the other
export const HASH = 112; // i32: of the path
export const PATH_LENGTH = 116; // u32: bytes
export const FLAGS = 120; // u8
export const CHILDREN_HASH = 124; // i32: sum of the HASHes of all children
export const RECORD_LENGTH = 128;

export const NO_ZNODE = -1;

/** FLAGS: the data is null, not empty. */
export const NULL_DATA = 1;
/** FLAGS: the path is ASCII and needs no UTF-8 decoder. */
export const ASCII_PATH = 2;
/** FLAGS: a znode lives here; a record that is free has no flags at all. */
export const IN_USE = 4;
/** FLAGS: two marks that the change tracker uses in turns. */
export const CHANGED = 8;
export const CHANGED_TOO = 16;
/** FLAGS: all children are in memory. Only looked at while a table does not hold everything. */
export const CHILDREN_KNOWN = 32;
