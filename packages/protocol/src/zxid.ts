import { long } from '@zk/jute';
import type { Codec } from '@zk/jute';

declare const brand: unique symbol;
type Branded<Name extends string> = bigint & { readonly [brand]: Name };

/** The number of a txn: epoch in the upper 32 bits, counter in the lower. Compared as a signed 64-bit number, like Java. */
export type Zxid = Branded<'Zxid'>;

/** The name of a session, signed 64 bits. The top byte is the sid of the member that made it. */
export type SessionId = Branded<'SessionId'>;

/** The name of an ensemble member: `N` of `server.N`, the number in its `myid`. */
export type Sid = Branded<'Sid'>;

/** The reign of one leader: the upper half of its zxids. */
export type Epoch = bigint;

/** A point in time or a duration, in milliseconds. */
export type Millis = number;

export const asZxid = (value: bigint): Zxid => value as Zxid;
export const asSessionId = (value: bigint): SessionId => value as SessionId;
export const asSid = (value: bigint): Sid => value as Sid;

/** A jute long, branded. */
export const zxid = long as Codec<Zxid>;
export const sessionId = long as Codec<SessionId>;
export const sid = long as Codec<Sid>;

/** @param counter 0 … 2³²−1 */
export function zxidOf(epoch: Epoch, counter: bigint | number): Zxid {
  return asZxid(BigInt.asIntN(64, (epoch << 32n) | BigInt(counter)));
}

/** The shift keeps the sign, as Java's does. */
export function epochOf(zxid: Zxid): Epoch {
  return zxid >> 32n;
}

export function counterOf(zxid: Zxid): bigint {
  return zxid & 0xffffffffn;
}

/** The zxid after this one. Whoever hands out zxids must have seen that the counter has room. */
export function nextZxid(zxid: Zxid): Zxid {
  return asZxid(zxid + 1n);
}

/** How a zxid or session id is shown to people: `0x500000003`, as an unsigned 64-bit number. */
export function hex(value: bigint): string {
  return `0x${BigInt.asUintN(64, value).toString(16)}`;
}
