import { KeeperError } from '@zk/protocol';
import { ZooKeeper } from '../client.ts';
import type { ClientState } from '../events.ts';
import type { WatchListener } from '../watch-registry.ts';
import { COMMANDS } from './commands/index.ts';
import { parseFor, type Context, type Json } from './command.ts';
import { CliError, messageOf } from './errors.ts';
import { eventText } from './format.ts';
import type { LaunchOptions } from './launch-options.ts';
import { splitLine } from './words.ts';

const COMMAND_NOT_FOUND = 127;
const HISTORY_SHOWN = 10;

/** Commands about the shell itself, with what follows them in the usage. */
const OWN_COMMANDS: Readonly<Record<string, string>> = {
  close: '', connect: 'host:port', exit: '', history: '', printwatches: 'on|off', quit: '', redo: 'cmdno',
};

const PROMPT_STATES: Record<ClientState, string> = {
  connecting: 'CONNECTING', connected: 'CONNECTED', readOnly: 'CONNECTEDREADONLY', closed: 'CLOSED', expired: 'CLOSED', authFailed: 'AUTH_FAILED',
};

export interface Printer {
  out(text: string): void;
  err(text: string): void;
}

/** What zk-cli does with a line; where lines come from and go to is not its business. */
export class Shell {
  readonly #options: LaunchOptions;
  readonly #printer: Printer;
  readonly #history: string[] = [];
  /** One for all: a znode watched in two ways is still told of once. */
  readonly #watcher: WatchListener = (event) => this.#event({ ...event, state: this.#zk.state });
  #server: string;
  #zk: ZooKeeper;
  #printWatches = true;
  /** Of the last command before `quit`: what zk-cli ends with. */
  exitCode = 0;
  /** After `quit`. */
  ended = false;

  /** @throws Error for a connect string that is none */
  constructor(options: LaunchOptions, printer: Printer) {
    this.#options = options;
    this.#printer = printer;
    this.#server = options.server;
    this.#zk = this.#open(options.server);
  }

  get prompt(): string {
    return `[zk: ${this.#server}(${PROMPT_STATES[this.#zk.state]}) ${this.#history.length}] `;
  }

  /** @throws KeeperError CONNECTIONLOSS after `-timeout` */
  async connected(): Promise<void> {
    const late = AbortSignal.timeout(this.#options.timeoutMs);
    for (;;) {
      try {
        return await this.#zk.connected(late);
      } catch (error) {
        if (late.aborted) throw new KeeperError('CONNECTIONLOSS');
        if (!(error instanceof KeeperError) || error.code !== 'CONNECTIONLOSS') throw error;
      }
    }
  }

  /** Closes the session; `quietly` without the event of it. */
  async close(quietly = false): Promise<void> {
    if (quietly) this.#printWatches = false;
    await this.#zk.close();
  }

  async executeLine(line: string): Promise<void> {
    const words = splitLine(line);
    if (words.length === 0) return;
    this.#history.push(line);
    await this.execute(words);
  }

  /** Runs one command, prints what it says, and sets the exit status. */
  async execute(words: readonly string[]): Promise<void> {
    try {
      await this.#run(words);
      if (!this.ended) this.exitCode = 0;
    } catch (error) {
      this.exitCode = error instanceof CliError ? error.exitCode : 1;
      this.#complain(error);
    }
  }

  /** What the last word of a line may go on as: commands, or znodes when it starts with a slash. */
  async complete(line: string): Promise<[candidates: string[], word: string]> {
    const word = /\S*$/.exec(line)?.[0] ?? '';
    if (!word.startsWith('/')) return [commandNames().filter((name) => name.startsWith(word)), word];
    const parent = word.slice(0, word.lastIndexOf('/')) || '/';
    const { children } = await this.#zk.getChildren(parent).catch(() => ({ children: [] as string[] }));
    const paths = children.sort().map((name) => `${parent === '/' ? '' : parent}/${name}`);
    return [paths.filter((path) => path.startsWith(word)), word];
  }

  async #run(words: readonly string[]): Promise<void> {
    const [name = ''] = words;
    const command = COMMANDS.get(name);
    if (!command && !(name in OWN_COMMANDS)) {
      this.#printer.err(`${usage()}\n`);
      throw new CliError(`Command not found: Command not found ${name}`, COMMAND_NOT_FOUND);
    }
    await this.#runOwn(name, words.slice(1));
    if (this.ended) return;
    if (!isAlive(this.#zk.state)) return this.#out('Not connected');
    if (command) this.#answer(await command.run(this.#context(), parseFor(command, words.slice(1))));
  }

  async #runOwn(name: string, args: readonly string[]): Promise<void> {
    switch (name) {
      case 'quit':
      case 'exit':
        await this.close();
        this.ended = true;
        return;
      case 'close':
        return this.close();
      case 'connect':
        return this.#reconnect(args[0] ?? this.#server);
      case 'history':
        return this.#showHistory();
      case 'printwatches':
        if (args[0] === undefined) this.#out(`printwatches is ${this.#printWatches ? 'on' : 'off'}`);
        else this.#printWatches = args[0] === 'on';
        return;
      case 'redo':
        if (args[0] !== undefined) await this.#redo(args[0]);
    }
  }

  async #reconnect(server: string): Promise<void> {
    await this.#zk.close();
    this.#server = server;
    this.#zk = this.#open(server);
    if (this.#options.waitForConnection) await this.connected();
  }

  #showHistory(): void {
    const last = this.#history.length - 1;
    for (let index = Math.max(0, last - HISTORY_SHOWN); index <= last; index++) this.#out(`${index} - ${this.#history[index]}`);
  }

