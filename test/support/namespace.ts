import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { PROJECT_ROOT } from './implementations.ts';

/** A network, and processes that end with the script whatever becomes of it. */
const OWN = ['-n', '-p', '-f', '--mount-proc', '--kill-child'];

/** Whether this process may have a network of its own, so that the addresses and ports of the field's tutorials can be used. */
export const canUnshare = spawnSync('unshare', [...OWN, 'ip', 'link', 'set', 'lo', 'up']).status === 0;

/** Runs a shell script in namespaces of its own, with our scripts in its PATH. @param more further options of unshare */
export function inNamespace(script: string, env: NodeJS.ProcessEnv, timeoutMs: number, more: readonly string[] = []): { stdout: string; stderr: string } {
  const path = `${join(PROJECT_ROOT, 'bin')}:${process.env['PATH'] ?? ''}`;
  return spawnSync('unshare', [...OWN, ...more, 'sh', '-c', script], { env: { ...process.env, PATH: path, ...env }, encoding: 'utf8', timeout: timeoutMs });
}
