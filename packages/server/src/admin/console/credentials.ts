import type { IncomingMessage } from 'node:http';
import type { AccessControl } from '@zk/peer';
import { KeeperError, type Id } from '@zk/protocol';
import { javaAddress } from '../../net/java-address.ts';

/** Somebody at the console, as ACLs know them. */
export interface Visitor {
  readonly address: string;
  readonly port: number;
  /** `user:password`, for a session of theirs; `null` for somebody unnamed. */
  readonly digest: string | null;
  readonly ids: readonly Id[];
}

/**
 * Reads `Authorization: digest user:password`, as the snapshot command has it. It proves no more than a client's auth packet
 * does: that its sender knows the password behind the ids that ACLs name.
 *
 * @throws KeeperError AUTHFAILED for another scheme, and for no header where clients must say who they are
 */
export function visitorOf({ headers, socket }: IncomingMessage, access: AccessControl): Visitor {
  const address = javaAddress(socket.remoteAddress ?? '');
  const digest = digestOf(headers.authorization);
  const proven = digest === null ? [] : access.idsFor('digest', digest, address);
  const ids = [{ scheme: 'ip', id: address }, ...(proven ?? [])];
  if (proven === null || !access.isSufficient(ids)) throw new KeeperError('AUTHFAILED');
  return { address, port: socket.remotePort ?? 0, digest, ids };
}

function digestOf(header: string | undefined): string | null {
  if (header === undefined) return null;
  const text = /^digest (.+)$/i.exec(header)?.[1];
  if (text === undefined) throw new KeeperError('AUTHFAILED');
  return Buffer.from(text, 'latin1').toString(); // the bytes of a header come as latin1, whatever they mean
}
