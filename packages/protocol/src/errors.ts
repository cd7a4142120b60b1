/** Every code of KeeperException, with the names the documentation and the command line use. */
export const ErrorCode = {
  OK: 0,
  SYSTEMERROR: -1,
  RUNTIMEINCONSISTENCY: -2,
  DATAINCONSISTENCY: -3,
  CONNECTIONLOSS: -4,
  MARSHALLINGERROR: -5,
  UNIMPLEMENTED: -6,
  OPERATIONTIMEOUT: -7,
  BADARGUMENTS: -8,
  INVALIDSTATE: -9,
  UNKNOWNSESSION: -12,
  NEWCONFIGNOQUORUM: -13,
  RECONFIGINPROGRESS: -14,
  APIERROR: -100,
  NONODE: -101,
  NOAUTH: -102,
  BADVERSION: -103,
  NOCHILDRENFOREPHEMERALS: -108,
  NODEEXISTS: -110,
  NOTEMPTY: -111,
  SESSIONEXPIRED: -112,
  INVALIDCALLBACK: -113,
  INVALIDACL: -114,
  AUTHFAILED: -115,
  CLOSING: -116,
  NOTHING: -117,
  SESSIONMOVED: -118,
  NOTREADONLY: -119,
  EPHEMERALONLOCALSESSION: -120,
  NOWATCHER: -121,
  REQUESTTIMEOUT: -122,
  RECONFIGDISABLED: -123,
  SESSIONCLOSEDREQUIRESASLAUTH: -124,
  QUOTAEXCEEDED: -125,
  THROTTLEDOP: -127,
} as const;

export type ErrorName = keyof typeof ErrorCode;

const names = new Map<number, ErrorName>(Object.entries(ErrorCode).map(([name, code]) => [code, name as ErrorName]));

/** The name of a code in a reply or txn; undefined for one this version does not know. */
export function errorName(errno: number): ErrorName | undefined {
  return names.get(errno);
}

/** An answer, not a fault: a request that cannot be done. Its errno goes into the reply. `NONODE /app/config` */
export class KeeperError extends Error {
  override readonly name = 'KeeperError';
  readonly code: ErrorName;
  /** The number on the wire. */
  readonly errno: number;
  readonly path?: string;

  constructor(code: ErrorName, path?: string) {
    super(path === undefined ? code : `${code} ${path}`);
    this.code = code;
    this.errno = ErrorCode[code];
    this.path = path;
  }
}
