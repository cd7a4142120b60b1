import { EnsembleConfig, Fifo, OpCode, asZxid, invariant, nextZxid, violated } from '@zk/protocol';
import type { ImageBuilder, Proposal, Zxid } from '@zk/protocol';
import type { Recovered, Store } from '@zk/store';
import { DataTree, type TreeOptions } from '@zk/tree';
import { CommittedLog } from '@zk/zab';
import type { SyncHistory } from '@zk/zab';
import type { PeerConfig } from './config.ts';
import type { World } from './world.ts';

/** What a member says that has no history: it counts in no quorum, and is sent the whole tree (quorum.md 4.4, 7.2). */
export const NO_HISTORY = asZxid(-1n);

/**
 * What this member knows: the tree, the last committed proposals, and the tail that is logged but not committed yet.
 *
 * The tree holds committed txns only while a role runs. When a role ends, `fastForward` applies the tail, so that the
 * next vote covers everything this member has ever acked (quorum.md 8.5, T4, T5).
 */
export class MemberHistory implements SyncHistory {
  readonly #config: PeerConfig;
  readonly #world: World;
  readonly #dress: (tree: DataTree) => void;
  readonly committed: CommittedLog;
  readonly #tail = new Fifo<Proposal>();
  #tree: DataTree;
  /** A tree received by SNAP that the disk does not hold yet; the old one stays until it does (quorum.md T6). */
  #incoming: DataTree | null = null;
  #lastLogged: Zxid = asZxid(0n);
  #trusted: boolean;
  #lastReconfig: EnsembleConfig | null = null;

  /** `dress` is given every new tree before anybody sees it, for what is no txn: /zookeeper/config. */
  constructor(config: PeerConfig, world: World, recovered: Recovered, dress: (tree: DataTree) => void) {
    this.#config = config;
    this.#world = world;
    this.#dress = dress;
    this.committed = new CommittedLog(config.commitLogCount);
    this.#tree = this.#rebuild(recovered);
    this.#trusted = recovered.trusted;
  }

  /** The tree requests are answered from. */
  get tree(): DataTree {
    return this.#tree;
  }

  /** The last txn in the log, committed or not. */
  get lastLogged(): Zxid {
    return this.#lastLogged;
  }

  /**
   * What this member vouches for, in votes and to its leader: the last logged zxid (T4), or −1 when it has lost its
   * history or must give it up. −1 counts in no quorum, and is always answered with SNAP (quorum.md 4.4, 7.2).
   */
  get claimed(): Zxid {
    return this.#trusted ? this.#lastLogged : NO_HISTORY;
  }

  /** False: nothing this member has is to be relied on, by voters or readers, until SNAP has replaced it. */
  get isTrusted(): boolean {
    return this.#trusted;
  }

  /** The last configuration in the log that was read, whether it was activated or not. */
  get lastReconfig(): EnsembleConfig | null {
    return this.#lastReconfig;
  }

  /** Logged, not committed. */
  get tailLength(): number {
    return this.#tail.length;
  }

  lastZxid(): Zxid {
    return this.#tree.lastZxid;
  }

  readLog(from: Zxid): Iterable<Proposal> | null {
    const log = this.#store.readLog(from);
    return log && this.#undamaged(log);
  }

  logSizeFrom(from: Zxid): number {
    return this.#store.logSizeFrom(from);
  }

  newestImageSize(): number {
    return this.#store.newestImageSize();
  }

