import { Socket } from 'node:net';

const READ_BYTES = 64 * 1024;

/**
 * What every client socket is read into. Sockets are read one after the other and nothing holds on to a chunk, so one
 * buffer does for all; Node's own way allocates 64 KiB per read, which is most of the cost of a small request.
 */
const shared = Buffer.allocUnsafeSlow(READ_BYTES);

/** Node keeps the handle of a socket under this name; the option `onread` is public for sockets that dial only. */
interface WithHandle {
  _handle: { useUserBuffer?: unknown } | null;
}

/**
 * Hands out what an accepted socket receives. A chunk is valid during the call only.
 *
 * @param accepted from a server with `pauseOnConnect` and `allowHalfOpen`
 * @returns the socket to use from here on: another one on the same handle, or, where there is no plain TCP handle
 *   (TLS), the same
 */
export function readShared(accepted: Socket, onChunk: (chunk: Buffer) => void): Socket {
  const handle = (accepted as unknown as WithHandle)._handle;
  if (accepted.constructor !== Socket || typeof handle?.useUserBuffer !== 'function') return accepted.on('data', onChunk).resume();
  (accepted as unknown as WithHandle)._handle = null;
  accepted.destroy();
  const onread = {
    buffer: shared,
    callback: (length: number): boolean => {
      onChunk(shared.subarray(0, length));
      return true;
    },
  };
  const options = { handle, onread, allowHalfOpen: true };
  return new Socket(options);
}
