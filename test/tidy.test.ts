import { readdirSync, readFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { describe, expect, test } from 'vitest';
import { PROJECT_ROOT } from './support/implementations.ts';

// The import arrows of docs/ARCHITECTURE.md. An import reaches everything beneath it.
const BENEATH: Record<string, readonly string[]> = {
  jute: [],
  protocol: ['jute'],
  tree: ['protocol'],
  store: ['protocol'],
  election: ['protocol'],
  zab: ['protocol'],
  peer: ['tree', 'election', 'zab'],
  server: ['peer', 'store'],
  simulator: ['peer'],
  client: ['protocol'],
};
/** Only as types: they describe a store, they do not have one. */
const TYPES_ONLY: Record<string, readonly string[]> = { peer: ['store'], simulator: ['store'] };

/** No sockets, files, timers, clocks or chance: time and randomness are arguments. */
const PURE = ['jute', 'protocol', 'tree', 'election', 'zab', 'peer'];
const PURE_NODE_MODULES = ['node:buffer', 'node:crypto', 'node:zlib'];
const IMPURE = [
  /\bDate\.now\b/, /\bnew Date\(\)/, /\bMath\.random\b/, /\bperformance\.now\b/, /\bprocess\.(?!versions)/,
  /\bset(?:Timeout|Interval|Immediate)\(/, /\bqueueMicrotask\(/, /\bconsole\./,
];

interface Source {
  readonly file: string;
  readonly name: string;
  readonly text: string;
}

function sourcesOf(packageName: string): Source[] {
  const root = join(PROJECT_ROOT, 'packages', packageName, 'src');
  return readdirSync(root, { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.ts'))
    .map((name) => {
      const file = join(root, name);
      return { file: relative(PROJECT_ROOT, file), name, text: readFileSync(file, 'utf8') };
    });
}

function reachable(packageName: string): Set<string> {
  const found = new Set<string>();
  const visit = (name: string): void => {
    for (const below of BENEATH[name] ?? []) {
      found.add(below);
      visit(below);
    }
  };
  visit(packageName);
  return found;
}

const withoutComments = (text: string): string => text.replace(/\/\*[\s\S]*?\*\//g, '').replace(/(^|[^:'"`])\/\/.*$/gm, '$1');
// `testing.ts` is a package's second entry, for test suites: it may use vitest and fast-check.
const isTestEntry = (source: Source): boolean => source.name === 'testing.ts' || source.name.startsWith('testing/');

describe.each(Object.keys(BENEATH))('packages/%s', (packageName) => {
  const sources = sourcesOf(packageName);
  const production = sources.filter((source) => !isTestEntry(source));

  test('has source', () => {
    expect(production.length).toBeGreaterThan(0);
  });

  test('imports only what is beneath it', () => {
    const allowed = reachable(packageName);
    const typesOnly = new Set(TYPES_ONLY[packageName] ?? []);
    const wrong: string[] = [];
    for (const { file, text } of production) {
      for (const [statement, imported] of withoutComments(text).matchAll(/(?:import|export)\b[^;]*?from '@zk\/([a-z]+)[^']*'/g)) {
        const asType = /^(?:import|export) type\b/.test(statement);
        if (!allowed.has(imported as string) && !(asType && typesOnly.has(imported as string))) wrong.push(`${file}: @zk/${imported}`);
      }
    }
    expect(wrong).toEqual([]);
  });

  if (PURE.includes(packageName)) test('is pure', () => {
    const wrong: string[] = [];
    for (const { file, text } of production) {
      const code = withoutComments(text);
      for (const pattern of IMPURE) if (pattern.test(code)) wrong.push(`${file}: ${String(pattern)}`);
      for (const [, module] of code.matchAll(/from '(node:[a-z/]+)'/g)) {
        if (!PURE_NODE_MODULES.includes(module as string)) wrong.push(`${file}: ${module}`);
      }
    }
    expect(wrong).toEqual([]);
  });

  test('holds no escape hatches', () => {
    const wrong: string[] = [];
    for (const { file, text } of sources) {
      if (/\bas any\b|: any\b|@ts-ignore|@ts-expect-error|\bTODO\b|\bFIXME\b/.test(withoutComments(text))) wrong.push(file);
    }
    expect(wrong).toEqual([]);
  });
});
