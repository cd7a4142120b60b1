import { KeeperError } from './errors.ts';

/**
 * Throws BADARGUMENTS unless a znode may have this path (PathUtils.validatePath): `/`, or `/` and components that are
 * not empty, `.` or `..`, without control characters, surrogates, private use characters and U+FFF0–U+FFFF.
 */
export function validatePath(path: string): void {
  if (path === '/') return;
  if (path.charCodeAt(0) !== SLASH) throw new KeeperError('BADARGUMENTS', path);
  let begin = 1; // of the component
  for (let at = 1; at <= path.length; at++) {
    const unit = at < path.length ? path.charCodeAt(at) : SLASH;
    if (unit === SLASH) {
      if (!isName(path, begin, at)) throw new KeeperError('BADARGUMENTS', path);
      begin = at + 1;
    } else if (isForbidden(unit)) {
      throw new KeeperError('BADARGUMENTS', path);
    }
  }
}

/**
 * The check that comes before the parent is looked up, while a sequence number may still be missing at the end:
 * throws BADARGUMENTS unless there is a `/` and no NUL.
 */
export function validateLoosely(path: string): void {
  if (!path.includes('/') || path.includes('\0')) throw new KeeperError('BADARGUMENTS', path);
}

/** Everything before the last `/`; `/` for a znode right below the root, and for the root. Throws BADARGUMENTS without a `/`. */
export function parentOf(path: string): string {
  const slash = path.lastIndexOf('/');
  if (slash < 0) throw new KeeperError('BADARGUMENTS', path);
  return slash === 0 ? '/' : path.slice(0, slash);
}

/** Whether a path is `top` or below it. */
export function isUnder(path: string, top: string): boolean {
  return path === top || path.startsWith(top === '/' ? top : `${top}/`);
}

/** The path of a child; the root may be `/` or empty. */
export function joinPath(parent: string, name: string): string {
  return parent === '/' ? `/${name}` : `${parent}/${name}`;
}

/** The first component without its slash: `app` for `/app/config`, empty for the root. */
export function topComponent(path: string): string {
  const end = path.indexOf('/', 1);
  return end < 0 ? path.slice(1) : path.slice(1, end);
}

const SLASH = 0x2f;
const DOT = 0x2e;

function isName(path: string, begin: number, end: number): boolean {
  const length = end - begin;
  if (length === 0) return false;
  if (length > 2 || path.charCodeAt(begin) !== DOT) return true;
  return length === 2 && path.charCodeAt(begin + 1) !== DOT;
}

function isForbidden(unit: number): boolean {
  if (unit < 0x7f) return unit < 0x20;
  return unit <= 0x9f || (unit >= 0xd800 && unit <= 0xf8ff) || unit >= 0xfff0;
}
