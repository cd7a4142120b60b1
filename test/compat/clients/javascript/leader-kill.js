// node-zookeeper-client: everything once, then the leader is killed, then everything that must have survived.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { setTimeout as delay } from 'node:timers/promises';
import { promisify } from 'node:util';
import zookeeper from 'node-zookeeper-client';

const BASE = '/real/javascript';
const { CreateMode, Event, Exception } = zookeeper;

const client = zookeeper.createClient(process.argv[2], { sessionTimeout: 10_000, spinDelay: 50 });
const call = (method, ...args) => promisify(client[method].bind(client))(...args);
const failsWith = (name, promise) => assert.rejects(promise, (error) => error.getCode?.() === Exception[name]);

async function before() {
  await call('create', BASE, Buffer.from('0'));
  await call('create', `${BASE}/me`, null, CreateMode.EPHEMERAL);
  assert.equal(await call('create', `${BASE}/s-`, null, CreateMode.PERSISTENT_SEQUENTIAL), `${BASE}/s-0000000001`);
  await failsWith('NODE_EXISTS', call('create', BASE));
  await failsWith('BAD_VERSION', call('setData', BASE, Buffer.from('x'), 9));
  await failsWith('NOT_EMPTY', call('remove', BASE));
  assert.equal(String(await call('getData', BASE)), '0');
  assert.deepEqual((await call('getChildren', BASE)).sort(), ['me', 's-0000000001']);
  const transaction = client.transaction().check(BASE, 0).create(`${BASE}/m`).remove(`${BASE}/m`, 0);
  await promisify(transaction.commit.bind(transaction))();
  const changed = new Promise((resolve) => client.exists(BASE, resolve, (error) => assert.ifError(error)));
  await call('exists', BASE);
  return { changed }; // not the promise itself: it is not to be waited for yet
}

async function after(changed) {
  for (let attempt = 0; ; attempt++) {
    try {
      await call('setData', BASE, Buffer.from('1'), -1);
      break;
    } catch (error) {
      if (error.getCode?.() !== Exception.CONNECTION_LOSS || attempt === 200) throw error;
      await delay(50); // the client is on its way to another server
    }
  }
  const event = await changed;
  assert.deepEqual([event.getType(), event.getPath()], [Event.NODE_DATA_CHANGED, BASE]);
  assert.notEqual(await call('exists', `${BASE}/me`), null);
}

client.connect();
await once(client, 'connected');
const { changed } = await before();
const session = client.getSessionId().toString('hex');
console.log('ready');
await once(process.stdin, 'data');
await after(changed);
assert.equal(client.getSessionId().toString('hex'), session);
client.close();
await once(client, 'disconnected');
console.log('ok');
process.exit(0);
