import protobuf from 'protobufjs/minimal.js';

/**
 * The fields of a protobuf record whose numbers are higher than any this program knows, as they are.
 * @param {Buffer} record
 * @param {number} highestKnown
 * @returns {Buffer}
 */
export function unknownFields(record, highestKnown) {
  const reader = new protobuf.Reader(record);
  /** @type {Buffer[]} */
  const fields = [];
  while (reader.pos < record.length) {
    const start = reader.pos;
    const tag = reader.uint32();
    reader.skipType(tag & 7);
    if (tag >>> 3 > highestKnown) fields.push(record.subarray(start, reader.pos));
  }
  return Buffer.concat(fields);
}
