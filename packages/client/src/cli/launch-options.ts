import { CliError } from './errors.ts';

export interface LaunchOptions {
  readonly server: string;
  readonly timeoutMs: number;
  readonly readOnly: boolean;
  readonly waitForConnection: boolean;
  readonly json: boolean;
  /** One command and its arguments; empty: talk to the person at the terminal. */
  readonly command: readonly string[];
}

const INVALID_INVOCATION = 2;

export const LAUNCH_USAGE = 'zk-cli [-server host:port,…/chroot] [-timeout ms] [-r] [-waitforconnection] [--json] [cmd args]';

/** @throws CliError, exit status 2 */
export function parseLaunchOptions(words: readonly string[]): LaunchOptions {
  let server = 'localhost:2181';
  let timeout = '30000';
  const flags = { '-r': false, '-waitforconnection': false, '--json': false };
  let at = 0;
  for (; words[at]?.startsWith('-'); at++) {
    const option = words[at] as string;
    if (option in flags) {
      flags[option as keyof typeof flags] = true;
      continue;
    }
    at += 1;
    const value = words[at];
    if (option !== '-server' && option !== '-timeout') throw new CliError(`Unknown option ${option}\n${LAUNCH_USAGE}`, INVALID_INVOCATION);
    if (value === undefined) throw new CliError(`Error: no argument found for option ${option}`, INVALID_INVOCATION);
    if (option === '-server') server = value;
    else timeout = value;
  }
  if (!/^\d+$/.test(timeout)) throw new CliError(`-timeout ${timeout} is not a number of milliseconds`, INVALID_INVOCATION);
  return {
    server,
    timeoutMs: Number(timeout),
    readOnly: flags['-r'],
    waitForConnection: flags['-waitforconnection'],
    json: flags['--json'],
    command: words.slice(at),
  };
}
