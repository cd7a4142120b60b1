import { expect } from 'vitest';
import { dumpTree, treeDifferences, type TreeDump } from '../support/dump-tree.ts';
import type { Ensemble, Member } from '../support/ensemble.ts';
import { apache38, ours } from '../support/implementations.ts';

// What an Apache server prints when something is wrong between it and its peers.
const COMPLAINTS = /Digests are not matching|Severe unrecoverable|NullPointerException|Committing zxid .* but next pending|Unable to truncate|Got unrecognized type/;

// 3.8.0 does this to itself: an ensemble of nothing else prints the same when it is restarted under writes
// (ZOOKEEPER-4394 when a COMMIT meets the end of a sync, and an ack sent over a link that is already gone).
const OF_380_ITSELF = /"pif" is null|"this\.learner\.sock" is null|Severe unrecoverable error, from thread : SyncThread/;

function complaintsOf(member: Member): string[] {
  const lines = (member.process?.output ?? '').split('\n').filter((line) => COMPLAINTS.test(line));
  return member.implementation === apache38 ? lines.filter((line) => !OF_380_ITSELF.test(line)) : lines;
}

export const isApache = (member: Member): boolean => member.implementation !== ours;
export const serverOf = (member: Member): string => `127.0.0.1:${member.clientPort}`;

/** The trees of all running members are equal, node by node, ACLs and stats included, and no Apache server complained. */
export async function expectAgreement(ensemble: Ensemble): Promise<TreeDump> {
  const trees = new Map<string, TreeDump>();
  for (const member of ensemble.running) trees.set(`server.${member.sid}`, await dumpTree(serverOf(member)));
  expect(treeDifferences(trees).slice(0, 12)).toEqual([]);
  for (const member of ensemble.running.filter(isApache)) {
    expect(complaintsOf(member)).toEqual([]);
  }
  return [...trees.values()][0] as TreeDump;
}
