import type { Socket } from 'node:net';

const LINGER_MS = 2_000;

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
