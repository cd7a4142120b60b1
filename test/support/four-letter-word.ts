import { connect } from 'node:net';

/** Sends a four-letter word to `localhost:port` and returns the whole answer. */
export function fourLetterWord(port: number, word: string, timeoutMs = 2_000): Promise<string> {
  return new Promise((resolve, reject) => {
    let answer = '';
    const socket = connect({ port, host: '127.0.0.1', timeout: timeoutMs });
    socket.on('timeout', () => socket.destroy(new Error(`no answer to ${word} on port ${port} within ${timeoutMs} ms`)));
    socket.on('connect', () => socket.write(word));
    socket.setEncoding('utf8').on('data', (text: string) => (answer += text));
    socket.on('error', reject);
    socket.on('close', () => resolve(answer));
  });
}

/** leader, follower, observer or standalone, as `srvr` says it; undefined while the server does not serve. */
export async function modeOf(port: number): Promise<string | undefined> {
  return ofServer(port, /^Mode: (\S+)$/m);
}

/** The last txn that is in the server's tree, as `srvr` says it; undefined while the server does not serve. */
export async function zxidOf(port: number): Promise<string | undefined> {
  return ofServer(port, /^Zxid: (\S+)$/m);
}

async function ofServer(port: number, what: RegExp): Promise<string | undefined> {
  const answer = await fourLetterWord(port, 'srvr').catch(() => '');
  return what.exec(answer)?.[1];
}
