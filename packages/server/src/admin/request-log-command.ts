import type { RequestFilter } from '@zk/peer';
import { asSessionId, KeeperError, validatePath, type SessionId } from '@zk/protocol';

/** For how long requests are told unless `seconds` says otherwise, and at most. */
const DEFAULT_SECONDS = 600;
const MOST_SECONDS = 24 * 3600;

/**
 * What `POST /commands/request_log` asks for: `?session=0x…` and `?path=/app`, each any number of times, `seconds=` for how
 * long; none of them: nothing any more.
 *
 * @returns the filter, `null` for none, or what is wrong with the parameters
 */
export function requestFilterOf(parameters: URLSearchParams): RequestFilter | null | string {
  const sessions = parameters.getAll('session').map(sessionOf);
  const paths = parameters.getAll('path');
  const seconds = Number(parameters.get('seconds') ?? DEFAULT_SECONDS);
  if (!Number.isInteger(seconds) || seconds < 1 || seconds > MOST_SECONDS) return `seconds is a number from 1 to ${MOST_SECONDS}`;
  if (sessions.includes(null)) return 'session is an id, as 0x1000017008a0001 or in decimal';
  const wrong = paths.find((path) => !isPath(path));
  if (wrong !== undefined) return `${wrong} is no path`;
  if (sessions.length === 0 && paths.length === 0) return null;
  return { sessions: new Set(sessions.filter((session) => session !== null)), paths, forMs: seconds * 1000 };
}

function sessionOf(text: string): SessionId | null {
  return /^(0x[0-9a-f]{1,16}|-?\d{1,19})$/i.test(text) ? asSessionId(BigInt.asIntN(64, BigInt(text))) : null;
}

function isPath(path: string): boolean {
  try {
    validatePath(path);
    return true;
  } catch (error) {
    if (error instanceof KeeperError) return false;
    throw error;
  }
}
