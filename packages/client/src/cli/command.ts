import type { ZooKeeper } from '../client.ts';
import type { WatchListener } from '../watch-registry.ts';
import { CliError } from './errors.ts';
import { optionTable, parseOptions, type Given, type OptionSpecs } from './option-parser.ts';

export type Json = string | number | boolean | null | readonly Json[] | { readonly [key: string]: Json };

export interface Context {
  readonly zk: ZooKeeper;
  /** The listener of every `-w`; it prints. */
  readonly watcher: WatchListener;
  /** One line for people to standard output; nothing with --json. */
  out(line: string): void;
  /** One line to standard error. */
  err(line: string): void;
  /** Prints an event that did not come from the server. */
  event(type: string, path: string): void;
}

export interface Command {
  readonly name: string;
  /** What follows the name in the usage. */
  readonly synopsis: string;
  readonly options?: OptionSpecs;
  /** The usage lists what the options mean. */
  readonly explained?: boolean;
  /** How many arguments it needs at least. */
  readonly needs: number;
  /** Prints for people through the context; what it resolves with is printed with --json. */
  run(context: Context, given: Given): Promise<Json>;
}

export function usageOf(command: Command): string {
  const line = `${command.name} ${command.synopsis}`;
  return command.explained ? [line, ...optionTable(command.options ?? {}), ''].join('\n') : line;
}

/** @throws CliError for options it does not have, or too few arguments */
export function parseFor(command: Command, words: readonly string[]): Given {
  const given = parseOptions(words, command.options ?? {});
  if (given.args.length < command.needs) throw new CliError(usageOf(command));
  return given;
}

/** `ls /a true` of old: anything behind the path asks for a watch. */
export function wantsWatch(context: Context, given: Given, command: string, instead: string): boolean {
  if (given.args.length < 2) return given.has('w');
  context.err(`'${command} path [watch]' has been deprecated. Please use '${instead}' instead.`);
  return true;
}
