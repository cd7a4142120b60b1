const NOTIFICATION_XID = -1;
/** The only state ever sent, on a read-only server too (trap 35). */
const SYNC_CONNECTED = 3;

/** A watch event's frame. `zxid`: of the txn that caused it, −1 for what setWatches catches up on. */
export function notification(type: number, path: string, zxid: bigint): Buffer {
  const length = Buffer.byteLength(path);
  const frame = Buffer.allocUnsafe(32 + length);
  frame.writeInt32BE(28 + length, 0);
  frame.writeInt32BE(NOTIFICATION_XID, 4);
  frame.writeBigInt64BE(zxid, 8);
  frame.writeInt32BE(0, 16);
  frame.writeInt32BE(type, 20);
  frame.writeInt32BE(SYNC_CONNECTED, 24);
  frame.writeInt32BE(length, 28);
  frame.write(path, 32);
  return frame;
}
