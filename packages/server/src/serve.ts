import { DamageError, DataDirectoryError } from '@zk/store';
import { AdminServerError } from './admin/ports.ts';
import { describeProblem, type ServerConfig } from './config.ts';
import { ElectionPortError } from './endpoints.ts';
import { ExitCode } from './exit-code.ts';
import { createLog, logOptionsOf, type Log } from './log.ts';
import { ListenError } from './net/listen.ts';
import { SystemdNotifier } from './operator/notify.ts';
import { runServer, type RunningServer } from './server.ts';
import { SERVER_VERSION } from './version.ts';

/** Runs a server as this process, until a signal ends both. */
export async function serve(config: ServerConfig): Promise<void> {
  const log = createLog(logOptionsOf(process.env, process.stdout.isTTY)).child(config.ensemble === null ? {} : { sid: Number(config.sid) });
  for (const warning of config.warnings) log.warn(describeProblem(warning));
  const systemd = new SystemdNotifier(process.env, log);
  let server: RunningServer;
  try {
    server = await runServer({
      config,
      log,
      onTrace: (event) => {
        if (event.kind === 'serving') {
          tellLauncher({ serving: event.role });
          systemd.status(`serving as ${event.role}`);
        }
        if (event.kind === 'role' && event.role === 'looking') systemd.status('looking for a quorum');
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
  tellLauncher({ started: true });
  systemd.ready(config.ensemble === null ? 'serving as standalone' : 'looking for a quorum');
  stopOnSignals(server, log, systemd);
}

/** A launcher may be there, and may be gone a moment later: that is no error here. */
function tellLauncher(message: { serving: string } | { started: true }): void {
  if (process.connected) process.send?.(message, undefined, undefined, () => {});
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

/** What an operator can do about damage that nobody else can mend. */
const repairAdvice = ({ file }: DamageError): string => `The data are left as they are. Nobody else has them, so there are two ways on:
  zk-server restore <backup> <an empty dataDir>   a backup, if there is one (docs/OPERATIONS.md, Back up and restore)
  zk-server log repair ${shellWord(file)}
                                                  says what can be kept and what would be lost; changes nothing by itself
Exiting abnormally`;

const shellWord = (path: string): string => (/^[\w./-]+$/.test(path) ? path : `'${path.replaceAll("'", "'\\''")}'`);

function verdictOn(error: unknown): { code: number; advice: string | null } {
  if (error instanceof DataDirectoryError) return { code: ExitCode.DATA_DIRECTORY, advice: 'Unable to access datadir, exiting abnormally' };
  if (error instanceof AdminServerError) return { code: ExitCode.ADMIN_SERVER, advice: 'Unable to start AdminServer, exiting abnormally' };
  if (error instanceof ElectionPortError) return { code: ExitCode.ELECTION_PORT, advice: 'Unable to listen for elections, exiting abnormally' };
  if (error instanceof ListenError) return { code: ExitCode.UNEXPECTED, advice: 'Stop the other process or change the port in the configuration, exiting abnormally' };
  if (error instanceof DamageError) return { code: ExitCode.UNEXPECTED, advice: repairAdvice(error) };
  return { code: ExitCode.UNEXPECTED, advice: null };
}

/** The first signal stops cleanly, the second at once. Losing the launcher that started us counts as a signal. */
function stopOnSignals(server: RunningServer, log: Log, systemd: SystemdNotifier): void {
  let isStopping = false;
  const stop = (cause: string): void => {
    if (isStopping) process.exit(ExitCode.UNEXPECTED);
    isStopping = true;
    log.info({ cause }, 'stopping');
    systemd.stopping();
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
  const abandoned = (): void => {
    if (!isStopping) stop('the launcher is gone');
  };
  process.on('disconnect', abandoned);
  process.on('message', (message: { release?: boolean }) => {
    if (message.release) process.off('disconnect', abandoned); // started in the background: it outlives its launcher
  });
}
