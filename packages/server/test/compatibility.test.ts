import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { KEY_NOTES } from '../src/config/key-notes.ts';
import { keyTables } from '../src/config/key-tables.ts';
import { KEYS, specOf, type KeyName } from '../src/config/keys.ts';

const DOCUMENT = fileURLToPath(new URL('../../../docs/COMPATIBILITY.md', import.meta.url));
const SOURCES = fileURLToPath(new URL('../src', import.meta.url));
const MARKERS = /(<!-- keys:begin -->\n)([\s\S]*?)(<!-- keys:end -->)/;

// `UPDATE_DOCS=1 npx vitest run --project unit packages/server/test/compatibility.test.ts` writes them.
test('the tables of keys in docs/COMPATIBILITY.md are those of the code', () => {
  const text = readFileSync(DOCUMENT, 'utf8');
  if (process.env['UPDATE_DOCS']) writeFileSync(DOCUMENT, text.replace(MARKERS, (_all, begin: string, _old: string, end: string) => `${begin}\n${keyTables()}\n${end}`));
  expect(MARKERS.exec(readFileSync(DOCUMENT, 'utf8'))?.[2]?.trim()).toBe(keyTables().trim());
});

test('every key without meaning says why', () => {
  const silent = (Object.keys(KEYS) as KeyName[]).filter((name) => specOf(name).support === 'meaningless' && KEY_NOTES[name] === undefined);
  expect(silent).toEqual([]);
});

test('every key that is honoured is looked at somewhere', () => {
  const files = readdirSync(SOURCES, { recursive: true, encoding: 'utf8' }).filter((file) => file.endsWith('.ts') && !/config\/key(s|-notes)\.ts$/.test(file));
  const text = files.map((file) => readFileSync(join(SOURCES, file), 'utf8')).join('\n');
  const ignored = (Object.keys(KEYS) as KeyName[]).filter((name) => specOf(name).support === 'honoured' && !text.includes(`'${name}'`));
  expect(ignored).toEqual([]);
});
