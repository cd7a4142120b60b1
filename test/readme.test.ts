import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { PROJECT_ROOT } from './support/implementations.ts';

const read = (name: string): string => readFileSync(join(PROJECT_ROOT, name), 'utf8');
const english = read('README.md');
const chinese = read('README.zh-CN.md');

/** What does not depend on the language. */
const PARTS: readonly [name: string, of: (text: string) => readonly string[]][] = [
  ['sections', (text) => [...text.matchAll(/^#+(?= )/gm)].map(([level]) => level)],
  ['examples', (text) => [...text.matchAll(/^```[\s\S]*?^```$/gm)].map(([block]) => block.replace(/ +# .*$/gm, ''))],
  ['commands and names in the text', (text) => [...new Set([...text.replace(/^```[\s\S]*?^```$/gm, '').matchAll(/`[^`\n]+`/g)].map(([code]) => code))].sort()],
  ['links', (text) => [...text.matchAll(/\]\(([^)]+)\)/g)].map(([, to = '']) => to).filter((to) => !to.startsWith('README')).sort()],
];

describe('README.md and README.zh-CN.md', () => {
  test.each(PARTS)('have the same %s', (_name, of) => {
    expect(of(english).length).toBeGreaterThan(3);
    expect(of(chinese)).toEqual(of(english));
  });

  test('lead to each other', () => {
    expect(english).toContain('](README.zh-CN.md)');
    expect(chinese).toContain('](README.md)');
  });
});
