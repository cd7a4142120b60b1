import { encodePacket, type QuorumPacket } from '@zk/protocol';
import { LARGE_BYTES, Sheet } from './sheet.ts';

/** Type (4), zxid (8), length of the data (4), and behind the data the number of ids (4): −1 for none at all. */
const BYTES_AROUND_DATA = 20;

/**
 * Encodes a packet once although it is sent to many: the leader hands the same packet to every learner in turn. Packets
 * lie one behind the other in memory; the one encoded last is `bytes[start, end)`.
 */
export class PacketEncoder {
  bytes: Buffer = Buffer.alloc(0);
  start = 0;
  end = 0;
  #last: QuorumPacket | null = null;
  readonly #sheet = new Sheet();

  encode(packet: QuorumPacket): this {
    if (packet === this.#last) return this;
    this.#last = packet;
    const length = BYTES_AROUND_DATA + (packet.data?.length ?? 0);
    if (packet.authinfo === null && length <= LARGE_BYTES) this.#write(packet, length);
    else this.#place(encodePacket(packet));
    return this;
  }

  #place(bytes: Buffer): void {
    this.bytes = bytes;
    this.start = 0;
    this.end = bytes.length;
  }

  #write({ type, zxid, data }: QuorumPacket, length: number): void {
    const at = this.#sheet.take(length);
    const { bytes, view } = this.#sheet;
    view.setInt32(at, type);
    view.setBigInt64(at + 4, zxid);
    view.setInt32(at + 12, data === null ? -1 : data.length);
    if (data !== null) bytes.set(data, at + 16);
    view.setInt32(at + length - 4, -1);
    this.bytes = bytes;
    this.start = at;
    this.end = at + length;
  }
}
