import type { Socket } from 'node:net';

const LINGER_MS = 2_000;
/** Whoever is hung up on learns it within a round trip, however far away. */
const GOODBYE_MS = 1_000;

/**
 * Sees a socket off whose sending side has been ended: what still comes is read and dropped, since unread bytes would
 * turn our FIN into a reset, which may destroy the last reply on its way. Whoever does not hang up is hung up on.
 */
export function seeOff(socket: Socket): void {
  const timer = setTimeout(() => socket.destroy(), LINGER_MS);
  socket.once('close', () => clearTimeout(timer));
  socket.on('error', () => socket.destroy());
  socket.resume();
}

/** Waits until the sockets being seen off are gone, as a process must that is about to end: the last replies are theirs. */
export async function aMomentFor(gone: Promise<unknown>): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const patience = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, GOODBYE_MS);
  });
  await Promise.race([gone, patience]);
  clearTimeout(timer);
}
