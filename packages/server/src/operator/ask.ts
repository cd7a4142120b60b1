import { connect } from 'node:net';

/**
 * Sends a four-letter word and returns the whole answer.
 *
 * @throws Error when nobody answers within `timeoutMs`
 */
export function askWord(host: string, port: number, word: string, timeoutMs: number): Promise<string> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    const socket = connect({ host, port, timeout: timeoutMs });
    socket.on('connect', () => socket.write(word));
    socket.on('data', (chunk) => chunks.push(chunk));
    socket.on('end', () => socket.destroy());
    socket.on('timeout', () => socket.destroy(new Error(`${host}:${port} has not answered for ${timeoutMs} ms`)));
    socket.on('error', reject);
    socket.on('close', () => resolve(Buffer.concat(chunks).toString()));
  });
}
