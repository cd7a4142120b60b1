import { ConfigError, type ServerConfig } from '../config.ts';
import { askWord } from './ask.ts';
import type { Terminal } from './terminal.ts';

const PATIENCE_MS = 5_000;

/** `status`: what `srvr` says the server is, in the words of zkServer.sh. @returns the exit code */
export async function status(load: () => ServerConfig, terminal: Terminal): Promise<number> {
  const config = configOf(load, terminal);
  if (config !== null && config.client === null) {
    terminal.out('Client port not found. Looking for secureClientPort in the static config.\n');
    terminal.out('Unable to find either secure or unsecure client port in any configs. Terminating.\n');
    return 1;
  }
  const mode = config?.client ? await modeAt(config.client.host ?? 'localhost', config.client.port, terminal) : null;
  if (mode === null) {
    terminal.out('Error contacting service. It is probably not running.\n');
    return 1;
  }
  terminal.out(`${mode}\n`);
  return 0;
}

function configOf(load: () => ServerConfig, terminal: Terminal): ServerConfig | null {
  try {
    return load();
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    terminal.error(`${error.report()}\n`);
    return null;
  }
}

/** `Mode: leader`, or `null`. A member that waits for its quorum answers, and has no mode. */
async function modeAt(host: string, port: number, terminal: Terminal): Promise<string | null> {
  terminal.out(`Client port found: ${port}. Client address: ${host}. Client SSL: false.\n`);
  try {
    const answer = await askWord(host, port, 'srvr', PATIENCE_MS);
    const mode = /^Mode: .*$/m.exec(answer)?.[0];
    if (mode === undefined && answer !== '') terminal.error(answer);
    return mode ?? null;
  } catch (error) {
    terminal.error(`${(error as Error).message}\n`);
    return null;
  }
}
