export { startServer, AdminServerError, ElectionPortError, type RunningServer, type ServerOptions } from './server.ts';
export { loadConfig, parseConfig, ConfigError, describeProblem, KEYS, type KeyName, type LoadOptions, type Problem, type ServerConfig } from './config.ts';
export { createLog, describeTrace, logOptionsOf, type Log, type LogOptions } from './log.ts';
export { ListenError } from './net/listen.ts';
export { main } from './main.ts';
export { ExitCode } from './exit-code.ts';
export { runEnsemble } from './ensemble.ts';
