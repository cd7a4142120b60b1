import { hex, asSessionId, type SessionId } from '@zk/protocol';
import type { Log } from '../log.ts';

/** What one server and an ensemble have in common. */
export interface EmbeddingOptions {
  /**
   * Where the data are kept; in memory unless given. Files stay when the servers stop: another server started on them
   * goes on from there. An ensemble makes a folder in it for each server.
   */
  readonly dataDir?: string;
  /** Keys of zoo.cfg and their values, over the defaults for tests: `{ 'jute.maxbuffer': 4096, snapCount: 100 }`. */
  readonly settings?: Readonly<Record<string, string | number | boolean>>;
  /** Silent unless given. */
  readonly log?: Log;
  /** How long the servers may take for whatever they are asked to do, in ms; 30,000 unless given. */
  readonly patienceMs?: number;
}

/** A session id as clients show it: a bigint, text in hex (`0x10000…`), or the eight bytes of the protocol. */
export type SessionName = bigint | string | Uint8Array;

/** A server did not do what it was asked for. The message says which, and what state the servers are in. */
export class EmbeddingError extends Error {
  override readonly name = 'EmbeddingError';
}

/** @throws EmbeddingError for text that is no number and bytes that are not eight */
export function sessionIdOf(name: SessionName): SessionId {
  if (typeof name === 'bigint') return asSessionId(BigInt.asIntN(64, name));
  if (typeof name === 'string') {
    if (!/^(0x)?[0-9a-f]{1,16}$/i.test(name)) throw new EmbeddingError(`${name} is not a session id in hex`);
    return asSessionId(BigInt.asIntN(64, BigInt(`0x${name.replace(/^0x/i, '')}`)));
  }
  if (name.length !== 8) throw new EmbeddingError(`a session id has 8 bytes, not ${name.length}`);
  return asSessionId(Buffer.from(name).readBigInt64BE());
}

export function describeSession(session: SessionId): string {
  return `session ${hex(session)}`;
}

/**
 * Servers for tests are quick to notice and slow to give up: a tick of 100 ms for expiry and pings, ten seconds of
 * patience with each other, because a test may block the event loop they share.
 */
export const TEST_SETTINGS: Readonly<Record<string, string | number | boolean>> = {
  tickTime: 100,
  initLimit: 100,
  syncLimit: 100,
  minSessionTimeout: 200,
  maxSessionTimeout: 120_000,
  maxClientCnxns: 0,
  preAllocSize: 64,
  'admin.enableServer': false,
  '4lw.commands.whitelist': '*',
  'fastleader.minNotificationInterval': 50,
  'fastleader.maxNotificationInterval': 200,
};
