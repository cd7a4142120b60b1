import { parseArguments, USAGE, type ActionName, type Invocation } from './arguments.ts';
import { ConfigError, loadConfig, parseConfig, type ServerConfig } from './config.ts';
import { ExitCode } from './exit-code.ts';
import { configFileOf, installationOf, pidFileOf, processIn, type Installation } from './operator/installation.ts';
import { processTerminal as terminal } from './operator/terminal.ts';
import { SERVER_VERSION, VERSION_LINE } from './version.ts';

/** `zk-server`: runs a server until a signal ends it, or does one of the actions. @param args without node and the script */
export async function main(args: readonly string[]): Promise<void> {
  const invocation = parseArguments(args, process.env);
  switch (invocation.kind) {
    case 'help':
      return terminal.out(USAGE);
    case 'version':
      return terminal.out(`${SERVER_VERSION}\n`);
    case 'wrong':
      terminal.error(`${invocation.reason}\n\n${USAGE}`);
      process.exitCode = ExitCode.INVALID_INVOCATION;
      return;
    case 'raw':
      process.exitCode = await actOn(invocation.action, invocation.words);
      return;
    case 'action':
      return act(invocation);
    case 'run':
      return runServer(() => loadConfig(invocation.file, settingsOf(invocation)));
    case 'short':
      return runServer(() => parseConfig(invocation.text, { file: 'command line', path: null, ...settingsOf(invocation) }));
  }
}

type Settings = Pick<Extract<Invocation, { kind: 'run' }>, 'defines' | 'sets'>;

function settingsOf({ defines, sets }: Settings): Settings & { env: NodeJS.ProcessEnv } {
  return { defines, sets, env: process.env };
}

async function runServer(load: () => ServerConfig): Promise<void> {
  const { serve } = await import('./serve.ts'); // the actions need none of it, and start in half the time
  let config: ServerConfig;
  try {
    config = load();
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    terminal.error(`${error.report()}\nInvalid config, exiting abnormally\n`);
    process.exit(ExitCode.INVALID_INVOCATION);
  }
  await serve(config);
}

/** Actions with options of their own. */
async function actOn(action: ActionName, words: readonly string[]): Promise<number> {
  const installation = installationOf(process.env);
  if (action === 'init') return (await import('./operator/initialize.ts')).initialize(words, installation, terminal);
  if (action === 'cleanup') return (await import('./operator/cleanup.ts')).cleanup(words, installation, terminal);
  if (action === 'completion') return (await import('./operator/completion.ts')).completion(words, terminal);
  process.stdout.on('error', endQuietly);
  return (await import('./tools/run-tool.ts')).runTool([action, ...words], terminal);
}

/** `zk-server log dump … | head`: whoever reads has had enough. */
function endQuietly(error: NodeJS.ErrnoException): void {
  if (error.code !== 'EPIPE') throw error;
  process.exit(ExitCode.FINISHED);
}

/** Actions on a configuration file. */
async function act(invocation: Extract<Invocation, { kind: 'action' }>): Promise<void> {
  const { action } = invocation;
  if (action === 'version') return terminal.out(`${VERSION_LINE}\n`);
  const installation = installationOf(process.env);
  const configFile = configFileOf(invocation.file, installation);
  if (action !== 'print-cmd' && action !== 'check') terminal.error(`Using config: ${configFile}\n`);
  const load = (): ServerConfig => loadConfig(configFile, settingsOf(invocation));
  if (action === 'start-foreground') return runServer(load);
  process.exitCode = await actOnFile(invocation, configFile, installation, load);
}

async function actOnFile(
  { action, defines, sets }: Extract<Invocation, { kind: 'action' }>, configFile: string, installation: Installation, load: () => ServerConfig,
): Promise<number> {
  if (action === 'status') return (await import('./operator/status.ts')).status(load, terminal);
  if (action === 'check') return (await import('./operator/check.ts')).check(load, () => runningAs(configFile, installation), terminal);
  const daemon = await import('./operator/daemon.ts');
  const settings = [...defines.map((define) => `-D${define}`), ...sets.map((set) => `--set=${set}`)];
  const request = { installation, configFile, settings };
  if (action === 'start') return daemon.start(request, terminal);
  if (action === 'restart') return daemon.restart(request, terminal);
  if (action === 'stop') return daemon.stop(configFile, installation, terminal);
  terminal.out(`${daemon.commandOf(request).map((word) => `"${word}"`).join(' ')}\n`);
  return 0;
}

function runningAs(configFile: string, installation: Installation): number | null {
  const pidFile = pidFileOf(configFile, installation);
  return pidFile === null ? null : processIn(pidFile);
}
