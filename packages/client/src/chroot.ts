import { validatePath } from '@zk/protocol';

/** The paths of a client that sees only what is below some znode, and the server's for the same znodes. */
export class Chroot {
  readonly #root: string;

  /** @param root '' or an absolute path without a trailing slash */
  constructor(root: string) {
    this.#root = root;
  }

  /** @throws KeeperError BADARGUMENTS: without the check `x` or `/../x` would lead out of the chroot */
  absolute(path: string): string {
    validatePath(path);
    return path === '/' && this.#root !== '' ? this.#root : this.#root + path;
  }

  /** The same for a znode that gets its sequence number from the server: `/queue/` alone is as good a path as any. */
  absoluteSequential(path: string): string {
    validatePath(`${path}0`);
    return this.#root + path;
  }

  /** As the client names it; a path outside (`/zookeeper/config`) stays as it is. */
  relative(path: string): string {
    return this.contains(path) ? path.slice(this.#root.length) || '/' : path;
  }

  contains(path: string): boolean {
    return path === this.#root || path.startsWith(`${this.#root}/`);
  }
}
