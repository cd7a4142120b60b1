import { CliError } from './errors.ts';

export interface OptionSpec {
  readonly help: string;
  /** It is followed by a value: `-v 3`, `-v3` or `-v=3`. */
  readonly value?: boolean;
}

export type OptionSpecs = Readonly<Record<string, OptionSpec>>;

export interface Given {
  /** What is not an option, without the command's own name. */
  readonly args: readonly string[];
  has(option: string): boolean;
  value(option: string): string | undefined;
}

/**
 * Options may stand anywhere, be joined (`-sw`), and end at `--` (the rules of commons-cli, which Apache's zkCli uses).
 * @throws CliError for an unknown option, or one without its value
 */
export function parseOptions(words: readonly string[], specs: OptionSpecs): Given {
  const found = new Map<string, string>();
  const args: string[] = [];
  for (let at = 0; at < words.length; at++) {
    const word = words[at] as string;
    if (word === '--') {
      args.push(...words.slice(at + 1));
      break;
    }
    if (!word.startsWith('-') || word === '-') {
      args.push(word);
      continue;
    }
    const pending = readOption(word, specs, found);
    if (pending === undefined) continue;
    const value = words[at + 1];
    if (value === undefined || (isOption(value, specs) && !/^-\d/.test(value))) throw new CliError(`Missing argument for option: ${pending}`);
    found.set(pending, value);
    at += 1;
  }
  return { args, has: (option) => found.has(option), value: (option) => found.get(option) };
}

/** Notes the options in one word; returns the one whose value is the next word. */
function readOption(word: string, specs: OptionSpecs, found: Map<string, string>): string | undefined {
  const unknown = new CliError(`Unrecognized option: ${word}`);
  const [name = '', ...rest] = word.slice(1).split('=');
  const whole = specs[name];
  if (whole) {
    if (rest.length > 0 && !whole.value) throw unknown;
    found.set(name, rest.join('='));
    return whole.value && rest.length === 0 ? name : undefined;
  }
  for (let at = 1; at < word.length; at++) {
    const letter = word[at] as string;
    const spec = specs[letter];
    if (!spec) throw unknown;
    const attached = word.slice(at + 1);
    found.set(letter, spec.value ? attached : '');
    if (spec.value) return attached === '' ? letter : undefined;
  }
  return undefined;
}

function isOption(word: string, specs: OptionSpecs): boolean {
  return word.startsWith('-') && (specs[word.slice(1).split('=')[0] ?? ''] !== undefined || specs[word[1] ?? ''] !== undefined);
}

/** The options one below the other with what they mean. */
export function optionTable(specs: OptionSpecs): string[] {
  const rows = Object.entries(specs)
    .map(([name, { value, help }]) => [`-${name}${value ? ' <arg>' : ''}`, help] as const)
    .sort(([a], [b]) => (a.toLowerCase() < b.toLowerCase() ? -1 : 1));
  const width = Math.max(...rows.map(([option]) => option.length));
  return rows.map(([option, help]) => ` ${option.padEnd(width)}   ${help}`);
}

/** @throws CliError naming the option */
export function intOf(given: Given, option: string, otherwise: number): number {
  const text = given.value(option);
  if (text === undefined) return otherwise;
  const number = Number(text);
  if (!/^[+-]?\d+$/.test(text) || number !== (number | 0)) throw new CliError(`-${option} argument must be an int value`);
  return number;
}
