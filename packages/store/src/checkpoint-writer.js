/**
 * The thread that writes checkpoints. It owns no state: it is handed records, enters them in one LMDB transaction, and
 * says when that is on disk. JavaScript, because a thread begins with a file that Node can run as it is, in tests too.
 */
import { parentPort, workerData } from 'node:worker_threads';
import { crc32 } from 'node:zlib';
import { CHECKSUM_BYTES, KNOWN_FIELDS, openTables } from './checkpoint-tables.js';
import { unknownFields } from './unknown-fields.js';

/** @typedef {import('./checkpoint-thread.ts').ToWriter} Message */

if (!parentPort) throw new Error('checkpoint-writer is the main file of a thread');
const port = parentPort;
const { root, tables } = openTables(workerData.directory);

/** @type {Message[]} */
const inbox = [];
let wake = () => {};
port.on('message', (/** @type {Message} */ message) => {
  inbox.push(message);
  wake();
});

/** @returns {Promise<Message>} */
async function receive() {
  for (;;) {
    const message = inbox.shift();
    if (message) return message;
    await new Promise((/** @type {(value: void) => void} */ resolve) => {
      wake = resolve;
    });
  }
}

for (let message = await receive(); message.kind !== 'close'; message = await receive()) {
  if (message.kind === 'begin') await transaction(message.isWhole, message.keepUnknown);
}
await root.close();
port.postMessage({ kind: 'closed' });
port.close();

/**
 * @param {boolean} isWhole
 * @param {boolean} keepUnknown
 */
async function transaction(isWhole, keepUnknown) {
  let isAborted = false;
  try {
    await root.transactionSync(async () => {
      if (isWhole) for (const table of tables) table.clearSync();
      for (let message = await receive(); message.kind !== 'commit'; message = await receive()) {
        if (message.kind === 'abort') {
          isAborted = true;
          throw new Error('aborted');
        }
        if (message.kind !== 'chunk') throw new Error(`${message.kind} inside a transaction`);
        enter(message.bytes, keepUnknown);
        port.postMessage({ kind: 'taken' });
      }
    });
  } catch (error) {
    if (!isAborted) throw error;
  }
  port.postMessage({ kind: isAborted ? 'aborted' : 'committed' });
}

/**
 * Chunks are sequences of: table (u8), key length (u16), record length (i32; −1 = remove), key, record.
 * @param {Uint8Array} bytes
 * @param {boolean} keepUnknown
 */
function enter({ buffer, byteOffset, byteLength }, keepUnknown) {
  const bytes = Buffer.from(buffer, byteOffset, byteLength);
  for (let at = 0; at < bytes.length; ) {
    const number = bytes.readUInt8(at);
    const keyLength = bytes.readUInt16BE(at + 1);
    const length = bytes.readInt32BE(at + 3);
    const keyEnd = at + 7 + keyLength;
    const key = bytes.subarray(at + 7, keyEnd);
    at = keyEnd + Math.max(0, length);
    const table = tableOf(number);
    if (length < 0) table.removeSync(key);
    else table.putSync(key, sealed(key, completed(number, key, bytes.subarray(keyEnd, at), keepUnknown)));
  }
}

/** @param {number} number */
function tableOf(number) {
  const table = tables[number];
  if (!table) throw new Error(`there is no table ${number}`);
  return table;
}

/**
 * The record, with the fields that a newer program has put into the one it replaces.
 * @param {number} number @param {Buffer} key @param {Buffer} record @param {boolean} keepUnknown
 */
function completed(number, key, record, keepUnknown) {
  const before = keepUnknown ? tableOf(number).get(key) : undefined;
  if (!before) return record;
  return Buffer.concat([record, unknownFields(before.subarray(0, -CHECKSUM_BYTES), KNOWN_FIELDS[number] ?? 0)]);
}

/** @param {Buffer} key @param {Buffer} record */
function sealed(key, record) {
  const value = Buffer.allocUnsafe(record.length + CHECKSUM_BYTES);
  record.copy(value);
  value.writeUInt32BE(crc32(record, crc32(key)), record.length);
  return value;
}
