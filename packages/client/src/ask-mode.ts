import { connect } from 'node:net';
import { connect as connectTls, type ConnectionOptions } from 'node:tls';
import type { HostPort } from './connect-string.ts';

/** Whether that server serves writes, by the four-letter word `isro`; false when it does not answer in time. */
export function isReadWrite({ host, port }: HostPort, tls: ConnectionOptions | undefined, timeoutMs: number): Promise<boolean> {
  return new Promise((resolve) => {
    let answer = '';
    const ask = (): void => void socket.write('isro');
    const socket = tls ? connectTls({ host, port, ...tls }, ask) : connect({ host, port }, ask);
    const late = setTimeout(() => socket.destroy(), timeoutMs);
    socket.setEncoding('latin1').on('data', (text: string) => (answer += text));
    socket.on('error', () => undefined); // 'close' follows
    socket.on('close', () => {
      clearTimeout(late);
      resolve(answer === 'rw');
    });
  });
}
