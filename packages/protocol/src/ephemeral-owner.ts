/**
 * `ephemeralOwner` on disk and in images says what kind of znode it is, in the one field there is (EphemeralType):
 * 0 persistent, Long.MIN_VALUE container, top byte ff TTL (if extended types are on), anything else a session id.
 */
export type OwnerKind = 'persistent' | 'ephemeral' | 'container' | 'ttl';

export const CONTAINER_OWNER = -(2n ** 63n);

/** A TTL in ms takes the lower 40 bits; the longest is about 34 years. */
export const MAX_TTL = 0xff_ffff_ffffn;

/** With extended types a session id must not look like a TTL, and its top byte is the sid of the member that made it. */
export const MAX_EXTENDED_SID = 0xfen;

const TTL_PREFIX = -(2n ** 56n); // ff in the top byte, as a signed number
const FEATURE_BITS = 0xffffn << 40n;

/** @param ttl ms, 1 … {@link MAX_TTL}, or RangeError: check what clients send before */
export function ttlOwner(ttl: bigint): bigint {
  if (ttl <= 0n || ttl > MAX_TTL) throw new RangeError(`ttl ${ttl} is not between 1 and ${MAX_TTL}`);
  return TTL_PREFIX | ttl;
}

/**
 * @param extendedTypes `zookeeper.extendedTypesEnabled`: without it there are no TTL znodes
 * @param emulate353TTL `zookeeper.emulate353TTLNodes`: every other negative owner is a TTL in 3.5.3's layout.
 * An owner with ff on top and an unknown feature below it is taken for a session; Java stops there.
 */
export function kindOfOwner(owner: bigint, extendedTypes: boolean, emulate353TTL = false): OwnerKind {
  if (owner === 0n) return 'persistent';
  if (owner === CONTAINER_OWNER) return 'container';
  if (!extendedTypes || owner > 0n) return 'ephemeral';
  const isTtl = emulate353TTL || (owner >= TTL_PREFIX && (owner & FEATURE_BITS) === 0n);
  return isTtl ? 'ttl' : 'ephemeral';
}

/** The TTL in ms of an owner whose kind is ttl, in either layout: 3.5.3's never had ff on top. */
export function ttlOf(owner: bigint): bigint {
  return owner & (owner >= TTL_PREFIX ? MAX_TTL : 2n ** 63n - 1n);
}
