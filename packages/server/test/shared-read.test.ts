import { once } from 'node:events';
import { connect, createServer, type Socket, type AddressInfo } from 'node:net';
import { PassThrough } from 'node:stream';
import { expect, onTestFinished, test } from 'vitest';
import { readShared } from '../src/net/shared-read.ts';

/** Both ends of a connection, `received` being called for what arrives at the accepted one. */
async function connected(received: (chunk: Buffer) => void): Promise<{ accepted: Socket; client: Socket }> {
  const server = createServer({ allowHalfOpen: true });
  const accepting = new Promise<Socket>((resolve) => {
    server.once('connection', (socket: Socket) => {
      readShared(socket, received);
      resolve(socket);
    });
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const client = connect((server.address() as AddressInfo).port, '127.0.0.1');
  const accepted = await accepting;
  onTestFinished(() => {
    client.destroy();
    accepted.destroy();
    server.close();
  });
  return { accepted, client };
}

/** What has been received. */
class Ear {
  text = '';
  memory: ArrayBufferLike | null = null;
  #wanted = 0;
  #heard: () => void = () => {};

  readonly receive = (chunk: Buffer): void => {
    this.memory = chunk.buffer;
    this.text += chunk.toString('latin1');
    if (this.text.length >= this.#wanted) this.#heard();
  };

  /** Resolves when so many bytes have come. */
  hears(bytes: number): Promise<void> {
    this.#wanted = bytes;
    return new Promise((resolve) => {
      this.#heard = resolve;
      if (this.text.length >= bytes) resolve();
    });
  }
}

test('accepted sockets are read into memory that they share', async () => {
  const [one, other] = [new Ear(), new Ear()];
  const [first, second] = [await connected(one.receive), await connected(other.receive)];
  first.client.write('one');
  await one.hears(3);
  second.client.write('other');
  await other.hears(5);
  expect([one.text, other.text]).toEqual(['one', 'other']);
  expect(one.memory).toBe(other.memory);
});

test('one can be paused, goes on where it was, and tells of the end', async () => {
  const ear = new Ear();
  const { accepted, client } = await connected(ear.receive);
  client.write('part');
  await ear.hears(4);
  accepted.pause();
  await new Promise<void>((resolve) => void client.end(' and the rest', resolve));
  for (let turn = 0; turn < 3; turn++) await new Promise((resolve) => void setImmediate(resolve));
  expect(ear.text).toBe('part');
  const ended = once(accepted, 'end');
  accepted.resume();
  await ended;
  expect(ear.text).toBe('part and the rest');
});

test('what has no handle of its own is read in the ordinary way', async () => {
  const ear = new Ear();
  const stream = new PassThrough();
  readShared(stream as unknown as Socket, ear.receive);
  stream.write('plain');
  await ear.hears(5);
  expect(ear.text).toBe('plain');
});
