import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createLog, loadConfig, runServer } from '@zk/server';
import { modeOf } from './four-letter-word.ts';
import { until } from './until.ts';

export interface InProcessServer {
  readonly port: number;
  /** Stops it and removes its directory. */
  stop(): Promise<void>;
}

/**
 * A standalone server of ours in this process, on a port of its own; serving when this resolves.
 *
 * @param lines of zoo.cfg, beyond directory and ports
 * @param defines `-D` arguments without the `-D`
 */
export async function startInProcess(lines: readonly string[], defines: readonly string[] = []): Promise<InProcessServer> {
  const directory = mkdtempSync(join(tmpdir(), 'zk-test-'));
  const dataDir = join(directory, 'zoo1');
  mkdirSync(dataDir);
  const file = join(directory, 'zoo1.cfg');
  const usual = [`dataDir=${dataDir}`, 'clientPort=0', 'admin.enableServer=false', 'maxClientCnxns=0', 'preAllocSize=64'];
  writeFileSync(file, [...usual, ...lines].join('\n'));
  const server = await runServer({
    config: loadConfig(file, { defines: [...defines] }),
    log: createLog({ level: process.env['LOG_LEVEL'] ?? 'silent' }),
    onFatal: (code, reason) => {
      throw new Error(`the server ends with ${code}: ${reason}`);
    },
  });
  const port = server.clientPort ?? 0;
  await until('our server serving', () => modeOf(port));
  return {
    port,
    stop: async () => {
      await server.stop();
      rmSync(directory, { recursive: true, force: true });
    },
  };
}
