/** Whether an ACL may have this ip id: an address, or address/bits; IPv6 with groups of 1–4 hex digits and at most one `::`. */
export function isIpPattern(pattern: string): boolean {
  return parsePattern(pattern) !== null;
}

/** Whether an address lies in the network of a pattern. Different families never match. */
export function ipMatches(address: string, pattern: string): boolean {
  const network = parsePattern(pattern);
  const bytes = parseAddress(address);
  if (network === null || bytes === null || bytes.length !== network.bytes.length) return false;
  return bytes.every((byte, index) => ((byte ^ network.bytes[index]!) & maskAt(index, network.bits)) === 0);
}

interface Network {
  bytes: number[];
  bits: number;
}

function parsePattern(pattern: string): Network | null {
  const slash = pattern.indexOf('/');
  const bytes = parseAddress(slash < 0 ? pattern : pattern.slice(0, slash));
  if (bytes === null) return null;
  const width = bytes.length * 8;
  if (slash < 0) return { bytes, bits: width };
  const bits = pattern.slice(slash + 1);
  return /^\d{1,3}$/.test(bits) && Number(bits) <= width ? { bytes, bits: Number(bits) } : null;
}

/** Which bits of byte `index` belong to a network of `bits` bits. */
function maskAt(index: number, bits: number): number {
  const inByte = Math.min(8, Math.max(0, bits - index * 8));
  return (0xff << (8 - inByte)) & 0xff;
}

function parseAddress(address: string): number[] | null {
  return address.includes(':') ? parseV6(address) : parseV4(address);
}

function parseV4(address: string): number[] | null {
  const parts = address.split('.');
  const isValid = parts.length === 4 && parts.every((part) => /^\d+$/.test(part) && Number(part) <= 255);
  return isValid ? parts.map(Number) : null;
}

const GROUPS = 8;

function parseV6(address: string): number[] | null {
  const halves = address.split('::');
  if (halves.length > 2) return null;
  const [before = [], after = []] = halves.map((half) => (half === '' ? [] : half.split(':')));
  const missing = GROUPS - before.length - after.length;
  if (halves.length === 2 ? missing < 1 : missing !== 0) return null;
  const groups = [...before, ...Array<string>(missing).fill('0'), ...after];
  if (!groups.every((group) => /^[0-9a-fA-F]{1,4}$/.test(group))) return null;
  return groups.flatMap((group) => [Number.parseInt(group, 16) >> 8, Number.parseInt(group, 16) & 0xff]);
}
