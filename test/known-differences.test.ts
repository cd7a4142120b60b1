import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { differencesTable } from './support/differential/known-differences.ts';
import { PROJECT_ROOT } from './support/implementations.ts';

const DOCUMENT = join(PROJECT_ROOT, 'docs/COMPATIBILITY.md');
const MARKERS = /(<!-- differences:begin -->\n)([\s\S]*?)(<!-- differences:end -->)/;

// `UPDATE_DOCS=1 npx vitest run --project unit test/known-differences.test.ts` writes it.
test('docs/COMPATIBILITY.md shows the differences that the differential test knows of', () => {
  const text = readFileSync(DOCUMENT, 'utf8');
  if (process.env['UPDATE_DOCS']) writeFileSync(DOCUMENT, text.replace(MARKERS, (_all, begin: string, _old: string, end: string) => `${begin}${differencesTable()}\n${end}`));
  expect(MARKERS.exec(readFileSync(DOCUMENT, 'utf8'))?.[2]?.trim()).toBe(differencesTable());
});
