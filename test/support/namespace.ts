import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { PROJECT_ROOT } from './implementations.ts';

/** Whether this process may have a network of its own, so that the addresses and ports of the field's tutorials can be used. */
export const canUnshare = spawnSync('unshare', ['-n', 'ip', 'link', 'set', 'lo', 'up']).status === 0;

/** Runs a shell script in namespaces of its own, with our scripts in its PATH. @param more options of unshare besides `-n` */
export function inNamespace(script: string, env: NodeJS.ProcessEnv, timeoutMs: number, more: readonly string[] = []): { stdout: string; stderr: string } {
  const path = `${join(PROJECT_ROOT, 'bin')}:${process.env['PATH'] ?? ''}`;
  return spawnSync('unshare', ['-n', ...more, 'sh', '-c', script], { env: { ...process.env, PATH: path, ...env }, encoding: 'utf8', timeout: timeoutMs });
}
