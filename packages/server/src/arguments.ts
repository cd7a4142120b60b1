/** What was asked for on the command line. */
export type Invocation =
  | { readonly kind: 'run'; readonly file: string; readonly defines: string[]; readonly sets: string[] }
  /** `port datadir [ticktime] [maxcnxns]`, ZooKeeper's short form of a standalone server. */
  | { readonly kind: 'short'; readonly text: string; readonly defines: string[]; readonly sets: string[] }
  | { readonly kind: 'help' }
  | { readonly kind: 'version' }
  | { readonly kind: 'wrong'; readonly reason: string };

export const USAGE = `Usage: zk-server <zoo.cfg> [--set key=value]... [-Dzookeeper.key=value]...
       zk-server <port> <datadir> [ticktime] [maxcnxns]

  --set key=value          as if it were the last line of zoo.cfg
  -Dzookeeper.key=value    a system property of Apache ZooKeeper; zoo.cfg overrides it
  --help, --version

Environment: LOG_LEVEL (trace debug info warn error), LOG_FORMAT (pretty json), SERVER_JVMFLAGS and JVMFLAGS (their -D are read).
`;

/** @param args without node and the script; @param env for the flags that container images pass there */
export function parseArguments(args: readonly string[], env: NodeJS.ProcessEnv = {}): Invocation {
  const flags = `${env['JVMFLAGS'] ?? ''} ${env['SERVER_JVMFLAGS'] ?? ''}`.split(/\s+/);
  const defines = flags.filter((flag) => /^-D./.test(flag)).map((flag) => flag.slice(2));
  const sets: string[] = [];
  const words: string[] = [];
  for (let i = 0; i < args.length; i++) {
    const arg = args[i] as string;
    if (arg === '--help' || arg === '-h') return { kind: 'help' };
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

function invocationOf(words: readonly string[], defines: string[], sets: string[]): Invocation {
  const [first, dataDir, tickTime, maxCnxns, ...others] = words;
  if (first === undefined) return { kind: 'wrong', reason: 'no configuration file given' };
  if (dataDir === undefined) return { kind: 'run', file: first, defines, sets };
  if (!/^\d+$/.test(first) || others.length > 0) return { kind: 'wrong', reason: `one configuration file is enough, not ${words.join(' ')}` };
  const lines = [`clientPort=${first}`, `dataDir=${dataDir.replaceAll('\\', '\\\\')}`, `maxClientCnxns=${maxCnxns ?? 0}`];
  if (tickTime !== undefined) lines.push(`tickTime=${tickTime}`);
  return { kind: 'short', text: lines.join('\n'), defines, sets };
}
