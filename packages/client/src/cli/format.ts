import type { ACL, Stat } from '@zk/protocol';
import type { ClientState } from '../events.ts';
import type { Json } from './command.ts';

/** Signed 64 bits as Java's Long.toHexString writes them, with 0x. */
function hexOf(value: bigint): string {
  return `0x${BigInt.asUintN(64, value).toString(16)}`;
}

/** `Sat Nov 21 13:32:06 UTC 2026`, in the local time zone (java.util.Date.toString). */
function dateText(ms: bigint): string {
  const date = new Date(Number(ms));
  const [weekday, month, day, year, time] = date.toString().split(' ');
  const zone = new Intl.DateTimeFormat('en-US', { timeZoneName: 'short' }).formatToParts(date).find(({ type }) => type === 'timeZoneName')?.value;
  return `${weekday} ${month} ${day} ${time} ${zone} ${year}`;
}

export function statLines(stat: Stat): string[] {
  return [
    `cZxid = ${hexOf(stat.czxid)}`,
    `ctime = ${dateText(stat.ctime)}`,
    `mZxid = ${hexOf(stat.mzxid)}`,
    `mtime = ${dateText(stat.mtime)}`,
    `pZxid = ${hexOf(stat.pzxid)}`,
    `cversion = ${stat.cversion}`,
    `dataVersion = ${stat.version}`,
    `aclVersion = ${stat.aversion}`,
    `ephemeralOwner = ${hexOf(stat.ephemeralOwner)}`,
    `dataLength = ${stat.dataLength}`,
    `numChildren = ${stat.numChildren}`,
  ];
}

/** Zxids and the owner as hex text, times as ISO 8601. */
export function statJson(stat: Stat): Json {
  return {
    czxid: hexOf(stat.czxid),
    ctime: new Date(Number(stat.ctime)).toISOString(),
    mzxid: hexOf(stat.mzxid),
    mtime: new Date(Number(stat.mtime)).toISOString(),
    pzxid: hexOf(stat.pzxid),
    cversion: stat.cversion,
    version: stat.version,
    aversion: stat.aversion,
    ephemeralOwner: hexOf(stat.ephemeralOwner),
    dataLength: stat.dataLength,
    numChildren: stat.numChildren,
  };
}

const LETTERS = [['c', 4], ['d', 8], ['r', 1], ['w', 2], ['a', 16]] as const;

/** `cdrwa` */
function permsText(perms: number): string {
  return LETTERS.filter(([, bit]) => perms & bit).map(([letter]) => letter).join('');
}

export function aclLines(acl: readonly ACL[]): string[] {
  return acl.flatMap(({ perms, id }) => [`'${id.scheme},'${id.id}`, `: ${permsText(perms)}`]);
}

/** `scheme:id:perms,…` as create and setAcl take it. What is wrong is told and left out, as in Apache's zkCli. */
export function parseAcl(text: string, complain: (line: string) => void): ACL[] {
  return text.split(',').flatMap((part) => {
    const first = part.indexOf(':');
    const last = part.lastIndexOf(':');
    if (first === last) {
      complain(`${part} does not have the form scheme:id:perm`);
      return [];
    }
    const perms = [...part.slice(last + 1)].reduce((sum, letter) => {
      const bit = LETTERS.find(([known]) => known === letter)?.[1];
      if (bit === undefined) complain(`Unknown perm type: ${letter}`);
      return sum | (bit ?? 0);
    }, 0);
    return [{ perms, id: { scheme: part.slice(0, first), id: part.slice(first + 1, last) } }];
  });
}

export function aclJson(acl: readonly ACL[]): Json {
  return acl.map(({ perms, id }) => ({ scheme: id.scheme, id: id.id, perms: permsText(perms) }));
}

const ROW = 16;

/** Sixteen bytes a line, in hex and as ASCII; nothing for no bytes. */
export function hexDump(data: Buffer): string {
  if (data.length === 0) return '';
  const ruler = '-'.repeat(ROW * 3 + 1);
  const head = [...Array(ROW).keys()].map((column) => ` ${column.toString(16).padStart(2)}`).join('');
  const lines = [`         +${ruler}+`, `         |${head} |`, `+--------+${ruler}+${'-'.repeat(ROW)}+`];
  for (let at = 0; at < data.length; at += ROW) {
    const row = [...data.subarray(at, at + ROW)];
    const bytes = row.map((byte) => ` ${byte.toString(16).padStart(2, '0')}`).join('');
    const text = row.map((byte) => (byte > 0x1f && byte < 0x7f ? String.fromCharCode(byte) : '.')).join('');
    lines.push(`|${at.toString(16).padStart(8, '0')}|${bytes.padEnd(ROW * 3)} |${text.padEnd(ROW)}|`);
  }
  lines.push(lines[2] as string);
  return lines.join('\n');
}

/** Watcher.Event.KeeperState */
const KEEPER_STATES: Record<ClientState, string> = {
  connecting: 'Disconnected',
  connected: 'SyncConnected',
  readOnly: 'ConnectedReadOnly',
  closed: 'Closed',
  expired: 'Expired',
  authFailed: 'AuthFailed',
};

/** WatchedEvent.toString() of 3.9: the zxid is decimal there. */
export function eventText(event: { state: ClientState; type: string; path: string | null; zxid: bigint }): string {
  return `WatchedEvent state:${KEEPER_STATES[event.state]} type:${event.type} path:${event.path} zxid: ${event.zxid}`;
}
