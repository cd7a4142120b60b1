import { createInterface } from 'node:readline';
import { CliError, messageOf } from './errors.ts';
import { LAUNCH_USAGE, parseLaunchOptions, type LaunchOptions } from './launch-options.ts';
import { Shell, usage } from './shell.ts';

export interface Terminal {
  readonly input: NodeJS.ReadableStream & { isTTY?: boolean };
  readonly output: NodeJS.WritableStream & { isTTY?: boolean };
  readonly error: NodeJS.WritableStream;
}

/** zk-cli from its arguments to its exit status: 0, 1 (the command failed), 2 (wrong options), 127 (no such command). */
export async function runCli(words: readonly string[], terminal: Terminal): Promise<number> {
  if (['-h', '-help', '--help'].includes(words[0] ?? '')) {
    terminal.output.write(`${LAUNCH_USAGE}\n${usage()}\n`);
    return 0;
  }
  try {
    const options = parseLaunchOptions(words);
    if (!options.json) terminal.output.write(`Connecting to ${options.server}\n`);
    return await (options.command.length > 0 ? runOne(options, terminal) : converse(options, terminal));
  } catch (error) {
    terminal.error.write(`${messageOf(error)}\n`);
    return error instanceof CliError ? error.exitCode : 1;
  }
}

async function runOne(options: LaunchOptions, { output, error }: Terminal): Promise<number> {
  const shell = new Shell(options, { out: (text) => void output.write(text), err: (text) => void error.write(text) });
  try {
    if (options.waitForConnection) await shell.connected();
    await shell.execute(options.command);
    return shell.exitCode;
  } finally {
    await shell.close(true);
  }
}

/** Line by line: with prompt, history and completion at a terminal, plainly from a pipe. */
async function converse(options: LaunchOptions, { input, output, error }: Terminal): Promise<number> {
  const interactive = input.isTTY === true && output.isTTY === true;
  const completer = (line: string, done: (error: null, found: [string[], string]) => void): void =>
    void shell.complete(line).then((found) => done(null, found));
  const lines = createInterface({ input, completer, ...(interactive ? { output } : {}) });
  const redrawn = (): void => {
    if (interactive && waiting) lines.prompt(true);
  };
  let waiting = false; // for the person: what comes now interrupts the prompt
  const print = (stream: NodeJS.WritableStream) => (text: string) => {
    stream.write(text);
    redrawn();
  };
  const shell = new Shell(options, { out: print(output), err: print(error) });
  const prompt = (): void => {
    waiting = true;
    if (interactive) lines.setPrompt(shell.prompt);
    redrawn();
  };
  if (options.waitForConnection) await shell.connected();
  if (!options.json) output.write('Welcome to ZooKeeper!\n');
  prompt();
  for await (const line of lines) {
    waiting = false;
    await shell.executeLine(line);
    if (shell.ended) break;
    prompt();
  }
  lines.close();
  await shell.close(true);
  return shell.exitCode;
}
