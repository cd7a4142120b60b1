import { existsSync, readFileSync } from 'node:fs';
import { hostname, userInfo } from 'node:os';
import { dirname, isAbsolute, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { entriesOf, readText } from '../config/source.ts';

const ROOT = fileURLToPath(new URL('../../../..', import.meta.url));

/** Where this copy of the server lives, and where its operator keeps things: Apache's environment variables. */
export interface Installation {
  /** zk-server.js. */
  readonly launcher: string;
  /** ZOOCFGDIR; `conf` beside the launcher unless set. */
  readonly configDir: string;
  /** ZOOCFG: the file meant when none is named. */
  readonly configName: string;
  /** ZOO_LOG_DIR; `logs` beside the launcher unless set. */
  readonly logDir: string;
  /** ZOOPIDFILE, when set. */
  readonly pidFile: string | null;
}

export function installationOf(env: NodeJS.ProcessEnv, root = ROOT): Installation {
  return {
    launcher: join(root, 'zk-server.js'),
    configDir: env['ZOOCFGDIR'] || join(root, 'conf'),
    configName: env['ZOOCFG'] || 'zoo.cfg',
    logDir: env['ZOO_LOG_DIR'] || join(root, 'logs'),
    pidFile: env['ZOOPIDFILE'] || null,
  };
}

/**
 * The configuration file an operator means: a path as it stands; a bare name beside them, or in the configuration
 * directory (zkServer.sh knows the latter only).
 */
export function configFileOf(named: string | null, { configDir, configName }: Installation, cwd = process.cwd()): string {
  const name = named ?? configName;
  if (isAbsolute(name) || dirname(name) !== '.' || name.startsWith('.')) return resolve(cwd, name);
  if (named !== null && existsSync(resolve(cwd, name))) return resolve(cwd, name);
  return resolve(cwd, configDir, name);
}

/** What standard output and error of a started server go to. */
export function outputFileOf({ logDir }: Installation): string {
  return join(logDir, `zookeeper-${userInfo().username}-server-${hostname()}.out`);
}

/** ZOOPIDFILE, or `zookeeper_server.pid` in the dataDir that the file names; `null` when it names none. */
export function pidFileOf(configFile: string, { pidFile }: Installation): string | null {
  if (pidFile !== null) return pidFile;
  const dataDir = dataDirOf(configFile);
  return dataDir === null ? null : join(dataDir, 'zookeeper_server.pid');
}

/** The dataDir of a file that may be wrong in every other respect: a server has to be stoppable all the same. */
function dataDirOf(configFile: string): string | null {
  try {
    const dataDir = entriesOf(readText(configFile), configFile).findLast(({ key }) => key === 'dataDir')?.value;
    return dataDir ? resolve(dataDir.replaceAll('${configDir}', dirname(configFile))) : null;
  } catch {
    return null;
  }
}

/** The process a pid file names, if it lives and is a server of ours; after a reboot the number may be anybody's. */
export function processIn(pidFile: string): number | null {
  const pid = existsSync(pidFile) ? Number.parseInt(readFileSync(pidFile, 'latin1'), 10) : Number.NaN;
  return Number.isInteger(pid) && pid > 0 && isAlive(pid) && isServer(pid) ? pid : null;
}

export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

function isServer(pid: number): boolean {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'latin1').includes('zk-server');
  } catch {
    return true; // no /proc here: the number has to do
  }
}
