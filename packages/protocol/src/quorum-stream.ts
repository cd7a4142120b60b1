import { JuteError, Reader } from '@zk/jute';
import { ByteQueue, Extent } from './byte-queue.ts';
import { DEFAULT_MAX_FIELD_BYTES, ImageReader } from './image-codec.ts';
import type { ImageBuilder } from './image.ts';
import { PacketType } from './packets.ts';
import { QuorumPacket } from './records/quorum.ts';
import { asZxid } from './zxid.ts';
import type { Zxid } from './zxid.ts';

/** What follows the image of a SNAP on the stream, as a ustring (quorum.md 8.6). */
export const SNAP_SIGNATURE = 'BenWasHere';

export type StreamItem<I> = { kind: 'packet'; packet: QuorumPacket } | { kind: 'image'; image: I };

/**
 * Reads the quorum port: packets without any framing and, behind each SNAP packet, the image of a tree. Bytes may
 * arrive in any pieces; no more than one record of them is held. The SNAP packet itself is an item as well, which
 * comes before its image.
 */
export class QuorumStreamReader<I> {
  readonly #limit: number;
  readonly #imageBuilder: (zxid: Zxid) => ImageBuilder<I>;
  readonly #queue = new ByteQueue();
  readonly #reader = new Reader(Buffer.alloc(0));
  #image: { reader: ImageReader; builder: ImageBuilder<I> } | null = null;

  /**
   * @param imageBuilder makes what an image item carries, `collectImage` for arrays; the zxid is the SNAP packet's
   * @param maxFieldBytes the longest data, string or path that is accepted
   */
  constructor(imageBuilder: (zxid: Zxid) => ImageBuilder<I>, maxFieldBytes = DEFAULT_MAX_FIELD_BYTES) {
    this.#imageBuilder = imageBuilder;
    this.#limit = maxFieldBytes;
  }

  /**
   * Reads on. Packets may hold views of the chunk: it must not be changed while they are in use.
   * @throws JuteError when the bytes are no packet or no image; the connection is to be closed
   */
  push(chunk: Buffer): StreamItem<I>[] {
    const items: StreamItem<I>[] = [];
    const used = this.#image === null && this.#queue.length === 0 ? this.#readWhole(chunk, items) : 0;
    const rest = used === 0 ? chunk : chunk.subarray(used);
    if (this.#image && !this.#image.reader.done) this.#feedImage(rest);
    else this.#queue.push(rest);
    for (let item = this.#next(); item; item = this.#next()) items.push(item);
    return items;
  }

  #next(): StreamItem<I> | null {
    return this.#image ? this.#finishImage(this.#image) : this.#readPacket();
  }

  /**
   * The packets that lie whole in a chunk, as nearly all do, without the queue. Whatever is unusual is left to it: a packet
   * cut off, a length that is wrong, an image to come.
   * @returns how many bytes were used
   */
  #readWhole(chunk: Buffer, items: StreamItem<I>[]): number {
    let at = 0;
    for (let end = this.#endOfPacket(chunk, at); end > 0; end = this.#endOfPacket(chunk, at)) {
      items.push({ kind: 'packet', packet: QuorumPacket.read(this.#reader.restart(chunk, at, end)) });
      at = end;
    }
    return at;
  }

  /** Behind the packet that begins at `from`; −1: see {@link #readWhole}. */
  #endOfPacket(bytes: Buffer, from: number): number {
    let end = endOfCounted(bytes, from + 12, this.#limit);
    if (end < 0 || end + 4 > bytes.length || bytes.readInt32BE(from) === PacketType.SNAP) return -1;
    const fields = 2 * Math.max(bytes.readInt32BE(end), 0); // scheme and id of each
    end += 4;
    for (let field = 0; field < fields && end > 0; field++) end = endOfCounted(bytes, end, this.#limit);
    return end - from > 2 * this.#limit ? -1 : end;
  }

  #feedImage(chunk: Buffer): void {
    if (this.#image?.reader.push(chunk)) this.#queue.push(this.#image.reader.takeRest());
  }

  #finishImage({ reader, builder }: { reader: ImageReader; builder: ImageBuilder<I> }): StreamItem<I> | null {
    if (!reader.done) return null;
    const size = 4 + SNAP_SIGNATURE.length;
    const bytes = this.#queue.front(size);
    if (!bytes) return null;
    const signature = new Reader(bytes, 0, size);
    if (signature.int() !== SNAP_SIGNATURE.length || bytes.toString('latin1', 4, size) !== SNAP_SIGNATURE) {
      throw new JuteError('Image', `of a SNAP is not followed by ${SNAP_SIGNATURE}`);
    }
    this.#queue.drop(size);
    this.#image = null;
    return { kind: 'image', image: builder.finish() };
  }

  #readPacket(): StreamItem<I> | null {
    const extent = new Extent(this.#queue, 'QuorumPacket', this.#limit);
    const id = (): boolean => extent.counted('scheme') && extent.counted('id');
    if (!(extent.fixed(12) && extent.counted('data') && extent.repeated(id))) return null;
    const packet = QuorumPacket.read(new Reader(this.#queue.front(extent.size)!, 0, extent.size));
    this.#queue.drop(extent.size);
    if (packet.type === PacketType.SNAP) this.#beginImage(asZxid(packet.zxid));
    return { kind: 'packet', packet };
  }

  #beginImage(zxid: Zxid): void {
    const builder = this.#imageBuilder(zxid);
    this.#image = { reader: new ImageReader(builder, this.#limit), builder };
    this.#feedImage(this.#queue.takeAll());
  }
}

/** Behind a buffer or string whose length is at `at`; −1: not all of it is there, or its length is wrong. */
function endOfCounted(bytes: Buffer, at: number, limit: number): number {
  if (at + 4 > bytes.length) return -1;
  const length = bytes.readInt32BE(at);
  if (length < -1 || length > limit) return -1;
  const end = at + 4 + Math.max(length, 0);
  return end > bytes.length ? -1 : end;
}
