import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { PROJECT_ROOT } from '../support/implementations.ts';

// What went wrong in some ZooKeeper once, and must not here: the issues of quorum.md 17.5, each with a test that names it.
const ISSUES = [
  1046, 1154, 1156, 1264, 1277, 1282, 1319, 1324, 1573, 1624, 1653, 1732, 1783, 1789, 1805, 1807, 1810, 2164, 2247, 2355, 2819, 2836,
  2845, 2926, 3023, 3104, 3109, 3145, 3188, 3320, 3398, 3642, 3720, 3756, 3758, 3769, 3829, 3911, 3922, 4269, 4394, 4643, 4646, 4685,
  4708, 4712, 4728, 4785, 4787, 4846, 4886, 4925,
];

/** Anything in quotes: a test's title, or the first cell of a row of test.each. */
const NAMED = /(['`])[^'`\n]*?ZOOKEEPER-(\d+(?:, \d+)*)[^\n]*?\1/g;

function testFiles(): string[] {
  const packages = readdirSync(join(PROJECT_ROOT, 'packages')).map((name) => join('packages', name, 'test'));
  return [...packages, 'test/scenarios', 'test/ensemble', 'test/compat'].flatMap((folder) =>
    readdirSync(join(PROJECT_ROOT, folder)).filter((name) => name.endsWith('.test.ts')).map((name) => join(PROJECT_ROOT, folder, name)),
  );
}

test('every issue that quorum.md calls historical has a test with its number in the name', () => {
  const named = new Set<number>();
  for (const file of testFiles()) {
    for (const [, , ids] of readFileSync(file, 'utf8').matchAll(NAMED)) for (const id of ids?.split(', ') ?? []) named.add(Number(id));
  }
  expect(ISSUES.filter((id) => !named.has(id))).toEqual([]);
});
