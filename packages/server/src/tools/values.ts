import { asSessionId, asZxid, hex, type SessionId, type Zxid } from '@zk/protocol';
import { ToolError, ToolExit } from './tool.ts';

/** `0x3b`, or decimal, as Apache's tools read it. @throws ToolError */
export function zxidFrom(text: string): Zxid {
  return asZxid(longFrom(text, 'a zxid'));
}

/** @throws ToolError */
export function sessionFrom(text: string): SessionId {
  return asSessionId(longFrom(text, 'a session id'));
}

function longFrom(text: string, what: string): bigint {
  if (!/^(?:0x[0-9a-f]{1,16}|\d{1,19})$/i.test(text)) throw new ToolError(`${text} is not ${what}: write 0x3b, or a decimal number`, ToolExit.WRONG_ARGUMENTS);
  return BigInt.asIntN(64, BigInt(text));
}

/** @throws ToolError */
export function countFrom(text: string, option: string): number {
  if (!/^\d{1,15}$/.test(text)) throw new ToolError(`--${option} ${text} is not a number`, ToolExit.WRONG_ARGUMENTS);
  return Number(text);
}

/** One of a few words. @throws ToolError */
export function wordFrom<W extends string>(text: string, option: string, words: readonly W[]): W {
  const word = words.find((one) => one === text);
  if (word === undefined) throw new ToolError(`--${option} ${text} is not one of ${words.join(', ')}`, ToolExit.WRONG_ARGUMENTS);
  return word;
}

/** A point in a history: a zxid, or a time in ms since 1970. */
export type Moment = { readonly zxid: Zxid } | { readonly time: number };

const TIME = /^\d{4}-\d{2}-\d{2}(?:[T ]\d{2}:\d{2}(?::\d{2}(?:\.\d{1,3})?)?(Z|[+-]\d{2}:?\d{2})?)?$/;

/** A zxid, or an ISO 8601 time (of this machine's time zone unless it says otherwise). @throws ToolError */
export function momentFrom(text: string): Moment {
  if (!TIME.test(text)) return { zxid: zxidFrom(text) };
  const time = Date.parse(text);
  if (Number.isNaN(time)) throw new ToolError(`${text} is not a time: write 2026-11-21T14:00:00Z`, ToolExit.WRONG_ARGUMENTS);
  return { time };
}

/** `/app/` and `/app` are one. @throws ToolError */
export function pathFrom(text: string): string {
  if (!text.startsWith('/')) throw new ToolError(`--path ${text} does not begin with /`, ToolExit.WRONG_ARGUMENTS);
  return text.length > 1 ? text.replace(/\/+$/, '') || '/' : text;
}

export const isoTime = (time: number): string => new Date(time).toISOString();

const UNITS = ['bytes', 'KiB', 'MiB', 'GiB', 'TiB'];

/** `1 byte`, `65552 bytes`, `1.3 GiB`. */
export function bytesText(bytes: number): string {
  const power = bytes < 100_000 ? 0 : Math.min(UNITS.length - 1, Math.floor(Math.log2(bytes) / 10));
  return power === 0 ? counted(bytes, 'byte') : `${(bytes / 1024 ** power).toFixed(1)} ${UNITS[power]}`;
}

/** `1 txn`, `2 txns`. */
export const counted = (count: number, noun: string): string => `${count} ${noun}${count === 1 ? '' : 's'}`;

/** Values of a JSON line: numbers beyond 2^53 are written `"0x…"`. */
export function jsonLine(value: object): string {
  return JSON.stringify(value, (_key, field: unknown) => (typeof field === 'bigint' ? hex(field) : field));
}
