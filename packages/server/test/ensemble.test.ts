import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { runEnsemble } from '../src/ensemble.ts';
import { Door } from './support/sockets.ts';

let home: string;
let said: string;
beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), 'zk-ensemble-'));
  said = '';
  vi.spyOn(process.stderr, 'write').mockImplementation((text) => {
    said += String(text);
    return true;
  });
});
afterEach(() => {
  vi.restoreAllMocks();
  rmSync(home, { recursive: true });
});

function config(name: string, lines: readonly string[]): string {
  const file = join(home, name);
  writeFileSync(file, [`dataDir=${home}/data`, 'admin.enableServer=false', ...lines].join('\n'));
  return file;
}

test('mistakes in any of the files are told, and nothing is started', async () => {
  const files = [config('a.cfg', ['tickTime=x']), config('b.cfg', ['electionAlg=1'])];
  expect(await runEnsemble(files, '/no/launcher')).toBe(2);
  expect(said).toContain(`${files[0]}:3 tickTime=x is not a whole number`);
  expect(said).toContain(`${files[1]}:3 Invalid electionAlg value`);
  expect(said).toContain('Nothing was started.');
});

test('ports in use are named before anything is started', async () => {
  const taken = await Door.open();
  const file = config('busy.cfg', [`clientPort=${taken.port}`, 'clientPortAddress=127.0.0.1']);
  expect(await runEnsemble([file], '/no/launcher')).toBe(2);
  expect(said).toBe(`${file} client port ${taken.port} on 127.0.0.1 is in use by another process\nNothing was started.\n`);
  taken.close();
});
