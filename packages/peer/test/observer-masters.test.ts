import { describe, expect, test } from 'vitest';
import { EnsembleConfig, asSid } from '@zk/protocol';
import { ObserverMasters } from '../src/observer-masters.ts';
import { ensemble } from './made-up-world.ts';

const specs = [1, 2, 3, 4].map((n) => ({
  sid: asSid(BigInt(n)),
  addresses: [{ host: `10.0.0.${n}`, quorumPort: 2888, electionPort: 3888 }],
  role: n === 4 ? ('observer' as const) : ('participant' as const),
  client: null,
  clientInText: false,
}));
const config = EnsembleConfig.of(specs);
const [first, second] = specs as [(typeof specs)[0], (typeof specs)[0]];

/** The next `count` that are dialed under that leader. */
function dialed(masters: ObserverMasters, count: number, leader = second, members = config): string[] {
  return Array.from({ length: count }, () => {
    const { addresses } = masters.next(members, leader);
    return addresses.map(({ host, quorumPort }) => `${host}:${quorumPort}`).join();
  });
}

describe('whom an observer asks (quorum.md 15.4)', () => {
  const order = (...numbers: number[]): { next: () => number } => ({ next: () => numbers.shift() ?? 0 });

  test('every follower on the port of masters, in an order of its own, and again in another', () => {
    const masters = new ObserverMasters(2191, order(0.2, 0.1, 0.1, 0.2));
    expect(masters.isRoundOver).toBe(false);
    expect(dialed(masters, 2)).toEqual(['10.0.0.3:2191', '10.0.0.1:2191']);
    expect(masters.isRoundOver).toBe(true);
    expect(dialed(masters, 2)).toEqual(['10.0.0.1:2191', '10.0.0.3:2191']);
  });

  test('the leader on its quorum port, when all of them have refused ten times since one took us', () => {
    const masters = new ObserverMasters(2191, order());
    expect(dialed(masters, 21).map((address) => address === '10.0.0.2:2888').lastIndexOf(true)).toBe(20);
    expect(dialed(masters, 18)).not.toContain('10.0.0.2:2888');
    masters.linked();
    expect(dialed(masters, 20)).not.toContain('10.0.0.2:2888');
    expect(dialed(new ObserverMasters(2191, order()), 1, first, EnsembleConfig.of(specs.slice(0, 1)))).toEqual(['10.0.0.1:2888']);
  });

  test('another leader, or another configuration, begins a new round', () => {
    const masters = new ObserverMasters(2191, order());
    expect(dialed(masters, 2)).toEqual(['10.0.0.1:2191', '10.0.0.3:2191']);
    expect(dialed(masters, 1, first)).toEqual(['10.0.0.2:2191']);
    expect(dialed(masters, 1, first, EnsembleConfig.of(specs.slice(0, 2), { version: 9n }))).toEqual(['10.0.0.2:2191']);
  });
});

test('where no follower is a master, the observer ends up with the leader', () => {
  const zk = ensemble(3, { observerMasterPort: 2191 }, 1);
  zk.settle();
  expect(zk.node(4).peer.inspect()).toMatchObject({ role: 'observing', serving: 'observer' });
});
