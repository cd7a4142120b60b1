import type { SessionId } from './zxid.ts';

const SECRET = 0xb3415c00n;
const MULTIPLIER = 0x5deece66dn;
const INCREMENT = 0xbn;

/**
 * The password of a session: 16 bytes that every server derives from the id, the output of java.util.Random seeded with
 * it. (It keeps clients from taking each other's sessions by mistake; it is no secret.) Session 0 is never valid.
 */
export function sessionPassword(id: SessionId): Buffer {
  const password = Buffer.allocUnsafe(16);
  let state = BigInt.asUintN(48, id ^ SECRET ^ MULTIPLIER);
  for (let at = 0; at < password.length; at += 4) {
    state = BigInt.asUintN(48, state * MULTIPLIER + INCREMENT);
    password.writeUInt32LE(Number(state >> 16n), at); // nextBytes() gives the low byte of each number first
  }
  return password;
}
