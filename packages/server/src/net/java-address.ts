import { isIPv6 } from 'node:net';

/**
 * An address as Java prints it, which is how clients, `cons` and ip ACLs know it: IPv4 in IPv6 clothes as IPv4, IPv6
 * with all eight groups, none shortened: `::1` → `0:0:0:0:0:0:0:1`.
 */
export function javaAddress(address: string): string {
  if (address.startsWith('::ffff:') && address.includes('.')) return address.slice('::ffff:'.length);
  if (!isIPv6(address)) return address;
  const [bare = '', zone] = address.split('%', 2);
  const [head = '', tail] = embeddedIpv4ToGroups(bare).split('::', 2);
  const before = groupsOf(head);
  const after = tail === undefined ? [] : groupsOf(tail);
  const zeros = tail === undefined ? [] : Array.from({ length: 8 - before.length - after.length }, () => '0');
  const groups = [...before, ...zeros, ...after].map((group) => Number.parseInt(group, 16).toString(16));
  return groups.join(':') + (zone === undefined ? '' : `%${zone}`);
}

function groupsOf(text: string): string[] {
  return text === '' ? [] : text.split(':');
}

/** `64:ff9b::192.0.2.1` → `64:ff9b::c000:201` */
function embeddedIpv4ToGroups(address: string): string {
  return address.replace(/(\d+)\.(\d+)\.(\d+)\.(\d+)$/, (_, a: string, b: string, c: string, d: string) => {
    const group = (high: string, low: string): string => (Number(high) * 256 + Number(low)).toString(16);
    return `${group(a, b)}:${group(c, d)}`;
  });
}
