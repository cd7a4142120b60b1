import { hex, type Zxid } from '@zk/protocol';

/**
 * Data that was once durable cannot be read any more. It is reported and never cut off: an acknowledged write may be in
 * it. The member must not vote with what is left; it gets the history back from its peers, or from a backup.
 */
export class DamageError extends Error {
  /** The damaged file, or the directory when a whole set of files is unusable. */
  readonly file: string;
  /** Where in the file the first bad record begins, in bytes (of the uncompressed content for a compressed snapshot). */
  readonly offset: number;
  /** The last zxid that is known to be good before the damage; 0 when there is none. */
  readonly zxid: Zxid;
  /** What is wrong, without the place. */
  readonly reason: string;

  constructor(file: string, offset: number, zxid: Zxid, reason: string) {
    super(`${file}: ${reason} (offset ${offset}, last good zxid ${hex(zxid)})`);
    this.name = 'DamageError';
    this.file = file;
    this.offset = offset;
    this.zxid = zxid;
    this.reason = reason;
  }
}
