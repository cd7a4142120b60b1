import { JuteError, Reader } from '@zk/jute';
import { ByteQueue, Extent } from './byte-queue.ts';
import { DEFAULT_MAX_FIELD_BYTES, ImageReader } from './image.ts';
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
    if (this.#image && !this.#image.reader.done) this.#feedImage(chunk);
    else this.#queue.push(chunk);
    const items: StreamItem<I>[] = [];
    for (let item = this.#next(); item; item = this.#next()) items.push(item);
    return items;
  }

  #next(): StreamItem<I> | null {
    return this.#image ? this.#finishImage(this.#image) : this.#readPacket();
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
