import { KeeperError, errorName } from '@zk/protocol';

/** A reply's error code as an error; a code newer than this client is still an error, not a success. */
export function keeperError(errno: number, path?: string): KeeperError {
  return new KeeperError(errorName(errno) ?? 'APIERROR', path);
}

/** CONNECTIONLOSS that says, as its `cause`, what became of the connection. */
export function connectionLoss(reason: string | undefined, path?: string): KeeperError {
  const error = new KeeperError('CONNECTIONLOSS', path);
  if (reason !== undefined) error.cause = new Error(reason);
  return error;
}

/**
 * Runs the application's code in the middle of ours. What it throws is an uncaught exception of the process, as in any
 * event handler, and not the end of the connection it was called from.
 */
export function callOut(code: () => void): void {
  try {
    code();
  } catch (error) {
    process.nextTick(() => {
      throw error;
    });
  }
}
