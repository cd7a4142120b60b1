/** Recognises what knocked on the wrong door by its first bytes, so that the log can say it in words. */

const HTTP_METHODS = ['GET ', 'POST', 'HEAD', 'PUT ', 'DELE', 'OPTI', 'PATC', 'CONN', 'TRAC', 'PRI '];

/**
 * @param head the first bytes received, at least 4
 * @returns for example `an HTTP request`; `null` when the bytes are nothing well known
 */
export function recogniseVisitor(head: Buffer): string | null {
  const text = head.toString('latin1', 0, 4);
  if (HTTP_METHODS.includes(text)) return 'an HTTP request';
  if (head[0] === 0x16 && head[1] === 0x03) return 'a TLS handshake';
  if (head.readInt32BE(0) === -1) return 'an election hello';
  if (text === 'SSH-') return 'an SSH client';
  if (head.length >= 8 && head.readInt32BE(0) === 0 && head.readInt32BE(4) === 0x2d) return 'a ZooKeeper client';
  return null;
}

/** `"GET / HT" (47 45 54 20 …)` of the first bytes, for visitors nobody knows. */
export function describeBytes(head: Buffer): string {
  const shown = head.subarray(0, 16);
  return `${shown.toString('hex').replace(/(..)(?=.)/g, '$1 ')}${head.length > shown.length ? ' …' : ''}`;
}