  append(proposal: Proposal, persisted: (upTo: Zxid) => void): void {
    if (proposal.zxid <= this.#lastLogged) violated('the log only grows', { zxid: proposal.zxid, lastLogged: this.#lastLogged });
    this.#tail.push(proposal);
    this.#lastLogged = proposal.zxid;
    this.#store.append(proposal, persisted);
  }

  /** A proposal was committed: it leaves the tail. Whoever calls this applies it next. */
  leaveTail({ zxid }: Proposal): void {
    const head = this.#tail.shift();
    if (!head) this.#lastLogged = zxid; // an observer that keeps no log only remembers how far it is
    else if (head.zxid !== zxid) violated('commits follow the order of the log', { zxid, head: head.zxid });
  }

  /** Applies a txn that no client of ours waits for. */
  apply(proposal: Proposal): void {
    const { digestMismatch } = this.#tree.apply(proposal.txn);
    if (digestMismatch) this.#world.trace({ kind: 'digestMismatch', zxid: proposal.zxid, ...digestMismatch });
  }

  /** Applies the tail to the tree; returns how many txns that were. Everything appended must be durable by now. */
  fastForward(): number {
    const count = this.#tail.length;
    for (let next = this.#tail.shift(); next; next = this.#tail.shift()) {
      this.apply(next);
      this.committed.add(next);
    }
    return count;
  }

  /** What makes a tree of the image behind a SNAP. */
  imageBuilder(zxid: Zxid): ImageBuilder<DataTree> {
    return DataTree.builder(zxid, treeOptions(this.#config));
  }

  /** SNAP has arrived whole. */
  receive(tree: DataTree): void {
    this.#dress(tree);
    this.#incoming = tree;
  }

  /** The received tree becomes ours, and the disk's: everything older is forgotten (quorum.md T7). */
  adoptReceived(done: () => void): void {
    invariant(this.#incoming, 'an image is saved after it was received');
    this.#tree.close();
    this.#tree = this.#incoming;
    this.#incoming = null;
    this.#tail.clear();
    this.#lastLogged = this.#tree.lastZxid;
    this.#trusted = true;
    this.#store.replaceWith(this.#tree.image(), done);
    this.#world.trace({ kind: 'treeReplaced', by: 'snap', zxid: this.#lastLogged });
  }

  /**
   * A tree from outside takes the place of ours, and the disk's, as if it were the next txn. Nothing may be logged that
   * is not applied. `done` when it is durable.
   * @returns the zxid it has from here on
   */
  restore(tree: DataTree, done: () => void): Zxid {
    invariant(this.#tail.length === 0, 'nothing is under way when a database is restored');
    const next = nextZxid(this.#lastLogged);
    if (tree.lastZxid < next) tree.lastZxid = next;
    this.#dress(tree);
    this.committed.clear(); // it does not lead to this tree
    this.#tree.close();
    this.#tree = tree;
    this.#lastLogged = tree.lastZxid;
    this.#store.replaceWith(tree.image(), done);
    this.#world.trace({ kind: 'treeReplaced', by: 'restore', zxid: this.#lastLogged });
    return this.#lastLogged;
  }

  /** The role ended before the received tree was durable: it never happened. */
  dropReceived(): void {
    if (!this.#incoming) return;
    this.#incoming = null;
    this.committed.clear(); // it followed the received history
  }

  /** Cuts the log after `to` and rebuilds the tree; null: impossible, and the tree is what it was. */
  truncate(to: Zxid, done: (lastZxid: Zxid | null) => void): void {
    this.#store.truncate(to, (recovered) => {
      if (recovered?.damage) this.#foundDamaged(recovered.damage);
      if (!recovered?.trusted) return done(null);
      this.#tree.close();
      this.#tree = this.#rebuild(recovered);
      this.#world.trace({ kind: 'treeReplaced', by: 'truncate', zxid: this.#lastLogged });
      done(this.#lastLogged);
    });
  }

  /** The leader's history and ours do not fit: the next one must bring a SNAP. */
  distrust(): void {
    this.#trusted = false;
  }

  #foundDamaged(damage: Error): void {
    this.#trusted = false;
    tellDamage(this.#world, damage);
  }

  get #store(): Store {
    return this.#world.store;
  }

  /** A log that ends where damage begins: too short for a DIFF, so that SNAP is sent, from the tree in memory. */
  *#undamaged(log: Iterable<Proposal>): Generator<Proposal> {
    try {
      yield* log;
    } catch (error) {
      this.#world.trace({ kind: 'damage', reason: error instanceof Error ? error.message : String(error) });
    }
  }

  #rebuild(recovered: Recovered): DataTree {
    const options = treeOptions(this.#config);
    const tree = recovered.image ? DataTree.fromImage(recovered.image, options) : new DataTree(options);
    this.committed.clear();
    this.#tail.clear();
    for (const proposal of recovered.txns) {
      tree.apply(proposal.txn);
      this.committed.add(proposal);
      const { body } = proposal.txn;
      if (body.type === OpCode.reconfig) this.#lastReconfig = configIn(body.data);
    }
    tree.settle(); // our own log covers all that a fuzzy image of ours can hold
    this.#lastLogged = recovered.lastZxid;
    this.#dress(tree);
    return tree;
  }
}

/** A history that this member had and cannot rely on any more, found at its start or while it was cut. */
export function tellDamage(world: World, { message }: Error): void {
  world.trace({ kind: 'damage', reason: `${message}: this member does not vote or lead until a leader has sent it a snapshot` });
}

function treeOptions(config: PeerConfig): TreeOptions {
  return { digest: config.digestEnabled, cacheBytes: config.cacheBytes, extendedTypes: config.extendedTypesEnabled, emulate353TTL: config.emulate353TTLNodes };
}

/** Null for what is none: whoever proposed it could not activate it either. */
function configIn(data: Buffer | null): EnsembleConfig | null {
  try {
    return EnsembleConfig.parse(String(data));
  } catch {
    return null;
  }
}
