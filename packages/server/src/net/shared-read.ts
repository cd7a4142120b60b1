import { Socket } from 'node:net';

const READ_BYTES = 64 * 1024;

/**
 * What every client socket is read into. Sockets are read one after the other and nothing holds on to a chunk, so one
 * buffer does for all; Node's own way allocates 64 KiB per read, which is most of the cost of a small request.
 */
const shared = Buffer.allocUnsafeSlow(READ_BYTES);

/**
 * Where a socket keeps what the option `onread` has given it. The option is public for sockets that dial only; these are the
 * fields, and the handle's method, by which Node makes it true for them, so that an accepted socket needs no second one.
 */
interface WithOnRead {
  [field: symbol]: unknown;
  readonly _handle: { useUserBuffer?: (buffer: Uint8Array) => void } | null;
}

const fieldNamed = (socket: Socket, name: string): symbol | undefined => Object.getOwnPropertySymbols(socket).find((field) => field.description === name);

const pristine = new Socket();
const BUFFER = fieldNamed(pristine, 'kBuffer');
const CALLBACK = fieldNamed(pristine, 'kBufferCb');

/**
 * Hands out what an accepted socket receives, from now on. A chunk is valid during the call only.
 *
 * @param accepted in the event that tells of it, before anything was read; where it has no plain TCP handle (TLS), or Node has
 *   changed, it is read in Node's own way
 */
export function readShared(accepted: Socket, onChunk: (chunk: Buffer) => void): void {
  const socket = accepted as unknown as WithOnRead;
  const handle = socket._handle;
  if (accepted.constructor !== Socket || BUFFER === undefined || CALLBACK === undefined || typeof handle?.useUserBuffer !== 'function') {
    accepted.on('data', onChunk);
    return;
  }
  socket[BUFFER] = shared;
  socket[CALLBACK] = (length: number): boolean => {
    onChunk(shared.subarray(0, length));
    return true;
  };
  handle.useUserBuffer(shared);
}
