import { JuteError, Reader } from '@zk/jute';

/** Bytes before a request's record: xid and op. */
export const REQUEST_HEADER = 8;

/** One for all requests, which are decoded one after the other. */
const reader = new Reader(Buffer.alloc(0));

/** The record behind a request's header, or why it does not decode. */
export function decodeOrError<T>(codec: { read(reader: Reader): T }, frame: Buffer): T | JuteError {
  try {
    return codec.read(reader.restart(frame, REQUEST_HEADER));
  } catch (error) {
    if (error instanceof JuteError) return error;
    throw error;
  }
}

/** The record behind a request's header, null if it does not decode. */
export function decodeOrNull<T>(codec: { read(reader: Reader): T }, frame: Buffer): T | null {
  const decoded = decodeOrError(codec, frame);
  return decoded instanceof JuteError ? null : decoded;
}
