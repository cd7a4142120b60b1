import { connect, type Socket } from 'node:net';
import type { HostPort } from '@zk/protocol';

/** An attempt to connect that has not been decided yet. */
export interface Dialing {
  cancel(): void;
}

/** Told exactly once: with the connected socket, or why there is none. */
export type Dialed = (socket: Socket | null, reason: string) => void;

export interface DialOptions {
  readonly timeoutMs: number;
  readonly keepAlive: boolean;
}

/**
 * Connects to whichever of the addresses answers first. Names are resolved at every dial: a peer that moved to another
 * address is found again.
 */
export function dial(addresses: readonly HostPort[], options: DialOptions, done: Dialed): Dialing {
  let left = addresses.length;
  let decided = false;
  const reasons: string[] = [];
  const sockets = addresses.map(({ host, port }) =>
    connect({ host, port, noDelay: true, keepAlive: options.keepAlive, autoSelectFamily: true }),
  );
  const timer = setTimeout(() => decide(null, `no answer within ${options.timeoutMs} ms`), options.timeoutMs);

  function decide(winner: Socket | null, reason: string): void {
    if (decided) return;
    decided = true;
    clearTimeout(timer);
    for (const socket of sockets) if (socket !== winner) socket.destroy();
    done(winner, reason);
  }

  for (const socket of sockets) {
    const failed = (error: NodeJS.ErrnoException): void => {
      reasons.push(dialReason(error));
      if (--left === 0) decide(null, reasons.join(', '));
    };
    socket.on('error', failed);
    socket.once('connect', () => {
      socket.off('error', failed);
      socket.on('error', () => socket.destroy()); // until its new owner listens
      decide(socket, '');
    });
  }
  if (addresses.length === 0) setImmediate(decide, null, 'no address is known');
  return {
    cancel: () => {
      decided = true;
      clearTimeout(timer);
      for (const socket of sockets) socket.destroy();
    },
  };
}

function dialReason({ code, message }: NodeJS.ErrnoException): string {
  if (code === 'ECONNREFUSED') return 'nobody listens there';
  if (code === 'ENOTFOUND' || code === 'EAI_AGAIN') return 'the name does not resolve';
  return message === '' ? (code ?? 'failed') : message;
}
