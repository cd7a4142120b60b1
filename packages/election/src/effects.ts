import { hex, ServerState } from '@zk/protocol';
import type { EnsembleConfig, Epoch, Notification, Sid } from '@zk/protocol';
import { describeVote } from './vote.ts';
import type { Vote } from './vote.ts';

/** What a server does once it has found a leader. */
export type Role = 'LEADING' | 'FOLLOWING' | 'OBSERVING';

/** What happened. */
export type ElectionInput =
  /** The member has no leader. `lastLogged` covers the uncommitted tail; −1n when the database cannot be trusted. */
  | { kind: 'look'; lastLogged: bigint; currentEpoch: Epoch }
  /** The leader is lost, or given up, and the next 'look' has to wait: nobody is to hear any more who led. */
  | { kind: 'left' }
  | { kind: 'notification'; from: Sid; message: Notification }
  /** A fresh election connection to that server is up. */
  | { kind: 'connected'; sid: Sid }
  /** The connection to that server was lost, or refused. */
  | { kind: 'unreachable'; sid: Sid }
  /** The role has reached broadcast under this epoch. */
  | { kind: 'established'; epoch: Epoch }
  /** A reconfig named the leader: the member takes its role without an election (quorum.md 13.4). */
  | { kind: 'appointed'; vote: Vote; state: Role }
  /** Other configs are in force; `lastSeen` is the one proposed but not activated, if any. */
  | { kind: 'reconfigured'; config: EnsembleConfig; lastSeen: EnsembleConfig | null }
  /** The time of nextDeadline() has come. */
  | { kind: 'tick' };

/** What to do. */
export type ElectionEffect =
  | { kind: 'notify'; to: Sid; message: Notification }
  | { kind: 'elected'; vote: Vote; state: Role }
  /** A newer config was learnt from another server and is already used here; make it the committed one. */
  | { kind: 'adoptConfig'; config: EnsembleConfig };

const STATE_NAMES = Object.keys(ServerState);

/** One line about an effect, the same in logs and in test transcripts. */
export function describe(effect: ElectionEffect): string {
  switch (effect.kind) {
    case 'notify':
      return `${describeNotification(effect.message)} → ${effect.to}`;
    case 'elected':
      return `${effect.state} under ${describeVote(effect.vote)}, round ${effect.vote.electionEpoch}`;
    case 'adoptConfig':
      return `adopt config ${hex(effect.config.version)}`;
  }
}

/** `LOOKING for 3 (epoch 1, zxid 0x100000002), round 2` */
function describeNotification(message: Notification): string {
  const preposition = message.state === ServerState.LOOKING ? 'for' : 'under';
  return `${STATE_NAMES[message.state]} ${preposition} ${describeVote(message)}, round ${message.electionEpoch}`;
}
