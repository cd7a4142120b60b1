import { readFileSync } from 'node:fs';
import { parseJavaProperties } from '@zk/protocol';

/** Where a setting was written. */
export interface Place {
  readonly file: string;
  readonly line: number | null;
}

/** One `key=value`, both trimmed. */
export interface Entry {
  readonly key: string;
  readonly value: string;
  readonly at: Place;
}

/** Settings given beside the file. */
export interface CommandLineSettings {
  /** `-D` arguments without the `-D`: `zookeeper.snapCount=1000`. The file overrides them, as in Apache. */
  readonly defines: readonly string[];
  /** `--set` arguments: as if they were the last lines of the file. */
  readonly sets: readonly string[];
  /** The environment, for its ZK_SET_ variables: they stand between the file and `sets`. */
  readonly env: NodeJS.ProcessEnv;
}

/**
 * The text of a properties file. ISO-8859-1 is what Java reads; a file that is valid UTF-8 is taken as that instead,
 * because that is what editors write. A byte order mark is dropped.
 *
 * @throws the error of `readFileSync` when the file cannot be read
 */
export function readText(path: string): string {
  const bytes = readFileSync(path);
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    return bytes.toString('latin1');
  }
}

/** The entries of a properties file, in the order of its lines. Throws on a malformed `\u` escape. */
export function entriesOf(text: string, file: string): Entry[] {
  return parseJavaProperties(text).map(({ key, value, line }) => ({ key: key.trim(), value: value.trim(), at: { file, line } }));
}

/** `key=value` → an entry; a key alone means `true`, as with Java's -D. */
export function argumentEntry(argument: string, option: string): Entry {
  const equals = argument.indexOf('=');
  const at = { file: `${option}${option === '-D' ? '' : ' '}${argument}`, line: null };
  if (equals < 0) return { key: argument.trim(), value: 'true', at };
  return { key: argument.slice(0, equals).trim(), value: argument.slice(equals + 1).trim(), at };
}
