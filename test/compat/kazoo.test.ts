import { spawn } from 'node:child_process';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { Ensemble } from '../support/ensemble.ts';
import { ours, PROJECT_ROOT } from '../support/implementations.ts';
import { implementationUnderTest } from './under-test.ts';

let zk: Ensemble;
beforeAll(async () => {
  const server = implementationUnderTest(ours);
  zk = await Ensemble.start({ implementations: [server, server, server] });
});
afterAll(() => zk.stop());

/** Runs one story of kazoo_stories.py against the ensemble; what it prints is in the message when it fails. */
function kazoo(story: string): Promise<string> {
  return new Promise((resolve, reject) => {
    // Debian's interpreter, because python3-kazoo is installed for that one.
    const child = spawn('/usr/bin/python3', [`${PROJECT_ROOT}/test/compat/kazoo_stories.py`, story, zk.connectString]);
    let output = '';
    child.stdout.on('data', (text: Buffer) => (output += text.toString()));
    child.stderr.on('data', (text: Buffer) => (output += text.toString()));
    child.on('error', reject);
    child.on('close', (code) => (code === 0 ? resolve(output) : reject(new Error(`kazoo exited with ${code}:\n${output}`))));
  });
}

test.each([
  ['data_watch', 'a DataWatch on every server fires after a set through another'],
  ['service_registration', 'a registration disappears when its process is killed with -9'],
  ['recipes', 'locks, queues, counters and a transaction'],
  ['acls', 'digest auth and ACLs'],
])('kazoo: %s: %s', async (story) => {
  expect(await kazoo(story)).toContain(`${story}: ok`);
});
