import { parseJavaProperties } from './java-properties.ts';
import type { Property } from './java-properties.ts';
import { hierarchical, majority } from './quorum.ts';
import type { QuorumSystem, VotingConfig } from './quorum.ts';
import { formatServerLine, parseServerLine, sameServer } from './server-spec.ts';
import type { ServerSpec } from './server-spec.ts';
import { asSid } from './zxid.ts';
import type { Sid } from './zxid.ts';

/** What a config has beside its servers. Groups or weights, even empty ones, make the quorums hierarchical. */
export interface EnsembleOptions {
  /** The zxid of the reconfig that made it; 0 for a config from a file. */
  version?: bigint;
  /** Group id to its sids. */
  groups?: ReadonlyMap<bigint, readonly Sid[]>;
  /** Sid to weight; a participant without one weighs 1. */
  weights?: ReadonlyMap<Sid, number>;
}

/** The servers of an ensemble and the rule for its quorums: immutable (quorum.md 1.2 and 1.3). */
export class EnsembleConfig implements VotingConfig {
  readonly servers: ReadonlyMap<Sid, ServerSpec>;
  readonly version: bigint;
  /** The participants. */
  readonly voters: ReadonlySet<Sid>;
  readonly observers: ReadonlySet<Sid>;
  readonly isMajority: boolean;
  /** Empty unless hierarchical. */
  readonly groups: ReadonlyMap<bigint, readonly Sid[]>;
  /** Empty unless hierarchical; then every participant has one. */
  readonly weights: ReadonlyMap<Sid, number>;
  readonly #quorums: QuorumSystem;

  private constructor(specs: Iterable<ServerSpec>, options: EnsembleOptions) {
    const ordered = [...specs].sort((a, b) => ascending(a.sid, b.sid));
    this.servers = new Map(ordered.map((spec) => [spec.sid, spec]));
    this.version = options.version ?? 0n;
    this.voters = new Set(ordered.filter(({ role }) => role === 'participant').map(({ sid }) => sid));
    this.observers = new Set(ordered.filter(({ role }) => role === 'observer').map(({ sid }) => sid));
    this.isMajority = options.groups === undefined && options.weights === undefined;
    this.groups = sortedGroups(options.groups ?? new Map());
    this.weights = this.isMajority ? new Map() : completeWeights(this.voters, options.weights ?? new Map());
    if (!this.isMajority) checkGroups(this.voters, this.groups, this.weights);
    this.#quorums = this.isMajority ? majority(this.voters) : hierarchical(this.voters, this.groups, this.weights);
  }

  /** @throws Error `Server 3is not in a group` and the like, when hierarchical (Apache's messages, lost blank included) */
  static of(specs: Iterable<ServerSpec>, options: EnsembleOptions = {}): EnsembleConfig {
    return new EnsembleConfig(specs, options);
  }

  /**
   * Parses config text as it travels in notifications, NEWLEADER and reconfig txns, and as dynamic files hold it.
   * Only `server.*`, `group*`, `weight*` and `version` (hex, 0 when missing) are known keys; the last of equal keys wins.
   *
   * @param options.multiAddress whether `|` is allowed; by default yes, since the sender's setting is not ours
   * @throws Error with Apache's message
   */
  static parse(text: string, options: { multiAddress?: boolean } = {}): EnsembleConfig {
    return EnsembleConfig.fromProperties(parseJavaProperties(text), options);
  }

  /** As parse(), for keys already picked out of a larger file such as zoo.cfg. */
  static fromProperties(properties: Iterable<Property>, options: { multiAddress?: boolean } = {}): EnsembleConfig {
    const multiAddress = options.multiAddress ?? true;
    const latest = new Map([...properties].map(({ key, value }) => [key.trim(), value.trim()]));
    const specs: ServerSpec[] = [];
    const groups = new Map<bigint, Sid[]>();
    const weights = new Map<Sid, number>();
    let version = 0n;
    for (const [key, value] of latest) {
      if (key.startsWith('server.')) specs.push(parseServerLine(sidOfKey(key), value, { multiAddress }));
      else if (key.startsWith('group')) groups.set(sidOfKey(key), value.split(':').map(parseSid));
      else if (key.startsWith('weight')) weights.set(sidOfKey(key), Number(parseLong(value)));
      else if (key === 'version') version = parseHex(value);
      else throw new Error(`Unrecognised parameter: ${key}`);
    }
    const isHierarchical = groups.size + weights.size > 0;
    const config = new EnsembleConfig(specs, isHierarchical ? { version, groups, weights } : { version });
    if (config.voters.size === 0 && config.observers.size > 0) {
      throw new Error('Observers w/o participants is an invalid configuration');
    }
    return config;
  }

