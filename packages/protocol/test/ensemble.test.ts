import { describe, expect, test } from 'vitest';
import { asSid, EnsembleConfig, JointQuorum } from '@zk/protocol';
import type { Sid } from '@zk/protocol';

const sids = (...numbers: number[]): Set<Sid> => new Set(numbers.map((n) => asSid(BigInt(n))));
const servers = (...numbers: number[]): string => numbers.map((n) => `server.${n}=h${n}:2888:3888\n`).join('');
const config = (text: string): EnsembleConfig => EnsembleConfig.parse(text);

describe('config text (quorum.md 1.2)', () => {
  // The text of the capture in quorum.md 16.1, 138 bytes.
  const captured =
    'server.1=127.0.0.1:22211:22221:participant\nserver.2=127.0.0.1:22212:22222:participant\n' +
    'server.3=127.0.0.1:22213:22223:participant\nversion=0';

  test('comes out as Apache prints it', () => {
    expect(captured).toHaveLength(138);
    expect(config(captured).toText()).toBe(captured);
    expect(config(captured).withVersion(0x10000009en).toText()).toBe(captured.replace('version=0', 'version=10000009e'));
  });

  test('order, comments and separators do not matter; the last of equal keys wins', () => {
    const text = '# moved\nversion : ff\nserver.2 h2:2888:3888\nserver.1=old:1:2\nserver.1=h1:2888:3888:observer;2181\n';
    expect(config(text).toText()).toBe(
      'server.1=h1:2888:3888:observer;0.0.0.0:2181\nserver.2=h2:2888:3888:participant\nversion=ff',
    );
  });

  test('hierarchical: groups and weights follow the servers, a missing weight is 1', () => {
    const text = `${servers(1, 2, 3)}group.2=3\ngroup.1=2:1\nweight.3=0\nversion=1`;
    expect(config(text).toText()).toBe(
      'server.1=h1:2888:3888:participant\nserver.2=h2:2888:3888:participant\nserver.3=h3:2888:3888:participant\n' +
        'group.1=1:2\ngroup.2=3\nweight.1=1\nweight.2=1\nweight.3=0\nversion=1',
    );
    expect(config(config(text).toText()).sameMembers(config(text))).toBe(true);
  });

  test.each([
    ['clientPort=2181', 'Unrecognised parameter: clientPort'],
    ['server.x=a:1:2', 'For input string: "x"'],
    ['version=xyz', 'For input string: "xyz"'],
    ['server.1=a:1:2:observer', 'Observers w/o participants is an invalid configuration'],
    [`${servers(1, 2)}group.1=1:2\ngroup.2=2`, 'Server 2is in multiple groups'],
    [`${servers(1, 2)}group.1=1`, 'Server 2is not in a group'],
  ])('%j is refused in Apache’s words', (text, message) => {
    expect(() => config(text)).toThrow(message);
  });
});

describe('config equality', () => {
  test('members count, the version does not', () => {
    const a = config(`${servers(1, 2)}version=1`);
    expect(a.sameMembers(config(`${servers(2, 1)}version=2`))).toBe(true);
    expect(a.sameMembers(config(servers(1, 2, 3)))).toBe(false);
    expect(a.sameMembers(config(`${servers(1)}server.2=moved:2888:3888`))).toBe(false);
    expect(a.sameMembers(config(`${servers(1, 2)}group.1=1:2`))).toBe(false);
  });
});

describe('quorums (quorum.md 1.3)', () => {
  test('majority: more than half of the voters; observers and strangers do not count', () => {
    const five = config(`${servers(1, 2, 3, 4)}server.5=h5:1:2:observer`);
    expect(five.isQuorum(sids(1, 2))).toBe(false);
    expect(five.isQuorum(sids(1, 2, 5, 9))).toBe(false);
    expect(five.isQuorum(sids(1, 2, 3))).toBe(true);
    expect(five.weightOf(asSid(9n))).toBe(1);
  });

  test('hierarchical: a majority of groups, each with a majority of its weight; groups of weight 0 are left out', () => {
    const nine = config(
      `${servers(1, 2, 3, 4, 5, 6, 7, 8, 9)}group.1=1:2:3\ngroup.2=4:5:6\ngroup.3=7:8:9\nweight.7=0\nweight.8=0\nweight.9=0`,
    );
    expect(nine.isQuorum(sids(1, 2, 4))).toBe(false); // group 3 is left out, and one of two groups is no majority
    expect(nine.isQuorum(sids(1, 2, 4, 5))).toBe(true);
    expect(nine.isQuorum(sids(1, 2, 7, 8, 9))).toBe(false);
    expect(nine.isQuorum(sids())).toBe(false);
    expect(nine.weightOf(asSid(7n))).toBe(0);
  });

  test('joint: both configs, while the proposed one is newer (13.3)', () => {
    const old = config(`${servers(1, 2, 3)}version=1`);
    const next = config(`${servers(3, 4, 5)}version=2`);
    const joint = new JointQuorum(old, next);
    expect(joint.isQuorum(sids(1, 2, 3))).toBe(false);
    expect(joint.isQuorum(sids(2, 3, 4))).toBe(true);
    expect([...joint.voters].map(Number)).toEqual([1, 2, 3, 4, 5]);
    expect(new JointQuorum(next, old).isQuorum(sids(4, 5))).toBe(true);
  });
});
