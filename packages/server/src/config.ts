export { loadConfig, parseConfig, type LoadOptions, type ServerConfig } from './config/load.ts';
export { KEYS, type KeyName, type KeySpec, type Support } from './config/keys.ts';
export { ConfigError, describeProblem, type Problem } from './config/problems.ts';
