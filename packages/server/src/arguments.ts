import { TOOL_GROUPS } from './tools/groups.ts';

/** What `zk-server <word>` can do beside running a server. */
export const ACTIONS = [
  { name: 'start', summary: 'run it in the background' },
  { name: 'start-foreground', summary: 'run it here, as zk-server <zoo.cfg> does' },
  { name: 'stop', summary: 'end the one in the background; waits until it has ended' },
  { name: 'restart', summary: 'stop, then start' },
  { name: 'status', summary: 'leader, follower, observer or standalone, asked over its client port' },
  { name: 'check', summary: 'what is wrong with a configuration, its ports, directories and peers; starts nothing' },
  { name: 'init', summary: 'empty data directories and a myid' },
  { name: 'cleanup', summary: 'remove old snapshots and logs' },
  { name: 'version', summary: 'this program and the release it is compatible with' },
  { name: 'print-cmd', summary: 'the command that start runs' },
  { name: 'backup', summary: 'add what is new in a data directory to a backup; the server may be running' },
  { name: 'restore', summary: 'a data directory as it was at one txn or time' },
  { name: 'export', summary: "a data directory for Apache's server" },
  { name: 'log', summary: 'log dump, verify, repair, truncate: transaction logs' },
  { name: 'snapshot', summary: 'snapshot dump, compare, summary, import, export: trees' },
  { name: 'completion', summary: 'a script for bash, zsh or fish that completes all of this' },
] as const;

export type ActionName = (typeof ACTIONS)[number]['name'];

/** They have options of their own. */
const WITH_OWN_OPTIONS: ReadonlySet<string> = new Set(['init', 'cleanup', 'completion', ...TOOL_GROUPS] satisfies ActionName[]);

/** What was asked for on the command line. */
export type Invocation =
  | { readonly kind: 'run'; readonly file: string; readonly defines: string[]; readonly sets: string[] }
  /** `port datadir [ticktime] [maxcnxns]`, ZooKeeper's short form of a standalone server. */
  | { readonly kind: 'short'; readonly text: string; readonly defines: string[]; readonly sets: string[] }
  /** `file`: as named by the user, `null` for the usual one. */
  | { readonly kind: 'action'; readonly action: ActionName; readonly file: string | null; readonly defines: string[]; readonly sets: string[] }
  | { readonly kind: 'raw'; readonly action: ActionName; readonly words: readonly string[] }
  | { readonly kind: 'help' }
  | { readonly kind: 'version' }
  | { readonly kind: 'wrong'; readonly reason: string };

const actionLines = ACTIONS.map(({ name, summary }) => `  ${name.padEnd(18)}${summary}\n`).join('');

export const USAGE = `A ZooKeeper server: same zoo.cfg, same ports, same data directory, every client unchanged.

Usage: zk-server <zoo.cfg> [--set key=value]... [-Dzookeeper.key=value]...
       zk-server <port> <datadir> [ticktime] [maxcnxns]
       zk-server <action> [zoo.cfg] [--set key=value]...

  zk-server check conf/zoo1.cfg && zk-server conf/zoo1.cfg
  zk-server 2181 /tmp/zookeeper              standalone, without a file
  zk-server start && zk-server status        conf/zoo.cfg, in the background

Actions:
${actionLines}
backup, restore, export, log … and snapshot … have a --help of their own.

Settings, the later ones overriding the earlier:
  -Dzookeeper.key=value   a system property of Apache ZooKeeper, also from SERVER_JVMFLAGS and JVMFLAGS
  zoo.cfg                 docs/COMPATIBILITY.md lists every key
  ZK_SET_<key>=value      in the environment; dots of the key become _: ZK_SET_admin_serverPort=8081
  --set key=value         as if it were the last line of zoo.cfg

Environment:
  LOG_LEVEL               trace debug info warn error; info unless set
  LOG_FORMAT              pretty or json; pretty on a terminal, json elsewhere
  ZOOCFGDIR ZOOCFG        the file meant when none is named: conf/zoo.cfg
  ZOOPIDFILE              dataDir/zookeeper_server.pid unless set
  ZOO_LOG_DIR             where start puts the output; logs unless set

Exit codes:
  0 stopped when asked to, also by SIGTERM and SIGINT   1 unexpected, see the last log lines; a second signal
  2 wrong arguments or configuration   3 data directory unusable   4 AdminServer port taken (standalone)
  12 log and commits disagree   14 election port taken

More: docs/OPERATIONS.md
`;

/** @param args without node and the script; @param env for the flags that container images pass there */
export function parseArguments(args: readonly string[], env: NodeJS.ProcessEnv = {}): Invocation {
  const [first = '', ...rest] = args;
  if (isAction(first) && WITH_OWN_OPTIONS.has(first)) return { kind: 'raw', action: first, words: rest };
  const flags = `${env['JVMFLAGS'] ?? ''} ${env['SERVER_JVMFLAGS'] ?? ''}`.split(/\s+/);
  const defines = flags.filter((flag) => /^-D./.test(flag)).map((flag) => flag.slice(2));
  const sets: string[] = [];
  const words: string[] = [];
  for (let i = 0; i < args.length; i++) {
    const arg = args[i] as string;
    if (arg === '--help' || arg === '-h' || (arg === 'help' && i === 0)) return { kind: 'help' };
    if (arg === '--version') return { kind: 'version' };
    if (arg.startsWith('-D') && arg.length > 2) defines.push(arg.slice(2));
    else if (arg.startsWith('--set=')) sets.push(arg.slice('--set='.length));
    else if (arg === '--set' || arg === '-D') {
      const value = args[++i];
      if (value === undefined) return { kind: 'wrong', reason: `${arg} needs key=value` };
      (arg === '-D' ? defines : sets).push(value);
    } else if (arg.startsWith('-')) return { kind: 'wrong', reason: `unknown option ${arg}` };
    else words.push(arg);
  }
  return invocationOf(words, defines, sets);
}

function isAction(word: string): word is ActionName {
  return ACTIONS.some(({ name }) => name === word);
}

function invocationOf(words: readonly string[], defines: string[], sets: string[]): Invocation {
  const [first, second, third, fourth, ...others] = words;
  if (first === undefined) return { kind: 'wrong', reason: 'no configuration file given' };
  if (isAction(first)) {
    if (third !== undefined) return { kind: 'wrong', reason: `${first} takes one configuration file, not ${words.slice(1).join(' ')}` };
    return { kind: 'action', action: first, file: second ?? null, defines, sets };
  }
  if (second === undefined) return { kind: 'run', file: first, defines, sets };
  if (!/^\d+$/.test(first) || others.length > 0) return { kind: 'wrong', reason: `one configuration file is enough, not ${words.join(' ')}` };
  const lines = [`clientPort=${first}`, `dataDir=${second.replaceAll('\\', '\\\\')}`, `maxClientCnxns=${fourth ?? 0}`];
  if (third !== undefined) lines.push(`tickTime=${third}`);
  return { kind: 'short', text: lines.join('\n'), defines, sets };
}
