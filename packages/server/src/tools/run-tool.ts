import { parseArgs } from 'node:util';
import type { Terminal } from '../operator/terminal.ts';
import { toolNamed } from './catalogue.ts';
import { helpOf, helpOfGroup } from './help.ts';
import { explain } from './load-state.ts';
import { processScreen, Progress } from './progress.ts';
import { ToolError, ToolExit, type Tool, type ToolCall } from './tool.ts';

type Values = Readonly<Record<string, string | boolean | undefined>>;

/** `zk-server log dump …` and its siblings. @param words from the first word of the tool's name on @returns the exit code */
export async function runTool(words: readonly string[], terminal: Terminal, progress = new Progress(processScreen())): Promise<number> {
  const named = toolNamed(words);
  if (named === null) return withoutTool(words, terminal);
  const { tool, used } = named;
  try {
    const { values, positionals } = parsed(tool, words.slice(used));
    if (values['help'] === true) {
      terminal.out(helpOf(tool));
      return ToolExit.DONE;
    }
    requireOperands(tool, positionals);
    const run = await tool.load();
    return await run(callOf(values, positionals, terminal, progress));
  } catch (error) {
    progress.clear();
    return failed(tool, error, terminal);
  }
}

function withoutTool([group = '', word]: readonly string[], terminal: Terminal): number {
  if (word === '--help' || word === '-h') {
    terminal.out(helpOfGroup(group));
    return ToolExit.DONE;
  }
  terminal.error(`${word === undefined ? `zk-server ${group} does several things` : `zk-server ${group} ${word} is nothing it can do`}\n\n${helpOfGroup(group)}`);
  return ToolExit.WRONG_ARGUMENTS;
}

function parsed(tool: Tool, args: readonly string[]): { values: Values; positionals: string[] } {
  const options = Object.fromEntries(tool.options.map(({ name, value }) => [name, { type: value === undefined ? ('boolean' as const) : ('string' as const) }]));
  try {
    return parseArgs({ args: [...args], options: { ...options, help: { type: 'boolean', short: 'h' } }, allowPositionals: true, strict: true });
  } catch (error) {
    throw new ToolError((error as Error).message.split('. ')[0] ?? '', ToolExit.WRONG_ARGUMENTS);
  }
}

function requireOperands({ operands, operandCount: { least, most } }: Tool, given: readonly string[]): void {
  if (given.length < least) throw new ToolError(`${operands} is missing`, ToolExit.WRONG_ARGUMENTS);
  if (given.length > most) throw new ToolError(`${given.slice(most).join(' ')} is too much: it takes ${operands}`, ToolExit.WRONG_ARGUMENTS);
}

function callOf(values: Values, operands: readonly string[], terminal: Terminal, progress: Progress): ToolCall {
  return {
    operands,
    terminal,
    progress,
    now: Date.now(),
    value: (option) => {
      const value = values[option];
      return typeof value === 'string' ? value : null;
    },
    isSet: (option) => values[option] === true,
  };
}

/** What is wrong with arguments or files is told in a line; a fault of ours with its stack. */
function failed({ name }: Tool, error: unknown, terminal: Terminal): number {
  if (error instanceof ToolError) {
    const hint = error.exitCode === ToolExit.WRONG_ARGUMENTS ? `; see zk-server ${name} --help` : '';
    terminal.error(`zk-server ${name}: ${error.message}${hint}\n`);
    return error.exitCode;
  }
  const explained = explain(error);
  if (explained === null) throw error;
  terminal.error(`zk-server ${name}: ${explained}\n`);
  return ToolExit.FAILED;
}
