import { connect } from 'node:net';

/** Sends `bytes` to `127.0.0.1:port` and resolves with what came back once the other side has closed the connection. */
export function knock(port: number, bytes: Buffer, timeoutMs = 15_000): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const received: Buffer[] = [];
    const socket = connect({ port, host: '127.0.0.1' });
    const late = setTimeout(() => {
      socket.destroy();
      reject(new Error(`port ${port} kept the connection open for ${timeoutMs} ms`));
    }, timeoutMs);
    socket.on('connect', () => socket.write(bytes));
    socket.on('data', (chunk: Buffer) => received.push(chunk));
    // A reset is as good as a close: the server had unread bytes of ours when it hung up.
    socket.on('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'ECONNREFUSED') reject(error);
    });
    socket.on('close', () => {
      clearTimeout(late);
      resolve(Buffer.concat(received));
    });
  });
}
