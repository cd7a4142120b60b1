import type { EnsembleConfig, ServerSpec, Sid } from '@zk/protocol';

/**
 * The two configurations of a member (quorum.md 1.4): the one in force, and the last one that a leader has proposed to
 * it. While the second is the newer one, elections need a quorum of both, since it may have been activated elsewhere.
 */
export class EnsembleConfigs {
  readonly #reconfigEnabled: boolean;
  #committed: EnsembleConfig;
  #lastSeen: EnsembleConfig;

  /** With `reconfigEnabled` off the first configuration is the only one. */
  constructor(committed: EnsembleConfig, reconfigEnabled: boolean) {
    this.#committed = committed;
    this.#lastSeen = committed;
    this.#reconfigEnabled = reconfigEnabled;
  }

  get committed(): EnsembleConfig {
    return this.#committed;
  }

  /** Proposed, newer than the committed one, and not in force; null: there is none. */
  get pending(): EnsembleConfig | null {
    return this.#lastSeen.version > this.#committed.version ? this.#lastSeen : null;
  }

  /** A server of either. */
  find(sid: Sid): ServerSpec | undefined {
    return this.#committed.servers.get(sid) ?? this.pending?.servers.get(sid);
  }

  /** Found on disk: of several the newest counts. */
  recover(found: EnsembleConfig | null): void {
    if (this.#reconfigEnabled && found && found.version > this.#lastSeen.version) this.#lastSeen = found;
  }

  /**
   * The leader proposed it, or says with NEWLEADER that it is the last one it knows of, even if it is older than ours:
   * ours was never activated then. False: nothing changed.
   */
  see(proposed: EnsembleConfig): boolean {
    const before = this.pending?.version;
    if (!this.#reconfigEnabled || proposed.version === this.#lastSeen.version) return false;
    this.#lastSeen = proposed;
    return this.pending?.version !== before;
  }

  /** It is in force, if it is newer than the one that is. False: nothing changed. */
  commit(config: EnsembleConfig): boolean {
    if (!this.#reconfigEnabled || config.version <= this.#committed.version) return false;
    this.#committed = config;
    return true;
  }
}

/** A server that no list names follows without a vote (quorum.md 13.5). */
export function roleIn(config: EnsembleConfig, sid: Sid): 'participant' | 'observer' {
  return config.observers.has(sid) ? 'observer' : 'participant';
}

/**
 * Whether a change of configuration that names no leader ends the roles under it: this member has another one now, or
 * its leader is no voter any more, or has moved (quorum.md 13.5).
 */
export function endsRoles(before: EnsembleConfig, after: EnsembleConfig, sid: Sid, leader: Sid): boolean {
  if (before.sameMembers(after)) return false;
  const isVoterOfBoth = before.voters.has(leader) && after.voters.has(leader);
  return !isVoterOfBoth || roleIn(before, sid) !== roleIn(after, sid) || quorumAddresses(before, leader) !== quorumAddresses(after, leader);
}

function quorumAddresses(config: EnsembleConfig, sid: Sid): string {
  const addresses = config.servers.get(sid)?.addresses ?? [];
  return addresses.map(({ host, quorumPort }) => `${host}:${quorumPort}`).join('|');
}
