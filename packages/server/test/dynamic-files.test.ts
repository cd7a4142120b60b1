import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { loadConfig } from '../src/config.ts';
import { writeDynamicFiles, writeProposedFile } from '../src/config/dynamic-files.ts';

let home: string;
let file: string;
beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), 'zk-dynamic-'));
  file = join(home, 'zoo.cfg');
});
afterEach(() => rmSync(home, { recursive: true }));

function write(...lines: string[]): string {
  const text = ['# ours', `dataDir=${home}`, 'myid=2', 'initLimit=10', 'syncLimit=5', 'audit.impl.class=a\\\\b', ...lines, 'server.1=a:1:2;21', 'server.2=b:1:2;22', 'server.3=c:1:2;23'].join('\n');
  writeFileSync(file, text);
  return text;
}

const RECONFIGURED = 'server.2=b:1:2:participant;32\nserver.3=c:1:2:participant;23\nserver.1=a:1:2:participant;21\nversion=100000004';

test('a reconfigured ensemble is what the next start finds', () => {
  const before = write('reconfigEnabled=true', 'clientPort=22');
  writeDynamicFiles(loadConfig(file), RECONFIGURED);
  expect(readFileSync(`${file}.bak`, 'utf8')).toBe(before);
  expect(readFileSync(`${file}.dynamic.100000004`, 'utf8')).toBe('server.1=a:1:2:participant;21\nserver.2=b:1:2:participant;32\nserver.3=c:1:2:participant;23');
  const after = loadConfig(file);
  expect(after.ensemble?.version).toBe(0x100000004n);
  expect(after).toMatchObject({ sid: 2n, client: { port: 32 }, dataDir: home });
  expect(after.text).toContain('audit.impl.class=a\\\\b\n');
  expect(after.text.endsWith(`dynamicConfigFile=${file}.dynamic.100000004\n`)).toBe(true);
});

test('nothing is written with reconfigEnabled=false', () => {
  const before = write();
  writeDynamicFiles(loadConfig(file), RECONFIGURED);
  expect(readFileSync(file, 'utf8')).toBe(before);
  expect(existsSync(`${file}.bak`)).toBe(false);
});

describe('a configuration that is proposed', () => {
  test('is what the next start finds beside the one in force, until it is settled', () => {
    write('reconfigEnabled=true');
    writeProposedFile(loadConfig(file), RECONFIGURED);
    expect(readFileSync(`${file}.dynamic.next`, 'utf8')).toBe('server.1=a:1:2:participant;21\nserver.2=b:1:2:participant;32\nserver.3=c:1:2:participant;23\nversion=100000004');
    const found = loadConfig(file);
    expect([found.ensemble?.version, found.lastSeen?.version, found.lastSeen?.voters.size]).toEqual([0n, 0x100000004n, 3]);
    writeProposedFile(found, null);
    expect(loadConfig(file).lastSeen).toBeNull();
  });

  test('is none with reconfigEnabled=false', () => {
    write();
    writeProposedFile(loadConfig(file), RECONFIGURED);
    expect(existsSync(`${file}.dynamic.next`)).toBe(false);
    writeFileSync(`${file}.dynamic.next`, RECONFIGURED);
    expect(loadConfig(file).lastSeen).toBeNull();
  });

  test('that cannot be read is an error: elections would go wrong without it', () => {
    write('reconfigEnabled=true');
    writeFileSync(`${file}.dynamic.next`, 'server.1=a');
    expect(() => loadConfig(file)).toThrow(/dynamic\.next.* the proposed configuration cannot be read/);
  });
});
