import { KeeperError, errorName } from '@zk/protocol';

/** A reply's error code as an error; a code newer than this client is still an error, not a success. */
export function keeperError(errno: number, path?: string): KeeperError {
  return new KeeperError(errorName(errno) ?? 'APIERROR', path);
}