  isQuorum(acks: ReadonlySet<Sid>): boolean {
    return this.#quorums.isQuorum(acks);
  }

  weightOf(sid: Sid): number {
    return this.#quorums.weightOf(sid);
  }

  /** The canonical text: one line per server, then groups and weights, then `version=<hex>` with no newline behind it. */
  toText(): string {
    const lines = [...this.servers.values()].map((spec) => `server.${spec.sid}=${formatServerLine(spec)}\n`);
    for (const [id, sids] of this.groups) lines.push(`group.${id}=${sids.join(':')}\n`);
    for (const [sid, weight] of this.weights) lines.push(`weight.${sid}=${weight}\n`);
    return `${lines.join('')}version=${this.version.toString(16)}`;
  }

  /** Whether both have the same servers, groups and weights, whatever their versions. */
  sameMembers(other: EnsembleConfig): boolean {
    return (
      this.isMajority === other.isMajority &&
      this.servers.size === other.servers.size &&
      [...this.servers.values()].every((spec) => hasServer(other, spec)) &&
      sameEntries(this.groups, other.groups) &&
      sameEntries(this.weights, other.weights)
    );
  }

  /** The same members under another version. */
  withVersion(version: bigint): EnsembleConfig {
    const { groups, weights } = this;
    return new EnsembleConfig(this.servers.values(), this.isMajority ? { version } : { version, groups, weights });
  }
}

function hasServer(config: EnsembleConfig, spec: ServerSpec): boolean {
  const other = config.servers.get(spec.sid);
  return other !== undefined && sameServer(spec, other);
}

function sameEntries(a: ReadonlyMap<bigint, unknown>, b: ReadonlyMap<bigint, unknown>): boolean {
  return a.size === b.size && [...a].every(([key, value]) => String(b.get(key)) === String(value));
}

function ascending(a: bigint, b: bigint): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

function sortedGroups(groups: ReadonlyMap<bigint, readonly Sid[]>): Map<bigint, readonly Sid[]> {
  const sorted = [...groups].sort(([a], [b]) => ascending(a, b));
  return new Map(sorted.map(([id, sids]) => [id, [...sids].sort(ascending)]));
}

function completeWeights(voters: ReadonlySet<Sid>, given: ReadonlyMap<Sid, number>): Map<Sid, number> {
  const missing = [...voters].filter((sid) => !given.has(sid)).map((sid) => [sid, 1] as const);
  return new Map([...given, ...missing].sort(([a], [b]) => ascending(a, b)));
}

function checkGroups(
  voters: ReadonlySet<Sid>,
  groups: ReadonlyMap<bigint, readonly Sid[]>,
  weights: ReadonlyMap<Sid, number>,
): void {
  const grouped = new Set<Sid>();
  for (const sid of [...groups.values()].flat()) {
    if (grouped.has(sid)) throw new Error(`Server ${sid}is in multiple groups`);
    if (!weights.has(sid)) throw new Error(`Server ${sid} is in a group, but is no participant and has no weight`);
    grouped.add(sid);
  }
  for (const sid of voters) if (!grouped.has(sid)) throw new Error(`Server ${sid}is not in a group`);
}

function sidOfKey(key: string): Sid {
  return parseSid(key.slice(key.indexOf('.') + 1));
}

function parseSid(text: string): Sid {
  return asSid(parseLong(text));
}

function parseLong(text: string): bigint {
  if (!/^[+-]?\d{1,19}$/.test(text)) throw new Error(`For input string: "${text}"`);
  return BigInt(text.replace(/^\+/, ''));
}

function parseHex(text: string): bigint {
  if (!/^[0-9a-fA-F]{1,16}$/.test(text)) throw new Error(`For input string: "${text}"`);
  return BigInt(`0x${text}`);
}
