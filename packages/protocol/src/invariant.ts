import { hex } from './zxid.ts';

/** Our own code is wrong. The process stops: better a stopped peer than a diverged one. */
export class InvariantError extends Error {
  override readonly name = 'InvariantError';
}

/**
 * Stays on in production. Only for what this code promises itself; what others send is refused instead.
 * @param fields shown in the message, bigints as hex: `commits only move forward (zxid=0x500000003)`
 */
export function invariant(condition: unknown, message: string, fields?: Readonly<Record<string, unknown>>): asserts condition {
  if (!condition) violated(message, fields);
}

/** The same where every write comes by: `if (!condition) violated(…)` makes no object of the fields when all is well. */
export function violated(message: string, fields?: Readonly<Record<string, unknown>>): never {
  throw new InvariantError(message + describe(fields));
}

function describe(fields: Readonly<Record<string, unknown>> = {}): string {
  const shown = Object.entries(fields).map(([name, value]) => `${name}=${typeof value === 'bigint' ? hex(value) : String(value)}`);
  return shown.length === 0 ? '' : ` (${shown.join(' ')})`;
}
