import { expect } from 'vitest';
import { EnsembleConfig, type Sid } from '@zk/protocol';
import { cluster, type Cluster, type SimNode } from '@zk/simulator';
import { story } from '../support/story.ts';

// Issues of ZooKeeper (quorum.md 17.5) about who is a member, who is asked, and who has a session. See known-bugs.test.ts.

const EPHEMERAL = 1;

/** Every vote that leaves from now on, as `from → to`. */
function overhear(zk: Cluster): Set<string> {
  const heard = new Set<string>();
  const { voted } = zk.network;
  zk.network.voted = (from, to, message) => {
    heard.add(`${from} → ${to}`);
    voted(from, to, message);
  };
  return heard;
}

/** The members of `zk` in one configuration, with these observers. */
function membersOf(zk: Cluster, observers: readonly Sid[]): EnsembleConfig {
  return EnsembleConfig.of(
    zk.nodes.map(({ sid }) => ({
      sid,
      addresses: [{ host: `zoo${sid}`, quorumPort: 2888, electionPort: 3888 }],
      role: observers.includes(sid) ? 'observer' : 'participant',
      client: null,
      clientInText: false,
    })),
  );
}

story('ZOOKEEPER-1807: observers ask voters who leads, and never each other', (seed) => {
  const zk = cluster(3, { seed, observers: 2 });
  const heard = overhear(zk);
  zk.settle();
  zk.crash(zk.leader).settle();
  expect([...heard].filter((way) => way.startsWith('4 →')).length).toBeGreaterThan(0);
  expect([...heard].filter((way) => way === '4 → 5' || way === '5 → 4')).toEqual([]);
});

story('ZOOKEEPER-4886: observers may have the smallest ids, though it is the greater id that dials back', (seed) => {
  const zk = cluster(3, { seed, observers: 2, observersFirst: true }).settle();
  const [observer] = zk.nodes as [SimNode];
  expect(observer.status?.serving).toBe('observer');
  const alice = zk.connect(observer);
  alice.create('/from-below').succeeds();
  zk.crash(zk.leader).settle();
  alice.moveTo(observer).exists('/from-below').succeeds();
  zk.restart(...zk.nodes).settle().agrees();
});

story('ZOOKEEPER-2926: a session is in no table before its creation is committed, and nobody has it when it never is', (seed) => {
  const zk = cluster(3, { seed }).settle();
  const old = zk.leader;
  zk.partition([old], zk.followers);
  const alice = zk.client();
  alice.connect(old);
  zk.run(500);
  expect([alice.connected, old.peer.history.tree.sessions.size]).toEqual([false, 0]);
  zk.settle(); // the others have a leader; the old one gives up its role, and the session with it
  zk.heal().settle();
  const before = zk.checkers.history.length;
  expect(zk.nodes.map((node) => node.peer.history.tree.sessions.size)).toEqual([0, 0, 0]);
  const bob = zk.connect(old);
  bob.create('/first', '', EPHEMERAL).succeeds();
  expect(zk.checkers.history.length).toBe(before + 2); // his session and his znode, and nothing of hers
  zk.settle().agrees();
});

story('ZOOKEEPER-2819, 3829: a new voter is made known to one member after the other, by restarting them, and is one in the end', (seed) => {
  const zk = cluster(3, { seed, observers: 1 }).settle();
  const newcomer = zk.server(4);
  const alice = zk.connect(zk.leader);
  alice.create('/before').succeeds();
  zk.crash(newcomer);
  const enlarged = membersOf(zk, []);
  for (const node of [newcomer, ...zk.followers, zk.leader]) {
    zk.crash(node);
    node.configure(enlarged);
    zk.restart(node).settle();
    alice.moveTo(zk.leader).setData('/before', `after ${node.sid}`).succeeds();
  }
  zk.settle().agrees();
  expect(newcomer.status?.serving).toMatch(/follower|leader/);
  zk.crash(newcomer.status?.serving === 'leader' ? zk.server(1) : zk.leader);
  zk.settle(); // three of four: without the newcomer it would be two of three
  alice.moveTo(newcomer).getData('/before').succeeds();
});

story('ZOOKEEPER-3756: a member that cannot be reached holds up no election among the others', (seed) => {
  const zk = cluster(5, { seed }).settle();
  const [lost, ...rest] = zk.followers as [SimNode, SimNode, SimNode, SimNode];
  const { leader } = zk;
  zk.partition([lost], [leader, ...rest]);
  zk.run(5_000); // by now its connections have been given up, and attempts to reach it take a second each
  leader.crash(); // of five one is dead, and one does not answer: the other three are a quorum
  zk.checkers.crashed(leader);
  const since = zk.scheduler.now;
  zk.settle();
  expect(zk.scheduler.now - since).toBeLessThan(1_000);
  zk.heal().restart(leader).settle().agrees();
});
