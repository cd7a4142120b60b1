import { PacketType, QuorumStreamReader, SNAP_SIGNATURE, encodePacket } from '@zk/protocol';
import type { ImageBuilder, QuorumPacket, Zxid } from '@zk/protocol';
import type { DataTree } from '@zk/tree';
import type { PeerConfig } from './config.ts';
import { LinkTraffic } from './link-traffic.ts';
import type { PacketEncoder } from './packet-encoder.ts';
import type { Link } from './world.ts';

/** Image bytes handed to a link before waiting for it to drain. Bounds memory per learner, and the length of one step. */
const SLICE_BYTES = 1 << 20;

/** The receiver of a quorum link's contents, item by item, in order. */
export interface LinkEvents {
  packet(link: QuorumLink, packet: QuorumPacket): void;
  /** SNAP has come. @throws Error when none is wanted */
  imageBegins(zxid: Zxid): ImageBuilder<DataTree>;
  image(link: QuorumLink, tree: DataTree): void;
  /** The other end does not speak the protocol; the link is already closed. */
  malformed(link: QuorumLink, reason: string): void;
}

/**
 * One quorum connection as its role sees it: packets out, packets and images in. While an image is being streamed,
 * packets sent later wait behind it (quorum.md 7.5).
 */
export class QuorumLink {
  readonly #link: Link;
  readonly #events: LinkEvents;
  readonly #reader: QuorumStreamReader<DataTree>;
  readonly traffic = new LinkTraffic();
  #stream: Iterator<Buffer> | null = null;
  #behindImage: Buffer[] = [];
  #behindImageBytes = 0;
  #open = true;

  constructor(link: Link, limits: Pick<PeerConfig, 'maxBuffer' | 'maxBufferExtra'>, events: LinkEvents) {
    this.#link = link;
    this.#reader = new QuorumStreamReader((zxid) => events.imageBegins(zxid), limits.maxBuffer + limits.maxBufferExtra);
    this.#events = events;
  }

  get id(): number {
    return this.#link.id;
  }

  get remote(): string {
    return this.#link.remote;
  }

  /** Bytes sent that are still waiting, here or in the transport. */
  get backlogBytes(): number {
    return this.#behindImageBytes + this.#link.bufferedBytes;
  }

  /** An image is on its way: packets sent now wait behind it. */
  get isStreaming(): boolean {
    return this.#stream !== null;
  }

  send(bytes: Buffer): void {
    if (!this.#open) return;
    this.traffic.sent(bytes.length);
    if (!this.#stream) return this.#link.send(bytes);
    this.#behindImage.push(bytes);
    this.#behindImageBytes += bytes.length;
  }

  /** Sends what has just been encoded. */
  sendEncoded({ bytes, start, end }: PacketEncoder): void {
    const link = this.#link;
    if (!this.#open || this.#stream || !link.sendPart) return this.send(bytes.subarray(start, end));
    this.traffic.sent(end - start);
    link.sendPart(bytes, start, end);
  }

  /** Streams `chunks` a slice at a time; `drained` brings the next one. */
  sendImage(chunks: Iterable<Buffer>): void {
    this.#stream = chunks[Symbol.iterator]();
    this.drained();
  }

  /** The transport has taken everything: time for the next slice, or for what waited behind the image. */
  drained(): void {
    if (!this.#open || !this.#stream) return;
    for (let sent = 0; sent < SLICE_BYTES; ) {
      const next = this.#stream.next();
      if (next.done) return this.#imageSent();
      sent += next.value.length;
      this.#link.send(next.value);
    }
  }

  received(chunk: Buffer): void {
    if (!this.#open) return;
    let items;
    try {
      items = this.#reader.push(chunk);
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      this.close(reason);
      return this.#events.malformed(this, reason);
    }
    for (const item of items) {
      if (!this.#open) return; // an earlier item of this chunk ended the connection
      this.traffic.packetsReceived += 1;
      if (item.kind === 'packet') this.#events.packet(this, item.packet);
      else this.#events.image(this, item.image);
    }
  }

  close(reason: string): void {
    if (!this.#open) return;
    this.lost();
    this.#link.close(reason);
  }

  /** The other end is gone: nothing is sent or delivered any more. */
  lost(): void {
    this.#open = false;
    this.#endOfImage();
  }

  #imageSent(): void {
    const waiting = this.#behindImage;
    this.#endOfImage();
    for (const bytes of waiting) this.#link.send(bytes);
  }

  #endOfImage(): void {
    this.#stream = null;
    this.#behindImage = [];
    this.#behindImageBytes = 0;
  }
}

/** The SNAP packet, the tree's image and its seal, as one stream (quorum.md 8.6). */
export function* snapStream(zxid: Zxid, image: Iterable<Buffer>): Generator<Buffer> {
  yield encodePacket({ type: PacketType.SNAP, zxid, data: null, authinfo: null });
  yield* image;
  yield SEAL;
}

const SEAL = Buffer.alloc(4 + SNAP_SIGNATURE.length);
SEAL.writeInt32BE(SNAP_SIGNATURE.length);
SEAL.write(SNAP_SIGNATURE, 4, 'latin1');
