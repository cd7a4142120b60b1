import type { Tool, ToolOption } from './tool.ts';

const JSON_OPTION: ToolOption = { name: 'json', about: 'one JSON object a line, for programs; zxids and session ids as "0x…"' };
const YES: ToolOption = { name: 'yes', about: 'do it; without this it only says what it would do' };
const LOG_DIR: ToolOption = { name: 'log-dir', value: '<dir>', about: 'where the logs are (dataLogDir), when they are not beside the snapshots' };
const AT: ToolOption = { name: 'at', value: '<zxid|time>', about: 'of a directory: as it was then, instead of now' };
const PATH: ToolOption = { name: 'path', value: '<path>', about: 'only this znode and what is below it' };
const COMPRESSION: ToolOption = { name: 'compression', value: 'none|gz|snappy', about: 'of the snapshot; Apache reads each' };

const SOURCE = `A source is a data directory, the version-2 in it, a zoo.cfg that names them, or a snapshot file of any release (plain,
.gz, .snappy). It is only read, and its server may be running.`;
const READS = `Reads what Apache's servers and this one have written. A directory means its logs, oldest first; a zoo.cfg its dataLogDir.`;

/** Every tool, in the order of the help. */
export const TOOLS: readonly Tool[] = [
  {
    name: 'log dump',
    operands: '<file|dir|zoo.cfg>...',
    operandCount: { least: 1, most: Infinity },
    summary: 'the txns of logs, one a line',
    about: `${READS}\nDamage is reported on standard error and skipped: the exit code is then 1.`,
    options: [
      { name: 'from', value: '<zxid>', about: 'not before this txn: 0x3b, or decimal' },
      { name: 'to', value: '<zxid>', about: 'not after this one' },
      { name: 'path', value: '<path>', about: 'only txns on this znode and those below it, also in a multi or at the end of a session' },
      { name: 'session', value: '<id>', about: 'only those of this session' },
      { name: 'data', about: 'show data and digests, not sizes alone' },
      JSON_OPTION,
    ],
    examples: ['zk-server log dump /var/lib/zookeeper --path /app/config --data', "zk-server log dump log.3c --json | jq 'select(.type == \"delete\")'"],
    load: async () => (await import('./log-dump.ts')).dumpLogs,
  },
  {
    name: 'log verify',
    operands: '<file|dir|zoo.cfg>...',
    operandCount: { least: 1, most: Infinity },
    summary: 'whether logs and snapshots are readable and belong together',
    about: `${READS}
Headers, checksums, padding, order and holes of every log; seals and digests of every snapshot; and for a directory the
digest after every txn that a start would replay. A torn tail is no fault: a crash leaves it, and the next start cuts it off.
Exit code 0: all is well. 1: something is damaged or missing.`,
    options: [LOG_DIR, JSON_OPTION],
    examples: ['zk-server log verify conf/zoo.cfg'],
    load: async () => (await import('./log-verify.ts')).verifyLogs,
  },
  {
    name: 'log repair',
    operands: '<file|dir|zoo.cfg>',
    operandCount: { least: 1, most: 1 },
    summary: 'keep what can be kept of a damaged log',
    about: `For a standalone server that does not start because of damage. (A member of an ensemble needs no repair: it gets the
history from its leader.) Keeps the longest history that continues the newest snapshot without a gap, says which txns are
lost, and leaves the originals in version-2/damaged.<zxid>. A file means the directory it is in.
Exit code 0: nothing is lost, or --accept-loss was given. 1: txns would be lost that may have been acknowledged.`,
    options: [YES, { name: 'accept-loss', about: 'also when txns are lost that may have been acknowledged' }, LOG_DIR, JSON_OPTION],
    examples: ['zk-server log repair /var/lib/zookeeper', 'zk-server log repair /var/lib/zookeeper --accept-loss --yes'],
    load: async () => (await import('./log-repair.ts')).repairLogs,
  },
  {
    name: 'log truncate',
    operands: '<dir|zoo.cfg>',
    operandCount: { least: 1, most: 1 },
    summary: 'forget every txn after one',
    about: `Cuts the logs behind that txn and takes snapshots away that hold anything newer. The originals are left in
version-2/truncated.<zxid>. The server must be stopped. Of an ensemble, do it to all members: one alone gets back what it forgot.`,
    options: [{ name: 'at', value: '<zxid>', about: 'the last txn to keep' }, YES, LOG_DIR, JSON_OPTION],
    examples: ['zk-server log truncate /var/lib/zookeeper --at 0x500000a3f --yes'],
    load: async () => (await import('./log-truncate.ts')).truncateLogs,
  },
  {
    name: 'snapshot dump',
    operands: '<source>',
    operandCount: { least: 1, most: 1 },
    summary: 'sessions and znodes, one a line',
    about: SOURCE,
    options: [PATH, { name: 'data', value: 'size|text|base64', about: 'how data are shown; size unless given' }, { name: 'acl', about: 'with ACLs' }, AT, LOG_DIR, JSON_OPTION],
    examples: ['zk-server snapshot dump snapshot.3b --path /app --data text', 'zk-server snapshot dump conf/zoo.cfg --at 2026-11-21T14:00:00Z --json'],
    load: async () => (await import('./snapshot-dump.ts')).dumpSnapshot,
  },
  {
    name: 'snapshot compare',
    operands: '<source> <source>',
    operandCount: { least: 2, most: 2 },
    summary: 'where two trees differ, znode by znode',
    about: `${SOURCE}
- is on the left only, + on the right only, ~ differs in the fields named. Exit code 0: the same. 1: they differ.
With --bytes or --nodes: how subtrees have grown, level by level, as Apache's SnapshotComparer prints it; exit code 0.`,
    options: [
      PATH,
      { name: 'data-only', about: 'not stats, ACLs and sessions' },
      { name: 'bytes', value: '<n>', about: 'subtrees that differ by more bytes than this' },
      { name: 'nodes', value: '<n>', about: 'subtrees that differ by more znodes than this' },
      JSON_OPTION,
    ],
    examples: ['zk-server snapshot compare yesterday/ /var/lib/zookeeper'],
    load: async () => (await import('./snapshot-compare.ts')).compareSnapshots,
  },
  {
    name: 'snapshot summary',
    operands: '<source>',
    operandCount: { least: 1, most: 1 },
    summary: 'znodes, bytes and ephemerals by subtree',
    about: SOURCE,
    options: [PATH, { name: 'depth', value: '<n>', about: 'levels to show below the root, 0 for all; 1 unless given' }, AT, LOG_DIR, JSON_OPTION],
    examples: ['zk-server snapshot summary /var/lib/zookeeper --path /kafka --depth 2'],
    load: async () => (await import('./snapshot-summary.ts')).summarizeSnapshot,
  },
  {
    name: 'snapshot import',
    operands: '<source> <dataDir>',
    operandCount: { least: 2, most: 2 },
    summary: 'a data directory made of a snapshot, with its log if there is one',
    about: `${SOURCE}
The new directory has one snapshot, exact as of one txn. It must not have data in it yet; a myid may be there.`,
    options: [COMPRESSION, AT, LOG_DIR, JSON_OPTION],
    examples: ['zk-server snapshot import snapshot.3b.gz /var/lib/zookeeper', 'zk-server snapshot import /old/apache/data /var/lib/zookeeper --log-dir /old/apache/log'],
    load: async () => (await import('./export.ts')).makeDirectory,
  },
  {
    name: 'snapshot export',
    operands: '<source> <dataDir>',
    operandCount: { least: 2, most: 2 },
    summary: "a data directory that Apache's server starts on; zk-server export for short",
    about: `${SOURCE}
Everything up to the last txn of the log is in it, as one snapshot in Apache's format, with the epoch files of a member of
an ensemble. (Apache can also be started on a stopped server's own directory: its formats are Apache's.)`,
    options: [COMPRESSION, AT, { name: 'epoch', value: '<n>', about: 'at least this one as acceptedEpoch: when the ensemble went on after the source was copied' }, LOG_DIR, JSON_OPTION],
    examples: ['zk-server export conf/zoo.cfg /tmp/for-apache'],
    load: async () => (await import('./export.ts')).makeDirectory,
  },
  {
    name: 'backup',
    operands: '<dataDir|zoo.cfg> <target>',
    operandCount: { least: 2, most: 2 },
    summary: 'add what is new to a backup, of a running server too',
    about: `The first run copies the newest snapshot and every log behind it; later ones what has been added since. All of it is read
and checked on the way, and what is in the backup is never more than what was in the log. The target is laid out as a data
directory: every tool reads it, and so does a server. From it, zk-server restore goes back to any txn or time since the
first run. Run it more often than the server purges its logs; old backups are yours to remove.`,
    options: [LOG_DIR, JSON_OPTION],
    examples: ['zk-server backup conf/zoo.cfg /backup/zk1'],
    load: async () => (await import('./backup.ts')).backup,
  },
  {
    name: 'restore',
    operands: '<backup> <dataDir>',
    operandCount: { least: 2, most: 2 },
    summary: 'a data directory as it was at one txn or time; a dry run unless --yes',
    about: `Says what the result will be: its last txn and time, znodes and sessions, and what is left out. The directory must not have
data in it, and no server may run on it. An ensemble: stop all members, empty their version-2 directories, restore the same
to each, start them in any order. Sessions live on with a new timeout; clients that had seen later txns of a standalone
server have to be restarted, for they refuse to go back in time.`,
    options: [
      { name: 'at', value: '<zxid|time|latest>', about: 'the last txn to restore, or a time: 2026-11-21T14:00:00Z; latest unless given' },
      YES,
      COMPRESSION,
      { name: 'epoch', value: '<n>', about: 'at least this one as acceptedEpoch: when the ensemble had elections after the last backup' },
      LOG_DIR,
      JSON_OPTION,
    ],
    examples: ['zk-server restore --at 2026-11-21T13:59:00Z /backup/zk1 /var/lib/zookeeper', 'zk-server restore --at 0x500000a3f /backup/zk1 /var/lib/zookeeper --yes'],
    load: async () => (await import('./restore.ts')).restore,
  },
];

/** The tool that words name, and how many of them do; `null`: no such tool. */
export function toolNamed(words: readonly string[]): { tool: Tool; used: number } | null {
  const name = words[0] === 'export' ? 'snapshot export' : null;
  for (const used of [2, 1]) {
    const tool = TOOLS.find((one) => one.name === (name !== null && used === 1 ? name : words.slice(0, used).join(' ')));
    if (tool !== undefined) return { tool, used };
  }
  return null;
}
