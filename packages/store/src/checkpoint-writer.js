/**
 * The thread that writes checkpoints. It owns no state: it is handed records, enters them in one LMDB transaction, and
 * says when that is on disk. JavaScript, because a thread begins with a file that Node can run as it is, in tests too.
 */
import { readlinkSync, statSync } from 'node:fs';
import { constants, getPriority, setPriority } from 'node:os';
import { basename, join } from 'node:path';
import { parentPort, workerData } from 'node:worker_threads';
import { crc32 } from 'node:zlib';
import { CHECKSUM_BYTES, FILE, KNOWN_FIELDS, openTables } from './checkpoint-tables.js';
import { checkLmdbFile } from './lmdb-check.js';

/** @typedef {import('./checkpoint-thread.ts').ToWriter} Message */
/** @typedef {typeof import('./unknown-fields.js').unknownFields} UnknownFields */
/** @typedef {{ table: number, key: Buffer, record: Buffer | null }} Entry */

/** How much is sorted at a time; less than what may be under way (checkpoint-thread.ts). */
const GATHERED_BYTES = 8 * 1024 * 1024;

/** What goes into LMDB, which copies it: one buffer does for all. */
let seal = Buffer.allocUnsafeSlow(64 * 1024);

if (!parentPort) throw new Error('checkpoint-writer is the main file of a thread');
const port = parentPort;
giveWay();
const damage = workerData.isSound ? null : damageOf(join(workerData.directory, FILE));
if (damage !== null) {
  port.postMessage({ kind: 'damaged', reason: damage });
  process.exit();
}
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
 * LMDB believes its pages, and an error in them can take the process down: it gets none that have not been checked.
 * @param {string} file @returns {string | null} what is wrong with it
 */
function damageOf(file) {
  if (!statSync(file, { throwIfNoEntry: false })?.size) return null; // there is none yet
  try {
    checkLmdbFile(file);
    return null;
  } catch (error) {
    return /** @type {Error} */ (error).message;
  }
}

/** Whoever serves comes first. On Linux a thread has a priority of its own; elsewhere it would be the process's. */
function giveWay() {
  if (process.platform !== 'linux') return;
  try {
    const lower = Math.min(constants.priority.PRIORITY_LOW, getPriority() + constants.priority.PRIORITY_BELOW_NORMAL);
    setPriority(Number(basename(readlinkSync('/proc/thread-self'))), lower);
  } catch {
    // No /proc: then all threads are alike.
  }
}

/**
 * @param {boolean} isWhole
 * @param {boolean} keepUnknown
 */
async function transaction(isWhole, keepUnknown) {
  let isAborted = false;
  const unknownFields = keepUnknown ? (await import('./unknown-fields.js')).unknownFields : null;
  try {
    await root.transactionSync(async () => {
      if (isWhole) for (const table of tables) table.clearSync();
      /** @type {Uint8Array<ArrayBuffer>[]} */
      let gathered = [];
      let bytes = 0;
      for (let message = await receive(); message.kind !== 'commit'; message = await receive()) {
        if (message.kind === 'abort') {
          isAborted = true;
          throw new Error('aborted');
        }
        if (message.kind !== 'chunk') throw new Error(`${message.kind} inside a transaction`);
        gathered.push(message.bytes);
        bytes += message.bytes.length;
        if (bytes < GATHERED_BYTES) continue;
        enter(gathered, unknownFields);
        gathered = [];
        bytes = 0;
      }
      enter(gathered, unknownFields);
    });
  } catch (error) {
    if (!isAborted) throw error;
  }
  port.postMessage({ kind: isAborted ? 'aborted' : 'committed' });
}

/**
 * Chunks are sequences of: table (u8), key length (u16), record length (i32; −1 = remove), key, record.
 * @param {Uint8Array} chunk
 * @returns {Entry[]}
 */
function entriesOf({ buffer, byteOffset, byteLength }) {
  const bytes = Buffer.from(buffer, byteOffset, byteLength);
  const entries = [];
  for (let at = 0; at < bytes.length; ) {
    const keyLength = bytes.readUInt16BE(at + 1);
    const length = bytes.readInt32BE(at + 3);
    const keyAt = at + 7;
    const recordAt = keyAt + keyLength;
    const end = recordAt + Math.max(0, length);
    entries.push({ table: bytes.readUInt8(at), key: bytes.subarray(keyAt, recordAt), record: length < 0 ? null : bytes.subarray(recordAt, end) });
    at = end;
  }
  return entries;
}

/**
 * In the order of the keys, so that each page is touched once. What is said of one key stays in its order: a znode may
 * be removed and there again. The memory of the chunks goes back.
 * @param {Uint8Array<ArrayBuffer>[]} chunks
 * @param {UnknownFields | null} unknownFields
 */
function enter(chunks, unknownFields) {
  const entries = chunks.flatMap(entriesOf);
  entries.sort((one, other) => one.table - other.table || Buffer.compare(one.key, other.key));
  for (const { table, key, record } of entries) {
    if (record === null) tableOf(table).removeSync(key);
    else tableOf(table).putSync(key, sealed(key, completed(table, key, record, unknownFields)));
  }
  const buffers = chunks.map(({ buffer }) => buffer);
  port.postMessage({ kind: 'taken', buffers }, buffers);
}

/** @param {number} number */
function tableOf(number) {
  const table = tables[number];
  if (!table) throw new Error(`there is no table ${number}`);
  return table;
}

/**
 * The record, with the fields that a newer program has put into the one it replaces.
 * @param {number} number @param {Buffer} key @param {Buffer} record @param {UnknownFields | null} unknownFields
 */
function completed(number, key, record, unknownFields) {
  const before = unknownFields && tableOf(number).get(key);
  if (!before) return record;
  return Buffer.concat([record, unknownFields(before.subarray(0, -CHECKSUM_BYTES), KNOWN_FIELDS[number] ?? 0)]);
}

/** @param {Buffer} key @param {Buffer} record */
function sealed(key, record) {
  const length = record.length + CHECKSUM_BYTES;
  if (length > seal.length) seal = Buffer.allocUnsafeSlow(length);
  record.copy(seal);
  seal.writeUInt32BE(crc32(record, crc32(key)), record.length);
  return seal.subarray(0, length);
}
