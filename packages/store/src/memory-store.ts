import { asZxid, invariant, type Image, type Proposal, type Zxid } from '@zk/protocol';
import type { DamageError } from './damage.ts';
import type { Epochs, Recovered, Store } from './store.ts';
import { tell, WorkQueue, type Batch, type Job } from './work-queue.ts';

/** What a {@link MemoryStore} would have on disk. Give it to the next one to restart, or to crash: only what was durable is here. */
export class MemoryDisk {
  /** Oldest first. */
  images: Image[] = [];
  /** Every txn after the oldest image, or from the beginning. */
  log: Proposal[] = [];
  epochs: Epochs | null = null;
  /** The zxid that the log begins behind. */
  base: Zxid = asZxid(0n);
  /** Set by a test: what a restart cannot read any more, until a replacement has come. */
  damage: DamageError | null = null;
  #isFull = false;
  /** Told that there is room again. */
  onRoom: () => void = () => {};

  get isFull(): boolean {
    return this.#isFull;
  }

  /** For a test: nothing fits any more, until {@link MemoryDisk.makeRoom}. */
  fill(): void {
    this.#isFull = true;
  }

  makeRoom(): void {
    this.#isFull = false;
    this.onRoom();
  }
}

/** Older images are forgotten, with the log that only they need. */
const RETAINED_IMAGES = 3;

/** The promises of {@link Store} without a disk: for tests, and for simulations, which schedule its work themselves. */
export class MemoryStore implements Store {
  onFatal: (error: Error) => void = (error) => {
    throw error;
  };

  onShortage: (shortage: Error | null) => void = () => {};

  readonly disk: MemoryDisk;
  readonly #later: (run: () => void) => void;
  readonly #queue = new WorkQueue();
  #scheduled = false;
  #closed = false;
  #lastAppended: Zxid | null = null;
  #isShort = false;

  /** @param later runs something soon, but not at once; work that has been put off is lost in a crash */
  constructor(disk = new MemoryDisk(), later: (run: () => void) => void = setImmediate) {
    this.disk = disk;
    this.#later = later;
  }

  recover(): Recovered {
    const recovered = this.#recovered();
    this.#lastAppended = recovered.lastZxid;
    return recovered;
  }

  append(proposal: Proposal, persisted: (upTo: Zxid) => void): void {
    const last = this.#lastAppended;
    invariant(last === null || proposal.zxid > last, 'zxids only rise in the log', { zxid: proposal.zxid, last });
    this.#lastAppended = proposal.zxid;
    this.#queue.append(proposal, persisted);
    this.#schedule();
  }

  flush(done: () => void): void {
    this.#queue.flush(done);
    this.#schedule();
  }

