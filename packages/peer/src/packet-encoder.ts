import { encodePacket, type QuorumPacket } from '@zk/protocol';

const SHEET_BYTES = 64 * 1024;
/** A packet above this has memory of its own. */
const LARGE_BYTES = 8 * 1024;
/** Type (4), zxid (8), length of the data (4), and behind the data the number of ids (4): −1 for none at all. */
const BYTES_AROUND_DATA = 20;

/**
 * Encodes a packet once although it is sent to many: the leader hands the same packet to every learner in turn. Packets made
 * one after the other lie behind each other in a sheet, so that a turn's packets for one learner are written without being
 * joined first. The packet encoded last is `bytes[start, end)`.
 */
export class PacketEncoder {
  bytes: Buffer = Buffer.alloc(0);
  start = 0;
  end = 0;
  #last: QuorumPacket | null = null;
  #sheet: Buffer = Buffer.alloc(0);
  #view: DataView = new DataView(new ArrayBuffer(0));
  #used = 0;

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
    if (this.#used + length > this.#sheet.length) this.#takeSheet();
    const view = this.#view;
    const at = this.#used;
    view.setInt32(at, type);
    view.setBigInt64(at + 4, zxid);
    view.setInt32(at + 12, data === null ? -1 : data.length);
    if (data !== null) this.#sheet.set(data, at + 16);
    view.setInt32(at + length - 4, -1);
    this.#used += length;
    this.bytes = this.#sheet;
    this.start = at;
    this.end = at + length;
  }

  #takeSheet(): void {
    this.#sheet = Buffer.allocUnsafeSlow(SHEET_BYTES);
    this.#view = new DataView(this.#sheet.buffer, 0, SHEET_BYTES);
    this.#used = 0;
  }
}
