import type { SessionId } from '@zk/protocol';
import type { ZnodeRecord } from './znode-record.ts';

/** The znodes that end by themselves, as ids: ephemerals by session, containers, TTL znodes. */
export class OwnerIndex {
  readonly #ephemerals = new Map<bigint, Set<number>>();
  readonly #containers = new Set<number>();
  readonly #ttls = new Set<number>();
  #ephemeralCount = 0;

  get ephemeralCount(): number {
    return this.#ephemeralCount;
  }
  get containers(): ReadonlySet<number> {
    return this.#containers;
  }
  get ttls(): ReadonlySet<number> {
    return this.#ttls;
  }
  /** The sessions that own ephemerals. */
  get owners(): Iterable<SessionId> {
    return this.#ephemerals.keys() as Iterable<SessionId>;
  }

  ephemeralsOf(session: bigint): ReadonlySet<number> {
    return this.#ephemerals.get(session) ?? NOTHING;
  }

  add(node: ZnodeRecord): void {
    const { kind } = node;
    if (kind === 'container') this.#containers.add(node.id);
    else if (kind === 'ttl') this.#ttls.add(node.id);
    else if (kind === 'ephemeral') this.#addEphemeral(node);
  }

  remove(node: ZnodeRecord): void {
    const { kind } = node;
    if (kind === 'container') this.#containers.delete(node.id);
    else if (kind === 'ttl') this.#ttls.delete(node.id);
    else if (kind === 'ephemeral') this.#removeEphemeral(node);
  }

  #addEphemeral({ owner, id }: ZnodeRecord): void {
    const owned = this.#ephemerals.get(owner);
    if (owned) owned.add(id);
    else this.#ephemerals.set(owner, new Set([id]));
    this.#ephemeralCount += 1;
  }

  #removeEphemeral({ owner, id }: ZnodeRecord): void {
    const owned = this.#ephemerals.get(owner);
    if (!owned?.delete(id)) return;
    if (owned.size === 0) this.#ephemerals.delete(owner);
    this.#ephemeralCount -= 1;
  }
}

const NOTHING: ReadonlySet<number> = new Set();
