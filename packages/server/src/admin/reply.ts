import type { Readable } from 'node:stream';
import type { Zxid } from '@zk/protocol';

/** What an HTTP answer is made of. */
export interface Reply {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  /** Fields of a JSON answer, or the bytes of a snapshot. */
  readonly body: { readonly error: string | null; readonly last_zxid?: Zxid } | { readonly length: number; readonly stream: Readable };
}

export function failure(status: number, error: string | null = null): Reply {
  return { status, headers: {}, body: { error } };
}
