import { KeeperError, type ErrorName } from '@zk/protocol';

/** A command that failed, in words for the person who typed it. */
export class CliError extends Error {
  override readonly name = 'CliError';
  /** Exit status of a zk-cli that ends with this. */
  readonly exitCode: number;

  constructor(message: string, exitCode = 1) {
    super(message);
    this.exitCode = exitCode;
  }
}

/** What Apache's zkCli says (CliWrapperException). */
const TEXTS: { readonly [code in ErrorName]?: (path: string | undefined) => string } = {
  NONODE: (path) => `Node does not exist: ${path}`,
  NOCHILDRENFOREPHEMERALS: (path) => `Ephemerals cannot have children: ${path}`,
  NODEEXISTS: (path) => `Node already exists: ${path}`,
  NOTEMPTY: (path) => `Node not empty: ${path}`,
  NOTREADONLY: (path) => `Not a read-only call: ${path}`,
  INVALIDACL: (path) => `Acl is not valid : ${path}`,
  NOAUTH: (path) => `Insufficient permission : ${path}`,
  BADARGUMENTS: (path) => (path && whyMalformed(path)) || `Arguments are not valid : ${path}`,
  BADVERSION: (path) => `version No is not valid : ${path}`,
  RECONFIGINPROGRESS: () => 'Another reconfiguration is in progress -- concurrent reconfigs not supported (yet)',
  NEWCONFIGNOQUORUM: () =>
    'No quorum of new config is connected and up-to-date with the leader of last committed config - try invoking ' +
    'reconfiguration after new servers are connected and synced',
  QUOTAEXCEEDED: (path) => `Quota has exceeded : ${path}`,
};

/** The names in Java's messages, where they are not simply ours in another case (KeeperException). */
const JAVA_NAMES: { readonly [code in ErrorName]?: string } = {
  CONNECTIONLOSS: 'ConnectionLoss',
  SYSTEMERROR: 'SystemError',
  RUNTIMEINCONSISTENCY: 'RuntimeInconsistency',
  DATAINCONSISTENCY: 'DataInconsistency',
  MARSHALLINGERROR: 'MarshallingError',
  OPERATIONTIMEOUT: 'OperationTimeout',
  UNIMPLEMENTED: 'Unimplemented',
  APIERROR: 'APIError',
  INVALIDACL: 'InvalidACL',
  NOAUTH: 'NoAuth',
  NONODE: 'NoNode',
  BADVERSION: 'BadVersion',
  AUTHFAILED: 'AuthFailed',
  SESSIONEXPIRED: 'Session expired',
  SESSIONMOVED: 'Session moved',
  EPHEMERALONLOCALSESSION: 'Ephemeral node on local session',
  NOWATCHER: 'No such watcher',
  RECONFIGDISABLED: 'Reconfig is disabled',
  SESSIONCLOSEDREQUIRESASLAUTH: 'Session closed because client failed to authenticate',
  THROTTLEDOP: 'Op throttled due to high load',
};

export function keeperErrorText({ code, path }: KeeperError): string {
  return `KeeperErrorCode = ${JAVA_NAMES[code] ?? code}${path ? ` for ${path}` : ''}`;
}

/** One line for people, whatever went wrong. */
export function messageOf(error: unknown): string {
  if (error instanceof KeeperError) return TEXTS[error.code]?.(error.path) ?? keeperErrorText(error);
  return error instanceof Error ? error.message : String(error);
}

/** What is wrong with a path, in the words of Apache's clients (PathUtils.validatePath); undefined when nothing is. */
export function whyMalformed(path: string): string | undefined {
  if (path === '') return 'Path length must be > 0';
  if (!path.startsWith('/')) return 'Path must start with / character';
  if (path === '/') return undefined;
  if (path.endsWith('/')) return 'Path must not end with / character';
  const reasons: readonly [RegExp, string, number][] = [
    [/\0/, 'null character not allowed', 0],
    [/\/\//, 'empty node name specified', 1],
    [/\/\.\.(?=\/|$)/, 'relative paths not allowed', 2],
    [/\/\.(?=\/|$)/, 'relative paths not allowed', 1],
    [/[\u0001-\u001f\u007f-\u009f\ud800-\uf8ff\ufff0-\uffff]/, 'invalid character', 0],
  ];
  const found = reasons
    .map(([pattern, reason, into]) => ({ reason, at: path.search(pattern), into }))
    .filter(({ at }) => at >= 0)
    .sort((a, b) => a.at + a.into - (b.at + b.into))[0];
  return found && `Invalid path string "${path}" caused by ${found.reason} @${found.at + found.into}`;
}
