import { DamageError, DataDirectoryError } from '@zk/store';
import { parseArguments, USAGE, type Invocation } from './arguments.ts';
import { ConfigError, describeProblem, loadConfig, parseConfig, type ServerConfig } from './config.ts';
import { createLog, logOptionsOf, type Log } from './log.ts';
import { ListenError } from './net/listen.ts';
import { AdminServerError, ElectionPortError, startServer, type RunningServer } from './server.ts';
import { SERVER_VERSION } from './version.ts';

/** What the process ends with (operations.md section 5). */
export const ExitCode = { FINISHED: 0, UNEXPECTED: 1, INVALID_INVOCATION: 2, DATA_DIRECTORY: 3, ADMIN_SERVER: 4, ELECTION_PORT: 14 } as const;

/** Runs a server until a signal ends it. @param args without node and the script */
export async function main(args: readonly string[]): Promise<void> {
  const invocation = parseArguments(args, process.env);
  if (invocation.kind === 'help') return void process.stdout.write(USAGE);
  if (invocation.kind === 'version') return void process.stdout.write(`${SERVER_VERSION}\n`);
  if (invocation.kind === 'wrong') {
    process.stderr.write(`${invocation.reason}\n\n${USAGE}`);
    process.exit(ExitCode.INVALID_INVOCATION);
  }
  const config = configOf(invocation);
  const log = createLog(logOptionsOf(process.env, process.stdout.isTTY)).child(config.ensemble === null ? {} : { sid: Number(config.sid) });
  for (const warning of config.warnings) log.warn(describeProblem(warning));
  await run(config, log);
}

function configOf(invocation: Extract<Invocation, { kind: 'run' | 'short' }>): ServerConfig {
  const { defines, sets } = invocation;
  try {
    if (invocation.kind === 'run') return loadConfig(invocation.file, { defines, sets });
    return parseConfig(invocation.text, { file: 'command line', path: null, defines, sets });
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    process.stderr.write(`${error.report()}\nInvalid config, exiting abnormally\n`);
    return process.exit(ExitCode.INVALID_INVOCATION);
  }
}

async function run(config: ServerConfig, log: Log): Promise<void> {
  let server: RunningServer;
  try {
    server = await startServer({
      config,
      log,
      onTrace: (event) => {
        if (event.kind === 'serving') process.send?.({ serving: event.role });
      },
      onFatal: (code, reason) => {
        log.fatal({ code, reason }, 'exiting');
        process.exit(code);
      },
    });
  } catch (error) {
    return failStart(error, log);
  }
  const { clientPort, adminPort } = server;
  log.info({ clientPort, adminPort, dataDir: config.dataDir, version: SERVER_VERSION }, 'started');
  stopOnSignals(server, log);
}

function failStart(error: unknown, log: Log): never {
  const reason = error instanceof Error ? error.message : String(error);
  const { code, advice } = verdictOn(error);
  if (advice === null) log.fatal({ err: error }, 'Unexpected exception, exiting abnormally');
  else {
    log.fatal({ reason }, 'not started');
    process.stderr.write(`${reason}\n${advice}\n`);
  }
  process.exit(code);
}

function verdictOn(error: unknown): { code: number; advice: string | null } {
  if (error instanceof DataDirectoryError) return { code: ExitCode.DATA_DIRECTORY, advice: 'Unable to access datadir, exiting abnormally' };
  if (error instanceof AdminServerError) return { code: ExitCode.ADMIN_SERVER, advice: 'Unable to start AdminServer, exiting abnormally' };
  if (error instanceof ElectionPortError) return { code: ExitCode.ELECTION_PORT, advice: 'Unable to listen for elections, exiting abnormally' };
  if (error instanceof ListenError) return { code: ExitCode.UNEXPECTED, advice: 'Stop the other process or change the port in the configuration, exiting abnormally' };
  if (error instanceof DamageError) return { code: ExitCode.UNEXPECTED, advice: 'The data are left as they are, exiting abnormally' };
  return { code: ExitCode.UNEXPECTED, advice: null };
}

/** The first signal stops cleanly, the second at once. Losing the launcher that started us counts as a signal. */
function stopOnSignals(server: RunningServer, log: Log): void {
  let isStopping = false;
  const stop = (cause: string): void => {
    if (isStopping) process.exit(ExitCode.UNEXPECTED);
    isStopping = true;
    log.info({ cause }, 'stopping');
    server.stop().then(
      () => {
        log.info('stopped');
        process.exit(ExitCode.FINISHED);
      },
      (error: unknown) => failStart(error, log),
    );
  };
  process.on('SIGTERM', stop);
  process.on('SIGINT', stop);
  process.on('disconnect', () => {
    if (!isStopping) stop('the launcher is gone');
  });
}
