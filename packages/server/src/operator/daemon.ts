/** `start`, `stop` and `restart`, in the words of zkServer.sh (operations.md 12.1). */
import { spawn, type ChildProcess } from 'node:child_process';
import { closeSync, existsSync, mkdirSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { isAlive, outputFileOf, pidFileOf, processIn, type Installation } from './installation.ts';
import type { Terminal } from './terminal.ts';

/** Reading a large log takes a while; a server that is still at it by then counts as started. */
const START_PATIENCE_MS = 30_000;
/** Writes in progress are made durable first, which a slow disk may delay. */
const STOP_PATIENCE_MS = 30_000;
const POLL_MS = 50;
const SHOWN_LINES = 15;

export interface StartRequest {
  readonly installation: Installation;
  readonly configFile: string;
  /** `-D` and `--set` arguments, as they were given. */
  readonly settings: readonly string[];
}

/** Starts a server in the background. @returns the exit code */
export async function start(request: StartRequest, terminal: Terminal): Promise<number> {
  const { installation, configFile } = request;
  terminal.out('Starting zookeeper ... ');
  const pidFile = pidFileOf(configFile, installation);
  if (pidFile === null) return failed(terminal, `${configFile} cannot be read, or has no dataDir\n`);
  const running = processIn(pidFile);
  if (running !== null) {
    terminal.out(`already running as process ${running}.\n`);
    return 1;
  }
  const output = outputFileOf(installation);
  const child = launch(request, output);
  const pid = child.pid;
  if (pid === undefined) return failed(terminal, `${process.execPath} cannot be started\n`);
  if (!writePid(pidFile, pid, terminal)) {
    child.kill();
    return 1;
  }
  if (await hasStarted(child)) {
    terminal.out('STARTED\n');
    return 0;
  }
  rmSync(pidFile, { force: true });
  return failed(terminal, `${lastLines(output)}\nThe whole output is in ${output}\n`);
}

/** Stops the server of a configuration and waits until it has. @returns the exit code */
export async function stop(configFile: string, installation: Installation, terminal: Terminal): Promise<number> {
  terminal.out('Stopping zookeeper ... ');
  const pidFile = pidFileOf(configFile, installation);
  if (pidFile === null || !existsSync(pidFile)) {
    terminal.out(`no zookeeper to stop (could not find file ${pidFile ?? configFile})\n`);
    return 0;
  }
  const pid = processIn(pidFile);
  if (pid !== null && !(await hasEnded(pid))) {
    terminal.out(`FAILED TO STOP\n`);
    terminal.error(`process ${pid} is still there after ${STOP_PATIENCE_MS / 1000} s; kill -9 ${pid} loses nothing that was acknowledged\n`);
    return 1;
  }
  rmSync(pidFile, { force: true });
  terminal.out('STOPPED\n');
  return 0;
}

export async function restart(request: StartRequest, terminal: Terminal): Promise<number> {
  const code = await stop(request.configFile, request.installation, terminal);
  return code === 0 ? start(request, terminal) : code;
}

/** The command that `start` runs, for `print-cmd`. */
export function commandOf({ installation, configFile, settings }: StartRequest): string[] {
  return [process.execPath, installation.launcher, configFile, ...settings];
}

function launch(request: StartRequest, output: string): ChildProcess {
  mkdirSync(dirname(output), { recursive: true });
  const log = openSync(output, 'a');
  const [command = '', ...args] = commandOf(request);
  // A process group of its own: what ends this terminal does not end the server.
  const child = spawn(command, args, { detached: true, stdio: ['ignore', log, log, 'ipc'], env: { ...process.env, ZOO_LOG_DIR: request.installation.logDir } });
  closeSync(log);
  return child;
}

function writePid(pidFile: string, pid: number, terminal: Terminal): boolean {
  try {
    mkdirSync(dirname(pidFile), { recursive: true });
    writeFileSync(pidFile, String(pid));
    return true;
  } catch (error) {
    terminal.out('FAILED TO WRITE PID\n');
    terminal.error(`${(error as Error).message}\n`);
    return false;
  }
}

/** Waits until the server says that it runs, and lets go of it; false when it has ended instead. */
async function hasStarted(child: ChildProcess): Promise<boolean> {
  const started = await new Promise<boolean>((resolve) => {
    const patience = setTimeout(() => resolve(child.exitCode === null), START_PATIENCE_MS);
    const settle = (answer: boolean): void => {
      clearTimeout(patience);
      resolve(answer);
    };
    child.on('message', (message: { started?: boolean }) => {
      if (message.started) settle(true);
    });
    child.on('error', () => settle(false));
    child.on('exit', () => settle(false));
  });
  if (started) await release(child);
  return started;
}

/** A server whose launcher vanishes stops; this one is told to live on. */
function release(child: ChildProcess): Promise<void> {
  return new Promise((resolve) => {
    child.send({ release: true }, () => {
      if (child.connected) child.disconnect();
      child.unref();
      resolve();
    });
  });
}

async function hasEnded(pid: number): Promise<boolean> {
  const deadline = performance.now() + STOP_PATIENCE_MS;
  if (isAlive(pid)) process.kill(pid, 'SIGTERM');
  while (isAlive(pid)) {
    if (performance.now() > deadline) return false;
    await delay(POLL_MS);
  }
  return true;
}

function failed(terminal: Terminal, reason: string): number {
  terminal.out('FAILED TO START\n');
  terminal.error(reason);
  return 1;
}

function lastLines(file: string): string {
  return readFileSync(file, 'utf8').trimEnd().split('\n').slice(-SHOWN_LINES).join('\n');
}
