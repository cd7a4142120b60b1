import { asSessionId, asZxid, OpCode, proposalOf, type Image, type ImageNode, type Proposal, type Zxid } from '@zk/protocol';
import type { Epochs, Recovered, Store } from '../store.ts';

/** One disk, as a test uses it. */
export interface StoreUnderTest {
  /**
   * A store on that disk, as after a restart; it has not recovered yet. A store opened before may still be around: what it
   * has not acknowledged may be lost, and it is not used any more.
   */
  open(): Store;
  /** From now on nothing fits on it any more. */
  fill(): void;
  /** There is room again. */
  makeRoom(): void;
  /** Checkpoints go somewhere that {@link StoreUnderTest.fill} does not reach. */
  checkpointsAlwaysFit?: boolean;
}

/** A txn that sets `/a`, with this number as its zxid. */
export function setData(zxid: number | bigint, text = `data ${zxid}`): Proposal {
  const header = { clientId: asSessionId(7n), cxid: 1, zxid: asZxid(BigInt(zxid)), time: 1_700_000_000_000n, type: OpCode.setData };
  return proposalOf({ header, body: { type: OpCode.setData, path: '/a', data: Buffer.from(text), version: 1 }, digest: null });
}

export function txns(from: number, to: number): Proposal[] {
  return range(from, to).map((zxid) => setData(zxid));
}

/** A tree with nothing but `/a`, and one session. */
export function imageAt(zxid: bigint, data = `image ${zxid}`): Image {
  return { zxid: asZxid(zxid), sessions: [{ id: asSessionId(7n), timeOut: 4000 }], acls: [], nodes: [imageNode(''), imageNode('/a', data)] };
}

export function imageNode(path: string, data = ''): ImageNode {
  const stat = { czxid: 1n, mzxid: 2n, ctime: 3n, mtime: 4n, version: 5, cversion: 6, aversion: 7, ephemeralOwner: 0n, pzxid: 8n };
  return { path, data: Buffer.from(data), aclId: -1n, stat };
}

export function largeImage(zxid: bigint, nodes: number): Image {
  const children = range(1, nodes).map((n) => imageNode(`/n${n}`, 'x'.repeat(200)));
  return { ...imageAt(zxid), nodes: [imageNode(''), ...children] };
}

export function started(disk: Pick<StoreUnderTest, 'open'>): { store: Store; recovered: Recovered } {
  const store = disk.open();
  return { store, recovered: store.recover() };
}

export function restarted(disk: Pick<StoreUnderTest, 'open'>): Recovered {
  return started(disk).recovered;
}

export function appended(store: Store, proposals: readonly Proposal[]): Promise<void> {
  for (const proposal of proposals) store.append(proposal, () => {});
  return flushed(store);
}

/** Resolves when the store finds its disk full; listens from the call on. */
export function outOfRoom(store: Store): Promise<void> {
  return new Promise((resolve) => {
    store.onShortage = () => resolve();
  });
}

export function flushed(store: Store): Promise<void> {
  return new Promise((resolve) => store.flush(resolve));
}

export function truncated(store: Store, to: Zxid): Promise<Recovered | null> {
  return new Promise((resolve) => store.truncate(to, resolve));
}

export function replaced(store: Store, image: Image): Promise<void> {
  return new Promise((resolve) => store.replaceWith(image, resolve));
}

export function checkpointed(store: Store, image: Image): Promise<void> {
  return new Promise((resolve, reject) => store.checkpoint(image, (failure) => (failure ? reject(failure) : resolve())));
}

export function closed(store: Store): Promise<void> {
  return new Promise((resolve) => store.close(resolve));
}

export function savedEpochs(store: Store, epochs: Partial<Epochs>): Promise<void> {
  return new Promise((resolve) => store.saveEpochs(epochs, resolve));
}

export function zxidsOf(txns: Iterable<Proposal> | null | undefined): bigint[] {
  return [...(txns ?? [])].map(({ zxid }) => zxid);
}

export function bytesOf(txns: Iterable<Proposal>): string[] {
  return [...txns].map(({ bytes }) => bytes.toString('hex'));
}

export function dataAt(recovered: Recovered | null, path: string): string | undefined {
  return [...(recovered?.image?.nodes ?? [])].find((node) => node.path === path)?.data?.toString();
}

/** `from … to`, both included. */
export function range(from: number, to: number): number[] {
  return Array.from({ length: to - from + 1 }, (_, i) => from + i);
}