  saveEpochs(epochs: Partial<Epochs>, done: () => void): void {
    this.#job(() => {
      const known = this.disk.epochs ?? { accepted: 0n, current: 0n };
      this.disk.epochs = { ...known, ...epochs };
    }, done);
  }

  truncate(to: Zxid, done: (recovered: Recovered | null) => void): void {
    this.#lastAppended = null;
    let result: Recovered | null = null;
    this.#job(() => {
      result = this.#truncated(to);
    }, () => done(result));
  }

  replaceWith(image: Image, done: () => void): void {
    const copy = frozen(image);
    this.#lastAppended = copy.zxid;
    this.#job(() => {
      Object.assign(this.disk, { images: [copy], log: [], base: copy.zxid, damage: null });
    }, done);
  }

  checkpoint(image: Image, done: (failure: Error | null) => void): void {
    const zxid = image.zxid;
    let failure: Error | null = null;
    this.#job(() => {
      const { disk } = this;
      if (disk.isFull) return void (failure = noRoom());
      disk.images = [...disk.images.filter((other) => other.zxid < zxid), frozen({ ...image, zxid })].slice(-RETAINED_IMAGES);
      const oldest = disk.images[0];
      if (!oldest || disk.images.length < RETAINED_IMAGES) return;
      disk.log = disk.log.filter((proposal) => proposal.zxid > oldest.zxid);
      disk.base = oldest.zxid;
    }, () => done(failure), 'runs anyway');
  }

  readLog(from: Zxid): Iterable<Proposal> | null {
    if (from <= this.disk.base) return null;
    return this.disk.log.filter((proposal) => proposal.zxid >= from);
  }

  logSizeFrom(from: Zxid): number {
    return this.disk.log.reduce((sum, { zxid, bytes }) => (zxid >= from ? sum + bytes.length : sum), 0);
  }

  newestImageSize(): number {
    let bytes = 0;
    for (const { path, data } of this.disk.images.at(-1)?.nodes ?? []) bytes += path.length + (data?.length ?? 0) + NODE_OVERHEAD_BYTES;
    return bytes;
  }

  close(done?: () => void): void {
    if (this.#isShort) this.#queue.clear(); // nothing of it was acknowledged
    this.#job(() => {
      this.#closed = true;
    }, done, 'runs anyway');
  }

  #recovered(): Recovered {
    const { images, log, epochs, damage } = this.disk;
    if (damage) return { image: null, txns: [], epochs, lastZxid: asZxid(0n), notes: [], trusted: false, damage };
    const image = images.at(-1) ?? null;
    const base = image?.zxid ?? asZxid(0n);
    const txns = log.filter((proposal) => proposal.zxid > base);
    return { image, txns, epochs: epochs && { ...epochs }, lastZxid: txns.at(-1)?.zxid ?? base, notes: [], trusted: true };
  }

  #truncated(to: Zxid): Recovered | null {
    const { disk } = this;
    if (to < disk.base) return null;
    disk.images = disk.images.filter((image) => image.zxid <= to);
    disk.log = disk.log.filter((proposal) => proposal.zxid <= to);
    return this.#recovered();
  }

  #job(work: () => void, done: () => void = () => {}, room: 'needs room' | 'runs anyway' = 'needs room'): void {
    this.#queue.job((finished) => {
      if (room === 'needs room' && this.disk.isFull) return;
      work();
      done();
      finished();
    });
    this.#schedule();
  }

  #schedule(): void {
    if (this.#scheduled) return;
    this.#scheduled = true;
    this.#later(() => {
      this.#scheduled = false;
      this.#runAll();
    });
  }

  /** What callbacks ask for waits for the next turn, like on a real disk. */
  #runAll(): void {
    const due: (Batch | Job)[] = [];
    for (let work = this.#queue.take(); work; work = this.#queue.take()) due.push(work);
    for (const [i, work] of due.entries()) {
      if (this.#closed) return;
      if (!this.#isDone(work)) return this.#waitForRoom(due.slice(i));
    }
  }

  /** False: there is no room for it. */
  #isDone(work: Batch | Job): boolean {
    let isDone = false;
    if (work.kind === 'job') {
      work.run(() => {
        isDone = true;
      });
    } else if (work.proposals.length === 0 || !this.disk.isFull) {
      this.disk.log.push(...work.proposals);
      tell(work.waiting);
      isDone = true;
    }
    return isDone;
  }

  #waitForRoom(work: readonly (Batch | Job)[]): void {
    this.#queue.putBack(work);
    this.disk.onRoom = () => {
      if (!this.#isShort || this.#closed) return;
      this.#isShort = false;
      this.onShortage(null);
      this.#schedule();
    };
    if (this.#isShort) return;
    this.#isShort = true;
    this.onShortage(noRoom());
  }
}

function noRoom(): Error {
  return Object.assign(new Error('ENOSPC: no space left in memory'), { code: 'ENOSPC' });
}

/** acl id, stat and two lengths */
const NODE_OVERHEAD_BYTES = 76;

/** A deep copy: the tree behind an image goes on changing. */
function frozen(image: Image): Image {
  return {
    zxid: image.zxid,
    sessions: [...image.sessions].map((session) => ({ ...session })),
    acls: [...image.acls].map(({ id, acl }) => ({ id, acl: structuredClone(acl) })),
    nodes: [...image.nodes].map((node) => ({ ...node, data: node.data && Buffer.from(node.data), stat: { ...node.stat } })),
    digest: image.digest && { ...image.digest },
  };
}
