import { JuteError } from '@zk/jute';
import { EnsembleConfig, ServerState, decodeNotification, encodeNotification } from '@zk/protocol';
import type { Millis, Notification, ServerRole, ServerSpec, Sid } from '@zk/protocol';
import { Election } from '@zk/election';
import type { ElectionEffect, ElectionInput } from '@zk/election';
import type { PeerConfig } from './config.ts';
import { EnsembleConfigs, roleIn } from './ensemble-configs.ts';
import type { World } from './world.ts';

export type Elected = Extract<ElectionEffect, { kind: 'elected' }>;

/** What it tells the member it belongs to. */
export interface ElectorateEvents {
  elected(outcome: Elected): void;
  /** Another configuration is in force. */
  configured(): void;
}

/**
 * Who the voters are, who of them is there, and the election they hold. It lives as long as the member, because it also
 * answers for the other roles.
 */
export class Electorate {
  readonly #config: PeerConfig;
  readonly #world: World;
  readonly #events: ElectorateEvents;
  readonly #configs: EnsembleConfigs;
  readonly #election: Election | null;
  /** Members whose election connection is up. */
  readonly #heard = new Set<Sid>();
  #isClosed = false;

  /** Without an ensemble there is one voter, and nothing to elect. */
  constructor(config: PeerConfig, world: World, events: ElectorateEvents) {
    this.#config = config;
    this.#world = world;
    this.#events = events;
    this.#configs = new EnsembleConfigs(config.ensemble ?? aloneWith(config.sid), config.ensemble !== null && config.reconfigEnabled);
    this.#configs.recover(config.lastSeen ?? null);
    this.#election = config.ensemble ? this.#newElection() : null;
  }

  get committed(): EnsembleConfig {
    return this.#configs.committed;
  }

  /** Proposed to replace the committed one; null: there is none. */
  get pending(): EnsembleConfig | null {
    return this.#configs.pending;
  }

  get ownRole(): ServerRole {
    return roleIn(this.committed, this.#config.sid);
  }

  /** Voters that have not been heard of. */
  get missing(): readonly Sid[] {
    return [...this.committed.voters].filter((sid) => sid !== this.#config.sid && !this.#heard.has(sid));
  }

  /** Voters that are there and have lost their history; told while looking. */
  get withoutHistory(): readonly Sid[] {
    return [...(this.#election?.withoutHistory ?? [])];
  }

  /** A server of either configuration. */
  find(sid: Sid): ServerSpec | undefined {
    return this.#configs.find(sid);
  }

  /** A configuration that the log holds: it counts if nothing newer is in force, or was proposed. */
  recover(found: EnsembleConfig | null): void {
    this.#configs.recover(found);
    if (!this.pending) return;
    this.step({ kind: 'reconfigured', config: this.committed, lastSeen: this.pending });
    this.#world.electors.setMembers?.(this.committed, this.pending);
  }

  step(input: ElectionInput): void {
    if (!this.#election || this.#isClosed) return;
    for (const effect of this.#election.step(input, this.#world.clock.now())) this.#perform(effect);
  }

  nextDeadline(): Millis {
    return this.#isClosed ? Infinity : (this.#election?.nextDeadline() ?? Infinity);
  }

  tick(now: Millis): void {
    if (now >= this.nextDeadline()) this.step({ kind: 'tick' });
  }

  /** The member is about to end: it takes part in nothing any more. */
  close(): void {
    this.#isClosed = true;
  }

  connected(sid: Sid): void {
    this.#heard.add(sid);
    this.step({ kind: 'connected', sid });
  }

  lost(sid: Sid): void {
    this.#heard.delete(sid);
    this.step({ kind: 'unreachable', sid });
  }

  /** @returns whether its sender looks for a leader */
  notified(from: Sid, message: Buffer): boolean {
    this.#heard.add(from);
    const notification = this.#read(from, message);
    if (!notification) return false;
    this.step({ kind: 'notification', from, message: notification });
    return notification.state === ServerState.LOOKING;
  }

  /** Replaces the committed configuration by one with a higher version. */
  adopt(config: EnsembleConfig): void {
    const pendingBefore = this.pending;
    if (!this.#configs.commit(config)) return;
    this.step({ kind: 'reconfigured', config, lastSeen: this.pending });
    this.#enforced(pendingBefore);
  }

  /** Returns once it is durable. */
  seeProposed(config: EnsembleConfig): void {
    if (!this.#configs.see(config)) return;
    this.step({ kind: 'reconfigured', config: this.committed, lastSeen: this.pending });
    this.#world.electors.setMembers?.(this.committed, this.pending);
    this.#tellProposed();
  }

  #perform(effect: ElectionEffect): void {
    switch (effect.kind) {
      case 'notify':
        return this.#world.electors.send(effect.to, encodeNotification(effect.message));
      case 'adoptConfig':
        return this.#adoptGossip(effect.config);
      case 'elected':
        return this.#events.elected(effect);
    }
  }

  /** The election uses it already. */
  #adoptGossip(config: EnsembleConfig): void {
    const pendingBefore = this.pending;
    if (this.#configs.commit(config)) this.#enforced(pendingBefore);
  }

  #enforced(pendingBefore: EnsembleConfig | null): void {
    const { committed, pending } = this;
    this.#world.electors.setMembers?.(committed, pending);
    this.#events.configured();
    this.#world.trace({ kind: 'config', version: committed.version, text: committed.toText() });
    if (pending !== pendingBefore) this.#tellProposed();
  }

  #tellProposed(): void {
    this.#world.trace({ kind: 'configProposed', text: this.pending?.toText() ?? null });
  }

  /** Null for what is no notification: dropped, the connection stays (quorum.md 2.4). */
  #read(from: Sid, message: Buffer): Notification | null {
    try {
      return decodeNotification(message);
    } catch (error) {
      if (!(error instanceof JuteError)) throw error;
      this.#world.trace({ kind: 'linkRefused', remote: `election port of server ${from}`, reason: error.message });
      return null;
    }
  }

  #newElection(): Election {
    const { minNotificationInterval, maxNotificationInterval, finalizeWait } = this.#config.election;
    return new Election({
      sid: this.#config.sid,
      config: this.committed,
      lastSeen: this.pending,
      role: this.ownRole,
      adoptConfigs: this.#config.reconfigEnabled,
      minIntervalMs: minNotificationInterval,
      maxIntervalMs: maxNotificationInterval,
      finalizeMs: finalizeWait,
    });
  }
}

function aloneWith(sid: Sid): EnsembleConfig {
  return EnsembleConfig.of([{ sid, addresses: [], role: 'participant', client: null, clientInText: false }]);
}
