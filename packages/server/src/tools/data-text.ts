import { isUtf8 } from 'node:buffer';

/** The data of a znode for one line of text: in quotes when it is text, otherwise base64. */
export function printable(data: Buffer): string {
  const text = isUtf8(data) ? data.toString('utf8') : null;
  return text === null || /\p{Cc}/u.test(text.replaceAll(/[\n\r\t]/g, '')) ? `base64:${data.toString('base64')}` : JSON.stringify(text);
}
