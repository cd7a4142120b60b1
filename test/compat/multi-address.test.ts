import { readFileSync, writeFileSync } from 'node:fs';
import { afterEach, expect, test } from 'vitest';
import { ZooKeeper } from '@zk/client';
import { Ensemble, type Implementation, type Member } from '../support/ensemble.ts';
import { apache39With, ours } from '../support/implementations.ts';
import { freePorts } from '../support/ports.ts';
import { expectAgreement, serverOf } from './agreement.ts';

let zk: Ensemble | undefined;
afterEach(() => zk?.stop());

/** Apache reads these with -D only. */
const apache = apache39With('-Dzookeeper.multiAddress.enabled=true', '-Dzookeeper.multiAddress.reachabilityCheckTimeoutMs=500');

/** Of a network for documentation: no machine has it, and nobody answers there. */
const nowhere = (sid: number): string => `[2001:db8::${sid}]`;

/** `server.N=<unreachable>|<reachable>|<another one>`: three addresses for the two ports of each server. */
async function giveThreeAddresses(ensemble: Ensemble): Promise<void> {
  const others = await freePorts(2 * ensemble.members.length);
  const lines = ensemble.members.map(({ sid, quorumPort, electionPort }, i) => {
    const ports = `${quorumPort}:${electionPort}`;
    return `server.${sid}=${nowhere(sid)}:${ports}|127.0.0.1:${ports}|127.0.1.${sid}:${others[2 * i]}:${others[2 * i + 1]}`;
  });
  for (const { configFile } of ensemble.members) {
    const kept = readFileSync(configFile, 'utf8').split('\n').filter((line) => !line.startsWith('server.'));
    writeFileSync(configFile, [...kept, 'multiAddress.enabled=true', ...lines, ''].join('\n'));
  }
}

async function createThrough(member: Member, path: string): Promise<void> {
  const client = await ZooKeeper.connect(serverOf(member), { sessionTimeoutMs: 10_000 });
  await client.create(path);
  await client.close();
}

// The larger id dials: the one in the middle is dialed by the third, and dials the first.
test.each<[string, Implementation[]]>([
  ['Apache 3.9.5 leads, ours in the middle', [apache, ours, apache]],
  ['ours leads, Apache 3.9.5 in the middle', [ours, apache, ours]],
])('several addresses a server, one of them unreachable: %s', async (_title, implementations) => {
  zk = await Ensemble.create({ implementations });
  await giveThreeAddresses(zk);
  for (const member of zk.members) zk.startMember(member);
  const leader = await zk.settled();
  await createThrough(zk.members[0] as Member, '/a');
  await zk.kill(leader);
  await zk.settled();
  await createThrough(zk.running[0] as Member, '/b');
  zk.startMember(leader);
  await zk.settled();
  await expectAgreement(zk);
});
