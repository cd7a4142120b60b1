import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { describeTrace } from '../src/log.ts';

const ROOT = fileURLToPath(new URL('../../../', import.meta.url));
const DOCUMENT = readFileSync(`${ROOT}docs/OPERATIONS.md`, 'utf8');

/** What an operator may see: the texts that these calls are given. */
const CALLS = [
  /\.(?:warn|error|fatal)\((?:\{[^;]*?\}, )?('[^']+')\)/g,
  /(?:complaints\.add|#refuse|clients\.refuse)\([^;]*?('[^']+')\)/g,
  /findings\.error\((?:[^`';]|'[a-zA-Z.]*')*?, (`[^`]+`|'[^']{12,}'|"[^"]+")/g,
  /new (?:DamageError|DataDirectoryError|InconsistentEpochsError)\([^;]*?(`[^`]+`|'[^']{8,}')/g,
];

function messagesOf(packageName: string): string[] {
  const folder = `${ROOT}packages/${packageName}/src`;
  const sources = readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((name) => name.endsWith('.ts') && !name.startsWith('operator/'));
  return sources.flatMap((name) => {
    const text = readFileSync(`${folder}/${name}`, 'utf8');
    return CALLS.flatMap((call) => [...text.matchAll(call)].map(([, quoted = '']) => quoted.slice(1, -1)));
  });
}

/** The words between the values; what is too short to search for does not count. */
function fixedParts(message: string): string[] {
  return message.split(/\$\{.*?(?:\}|$)|[;:(.]/).map((part) => part.trim()).filter((part) => part.length >= 8);
}

test('OPERATIONS.md explains every message of the server, its peer and its store', () => {
  const messages = [...new Set(['server', 'peer', 'store'].flatMap(messagesOf))].filter((message) => fixedParts(message).length > 0);
  expect(messages.length).toBeGreaterThan(60);
  expect(messages.filter((message) => !fixedParts(message).some((part) => DOCUMENT.includes(part)))).toEqual([]);
});

test('OPERATIONS.md explains what a peer traces at warn and above', () => {
  const remote = '10.0.0.1:1';
  const events = [
    { kind: 'linkRefused', remote, reason: '' },
    { kind: 'orphansRemoved', paths: [] },
    { kind: 'digestMismatch', zxid: 1n, expected: 1n, actual: 2n },
    { kind: 'clientRefused', remote, session: null, reason: '' },
    { kind: 'fatal', code: 1, reason: '' },
  ] as unknown as Parameters<typeof describeTrace>[0][];
  const lines = events.map(describeTrace);
  expect(lines.map(({ level }) => level)).toEqual(['warn', 'warn', 'error', 'warn', 'fatal']);
  expect(lines.filter(({ message }) => !DOCUMENT.includes(message))).toEqual([]);
});
