/** What a znode holds, as callers may give it: text is written as UTF-8, null is no data at all. */
export type Data = Buffer | string | null;

export function bytesOf(data: Data): Buffer | null {
  return typeof data === 'string' ? Buffer.from(data) : data;
}
