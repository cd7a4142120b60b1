/**
 * Text on the wire. Java's writer encodes every UTF-16 unit by itself, so a character above U+FFFF travels as two
 * 3-byte surrogates (CESU-8) and not as one 4-byte sequence. Both forms are read.
 */

/**
 * The text in `bytes[start, end)`. Malformed sequences become U+FFFD, except surrogates encoded by themselves: Java
 * reads U+FFFD there, which makes a leader (it has the text) and its followers (they have the bytes) disagree. Here
 * what was written is what is read.
 */
export function decodeText(bytes: Buffer, start: number, end: number): string {
  const text = bytes.toString('utf8', start, end);
  return text.includes('\ufffd') ? decodeCesu8(bytes.subarray(start, end)) : text; // that they might be there is rare
}

function decodeCesu8(bytes: Buffer): string {
  let text = '';
  let plainFrom = 0;
  // 0xED only ever leads a sequence, and in front of 0xA0–0xBF only that of a surrogate.
  for (let at = bytes.indexOf(0xed); at >= 0 && at + 2 < bytes.length; at = bytes.indexOf(0xed, at + 1)) {
    const second = bytes[at + 1]!;
    const third = bytes[at + 2]!;
    if ((second & 0xe0) !== 0xa0 || (third & 0xc0) !== 0x80) continue;
    text += bytes.toString('utf8', plainFrom, at) + String.fromCharCode(0xd000 | ((second & 0x3f) << 6) | (third & 0x3f));
    plainFrom = at + 3;
  }
  return text + bytes.toString('utf8', plainFrom);
}

/** Writes `text` at `at`, where there is room for 3 bytes per UTF-16 unit; returns the offset after it. */
export function encodeText(text: string, into: Buffer, at: number): number {
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i);
    if (unit < 0x80) {
      into[at++] = unit;
    } else if (unit < 0x800) {
      into[at++] = 0xc0 | (unit >> 6);
      into[at++] = 0x80 | (unit & 0x3f);
    } else {
      into[at++] = 0xe0 | (unit >> 12);
      into[at++] = 0x80 | ((unit >> 6) & 0x3f);
      into[at++] = 0x80 | (unit & 0x3f);
    }
  }
  return at;
}