  async #redo(text: string): Promise<void> {
    const line = /^\d+$/.test(text) ? this.#history[Number(text)] : undefined;
    const current = this.#history.length - 1; // this redo itself
    if (line === undefined || Number(text) >= current) throw new CliError('Command index out of range');
    const words = splitLine(line);
    if (words[0] === 'redo') throw new CliError('No redoing redos');
    this.#history[current] = line;
    await this.#run(words);
  }

  #open(server: string): ZooKeeper {
    const { timeoutMs, readOnly } = this.#options;
    // Patience 0: when no server answers, a command says so after one round over all of them.
    const zk = new ZooKeeper(server, { sessionTimeoutMs: timeoutMs, readOnly, patienceMs: 0 });
    zk.on('state', (state) => this.#event({ state, type: 'None', path: null, zxid: -1n }));
    return zk;
  }

  #context(): Context {
    const { state } = this.#zk;
    return {
      zk: this.#zk,
      watcher: this.#watcher,
      out: (line) => this.#out(line),
      err: (line) => {
        if (!this.#options.json) this.#printer.err(`${line}\n`);
      },
      event: (type, path) => this.#event({ state, type, path, zxid: -1n }),
    };
  }

  #event(event: { state: ClientState; type: string; path: string | null; zxid: bigint }): void {
    if (!this.#printWatches) return;
    if (!this.#options.json) return this.#printer.out(`\nWATCHER::\n\n${eventText(event)}\n`);
    const { state, type, path, zxid } = event;
    if (path !== null) this.#printer.out(`${JSON.stringify({ event: { state, type, path, zxid: String(zxid) } })}\n`);
  }

  #out(line: string): void {
    if (!this.#options.json) this.#printer.out(`${line}\n`);
  }

  #answer(value: Json): void {
    if (this.#options.json) this.#printer.out(`${JSON.stringify(value)}\n`);
  }

  #complain(error: unknown): void {
    const message = messageOf(error);
    const { code, path } = error instanceof KeeperError ? error : { code: 'CLI', path: undefined };
    if (this.#options.json) this.#printer.err(`${JSON.stringify({ error: code, path, message })}\n`);
    else this.#printer.err(`${message}\n`);
  }
}

function isAlive(state: ClientState): boolean {
  return state === 'connecting' || state === 'connected' || state === 'readOnly';
}

function commandNames(): string[] {
  return [...COMMANDS.keys(), ...Object.keys(OWN_COMMANDS)].sort();
}

/** Every command with its arguments. */
export function usage(): string {
  const lines = commandNames().map((name) => {
    const command = COMMANDS.get(name);
    return `\t${command ? `${command.name} ${command.synopsis}` : `${name} ${OWN_COMMANDS[name]}`}`;
  });
  return ['ZooKeeper -server host:port cmd args', ...lines].join('\n');
}
