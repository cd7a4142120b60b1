import { connect } from 'node:net';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { ZooKeeper } from '@zk/client';
import { FrameReader } from '@zk/jute';
import { GOODBYE, HANDSHAKE, LAST_FRAMES, mislead, mutate, REQUEST_FRAMES } from '../support/frame-mutations.ts';
import { seededRandom } from '../support/seeded-random.ts';
import { heldBytes } from '../support/held-bytes.ts';
import { startInProcess, type InProcessServer } from '../support/in-process.ts';

const FRAMES = 100_000;
const FRAMES_PER_CONNECTION = 20;
/** Most of them are answered, and not only the first of each connection. */
const ANSWERS_AT_LEAST = FRAMES / 2;
const AT_ONCE = 20;
/** A connection whose end the server does not notice within this time hangs. */
const HANG_MS = 10_000;
const GROWTH_LIMIT_BYTES = 48 << 20;
const SEED = Number(process.env['ZK_SEED'] ?? 7);

let server: InProcessServer;
let healthy: ZooKeeper;
beforeAll(async () => {
  server = await startInProcess(['tickTime=500', 'forceSync=no']);
  healthy = await ZooKeeper.connect(`127.0.0.1:${server.port}`, { sessionTimeoutMs: 10_000 });
});
afterAll(async () => {
  await healthy.close();
  await server.stop();
});

/**
 * One connection's worth of frames, behind a handshake that is mostly as it should be. Resolves with the number of
 * answers, when the server has let go of the connection.
 */
function attack(random: () => number): Promise<number> {
  const pick = (list: readonly Buffer[]): Buffer => list[Math.floor(random() * list.length)] as Buffer;
  const frames = Array.from({ length: FRAMES_PER_CONNECTION }, () => mutate(pick(random() < 0.01 ? LAST_FRAMES : REQUEST_FRAMES), random));
  const misleads = random() < 0.2;
  if (misleads) frames.push(mislead(frames.pop() as Buffer, random));
  const greets = random() < 0.9;
  return new Promise((resolve, reject) => {
    const socket = connect({ port: server.port, host: '127.0.0.1' });
    const late = setTimeout(() => {
      socket.destroy();
      reject(new Error(`the server held on to a connection for ${HANG_MS} ms after its end`));
    }, HANG_MS);
    const send = (): void => void (misleads || !greets ? socket.end(Buffer.concat(frames)) : socket.write(Buffer.concat([...frames, GOODBYE])));
    let answers = 0;
    const reader = new FrameReader(1 << 24, () => {
      if (answers++ === 0) send(); // to the handshake: nothing is read before the session is there
    });
    socket.on('data', (chunk: Buffer) => reader.push(chunk));
    socket.on('error', () => {}); // a reset: the server closed the connection before it had read everything
    socket.on('close', () => {
      clearTimeout(late);
      resolve(answers);
    });
    if (greets) socket.write(HANDSHAKE);
    else socket.end(mutate(HANDSHAKE, random));
  });
}

async function attacks(frames: number, random: () => number): Promise<number> {
  let left = frames / FRAMES_PER_CONNECTION;
  let answers = 0;
  const attacker = async (): Promise<void> => {
    while (left-- > 0) {
      const heard = await attack(random);
      answers += heard;
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, attacker));
  return answers;
}

test(`${FRAMES} mutated frames: no crash, no hang, no growth, and a healthy client is served all the while`, { timeout: 120_000 }, async () => {
  const random = seededRandom(SEED);
  healthy.addAuth('digest', 'healthy:pw');
  await healthy.create('/healthy', '0', { acl: [{ perms: 31, id: { scheme: 'auth', id: '' } }] });
  const { sessionId } = healthy;
  let isOver = false;
  const service = (async () => {
    let served = 0;
    while (!isOver) {
      const { version } = await healthy.setData('/healthy', String(served), served);
      expect(String((await healthy.getData('/healthy')).data)).toBe(String(served));
      served++;
      expect(version).toBe(served);
    }
    return served;
  })();

  const warm = await attacks(FRAMES / 10, random); // what is compiled, pooled and cached once is no growth
  const before = heldBytes();
  const answers = warm + (await attacks(FRAMES - FRAMES / 10, random));
  isOver = true;
  const served = await service;
  const grown = heldBytes() - before;

  expect(answers).toBeGreaterThan(ANSWERS_AT_LEAST);
  expect(grown).toBeLessThan(GROWTH_LIMIT_BYTES);
  expect(served).toBeGreaterThan(100);
  expect(healthy.sessionId).toBe(sessionId);
});
