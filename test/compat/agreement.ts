import { expect } from 'vitest';
import { dumpTree, treeDifferences, type TreeDump } from '../support/dump-tree.ts';
import type { Ensemble, Member } from '../support/ensemble.ts';
import { ours } from '../support/implementations.ts';

// What an Apache server prints when something is wrong between it and its peers.
const COMPLAINTS = /Digests are not matching|Severe unrecoverable|NullPointerException|Committing zxid .* but next pending|Unable to truncate|Got unrecognized type/;

export const isApache = (member: Member): boolean => member.implementation !== ours;
export const serverOf = (member: Member): string => `127.0.0.1:${member.clientPort}`;

/** The trees of all running members are equal, node by node, ACLs and stats included, and no Apache server complained. */
export async function expectAgreement(ensemble: Ensemble): Promise<TreeDump> {
  const trees = new Map<string, TreeDump>();
  for (const member of ensemble.running) trees.set(`server.${member.sid}`, await dumpTree(serverOf(member)));
  expect(treeDifferences(trees).slice(0, 12)).toEqual([]);
  for (const member of ensemble.running.filter(isApache)) {
    expect((member.process?.output ?? '').split('\n').filter((line) => COMPLAINTS.test(line))).toEqual([]);
  }
  return [...trees.values()][0] as TreeDump;
}
