import { spawn, type ChildProcess } from 'node:child_process';
import { createServer } from 'node:net';
import { createInterface } from 'node:readline';
import { ConfigError, loadConfig, type ServerConfig } from './config.ts';
import { ListenError, probe } from './net/listen.ts';
import { portsOf } from './operator/ports.ts';

const COLOURS = [36, 33, 35, 32, 34]; // cyan, yellow, magenta, green, blue

/** One server of the ensemble. */
interface Member {
  readonly config: ServerConfig;
  readonly name: string;
  readonly process: ChildProcess;
  serving: string | null;
  hasEnded: boolean;
}

/**
 * Runs one server process per configuration file until a signal ends them all, or none is left.
 *
 * @param files zoo.cfg files, as given by the user
 * @param launcher path of zk-server.js
 * @returns the exit code for this process
 */
export async function runEnsemble(files: readonly string[], launcher: string): Promise<number> {
  const configs = await checked(files);
  if (configs === null) return 2;
  const ensemble = new Ensemble(configs, files, launcher);
  return ensemble.ended;
}

/** The configurations, once all are sound and their ports free; otherwise `null`, and everything wrong has been said. */
async function checked(files: readonly string[]): Promise<ServerConfig[] | null> {
  const problems: string[] = files.length === 0 ? ['no configuration file given'] : [];
  const configs: ServerConfig[] = [];
  for (const file of files) {
    try {
      configs.push(loadConfig(file));
    } catch (error) {
      if (!(error instanceof ConfigError)) throw error;
      problems.push(error.report());
    }
  }
  for (const [i, config] of configs.entries()) problems.push(...(await busyPorts(config)).map((reason) => `${files[i]} ${reason}`));
  if (problems.length === 0) return configs;
  process.stderr.write(`${problems.join('\n')}\nNothing was started.\n`);
  return null;
}

async function busyPorts(config: ServerConfig): Promise<string[]> {
  const reasons: string[] = [];
  for (const { what, host, port } of portsOf(config)) {
    try {
      await probe(what, [{ host, port }], () => createServer());
    } catch (error) {
      if (!(error instanceof ListenError)) throw error;
      reasons.push(error.message);
    }
  }
  return reasons;
}

class Ensemble {
  /** Resolves with the exit code once no server is left. */
  readonly ended: Promise<number>;
  readonly #members: Member[];
  readonly #onTerminal = process.stdout.isTTY;
  #finish: (code: number) => void = () => {};
  #isStopping = false;
  #wasReady = false;

  constructor(configs: readonly ServerConfig[], files: readonly string[], launcher: string) {
    this.ended = new Promise((resolve) => {
      this.#finish = resolve;
    });
    this.#members = configs.map((config, i) => this.#start(config, files[i] as string, launcher));
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => this.#stop(signal));
  }

  #start(config: ServerConfig, file: string, launcher: string): Member {
    // A process group of its own: Ctrl-C reaches this process alone, which then stops each server once. Should this
    // process be killed, the closed IPC channel tells the servers to stop: nothing is left behind.
    const child = spawn(process.execPath, [launcher, file], {
      detached: true,
      stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
      env: { ...process.env, ...(this.#onTerminal ? { LOG_FORMAT: 'pretty', FORCE_COLOR: '1' } : {}) },
    });
    const member: Member = { config, name: `zk${config.sid}`, process: child, serving: null, hasEnded: false };
    this.#relay(member);
    child.on('message', ({ serving }: { serving?: string }) => {
      if (serving !== undefined) this.#serving(member, serving);
    });
    child.on('error', (error) => this.#say(`${member.name} cannot be started: ${error.message}`));
    child.on('close', (code, signal) => this.#gone(member, code, signal));
    return member;
  }

  #relay({ name, config, process: child }: Member): void {
    const colour = COLOURS[Number(config.sid) % COLOURS.length] ?? 36;
    // JSON lines carry the sid as a field, and stay JSON.
    const pretty = this.#onTerminal || process.env['LOG_FORMAT'] === 'pretty';
    const prefix = !pretty ? '' : this.#onTerminal ? `\x1b[${colour}m${name}\x1b[0m ` : `${name} `;
    if (child.stdout !== null) createInterface({ input: child.stdout }).on('line', (line) => process.stdout.write(`${prefix}${line}\n`));
    if (child.stderr !== null) createInterface({ input: child.stderr }).on('line', (line) => process.stderr.write(`${name} ${line}\n`));
  }

  #serving(member: Member, role: string | null): void {
    member.serving = role;
    const living = this.#members.filter(({ hasEnded }) => !hasEnded);
    const leader = living.find(({ serving }) => serving === 'leader');
    if (this.#wasReady || leader === undefined || living.some(({ serving }) => serving === null)) return;
    this.#wasReady = true;
    const clients = living.flatMap(({ config }) => (config.client === null ? [] : `${config.client.host ?? 'localhost'}:${config.client.port}`));
    this.#say(`The ensemble is ready, server ${leader.config.sid} leads. Connect to ${clients.join(',')}`);
  }

  #gone(member: Member, code: number | null, signal: string | null): void {
    member.hasEnded = true;
    member.serving = null;
    const left = this.#members.filter(({ hasEnded }) => !hasEnded);
    const how = signal === null ? `exit code ${code}` : signal;
    if (!this.#isStopping) this.#say(`${member.name} has ended (${how}); ${left.length === 0 ? 'none is left' : `still running: ${left.map(({ name }) => name).join(', ')}`}`);
    if (left.length === 0) this.#finish(this.#isStopping ? 0 : 1);
  }

  #stop(signal: NodeJS.Signals): void {
    const living = this.#members.filter(({ hasEnded }) => !hasEnded);
    if (!this.#isStopping) this.#say('Stopping…');
    this.#isStopping = true;
    for (const { process: child } of living) child.kill(signal); // a second signal ends them at once
  }

  /** A line of the launcher's own. */
  #say(text: string): void {
    process.stdout.write(this.#onTerminal ? `\x1b[1m${text}\x1b[0m\n` : `${text}\n`);
  }
}
