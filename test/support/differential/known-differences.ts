import type { Step } from './play.ts';
import type { AclEntry, Request } from './requests.ts';

/** Where a client can tell our server from Apache 3.9.5, because it should be able to. docs/COMPATIBILITY.md shows this table. */
export interface KnownDifference {
  /** What a client does, what Apache's server makes of it, what ours does: the three columns of the table. */
  readonly request: string;
  readonly apache: string;
  readonly ours: string;
  /** Played to both servers by test/compat. Absent where Apache's answer is a matter of luck, or its server does not survive it. */
  readonly example?: { readonly steps: readonly Step[]; readonly apache: RegExp; readonly ours: RegExp };
}

const OPEN: AclEntry[] = [{ perms: 31, scheme: 'world', id: 'anyone' }];
const ask = (request: Request): Step => ({ kind: 'request', slot: 0, request });
const create = (path: string, acl: AclEntry[] | null = OPEN): Request => ({ op: 'create', path, data: null, acl, flags: 0 });

/** The expressions are matched with what the connection heard in the last step. */
export const KNOWN_DIFFERENCES: readonly KnownDifference[] = [
  {
    request: 'deleteContainer (20), which is the server’s own',
    apache: 'deletes the node, whatever its ACL says',
    ours: 'UNIMPLEMENTED like any unknown opcode, and the connection is closed',
    example: { steps: [ask(create('~/a')), ask({ op: 'deleteContainer', path: '~/a' })], apache: /deleteContainer: ok/, ours: /UNIMPLEMENTED zxid=-1, closed$/ },
  },
  {
    request: 'createSession (−10) on a connection that has its session',
    apache: 'a ConnectResponse in the middle of the replies',
    ours: 'UNIMPLEMENTED like any unknown opcode, and the connection is closed',
    example: { steps: [ask({ op: 'createSession' })], apache: /createSession: .* bytes more/, ours: /UNIMPLEMENTED zxid=-1, closed$/ },
  },
  {
    request: 'createTTL with flags of a node without TTL and a negative ttl',
    apache: 'the server ends, and again at every start',
    ours: 'BADARGUMENTS',
  },
  {
    request: 'null where a write has a path or the id of an ACL entry (no client library does)',
    apache: 'whatever the check says that meets it first, mostly MARSHALLINGERROR, and a zxid is used up',
    ours: 'MARSHALLINGERROR like any body that does not decode: no zxid',
    example: { steps: [ask({ op: 'delete', path: null, version: -1 })], apache: /delete: MARSHALLINGERROR zxid=\+2/, ours: /delete: MARSHALLINGERROR zxid=\+1/ },
  },
  {
    request: 'null as the path of addWatch, checkWatches, removeWatches, setWatches, sync, or in multiRead',
    apache: 'a path like any other, or half an answer',
    ours: 'MARSHALLINGERROR',
    example: { steps: [ask({ op: 'addWatch', path: null, mode: 0 })], apache: /addWatch: ok/, ours: /addWatch: MARSHALLINGERROR/ },
  },
  {
    request: 'an ACL entry with a null scheme next to other entries',
    apache: 'MARSHALLINGERROR, although INVALIDACL on its own',
    ours: 'INVALIDACL, wherever it stands',
    example: { steps: [ask(create('~/a', [...OPEN, { perms: 31, scheme: null, id: 'x' }]))], apache: /create: MARSHALLINGERROR/, ours: /create: INVALIDACL/ },
  },
  {
    request: 'setACL, and before its reply a request that the new ACL decides about',
    apache: 'decided by the old ACL if it comes quickly enough',
    ours: 'decided by the new ACL',
  },
  {
    request: 'createContainer with the flags of an ephemeral, and before its reply a child of it or closeSession',
    apache: 'taken for an ephemeral until it is applied: NOCHILDRENFOREPHEMERALS, or deleted with the session',
    ours: 'a container from the beginning',
  },
  {
    request: 'requests sent behind closeSession',
    apache: 'SESSIONEXPIRED for those that were read before the session was closed',
    ours: 'never executed or answered',
  },
  {
    request: 'characters beyond U+FFFF, sent as the Java client sends them, in what is echoed (sync, whoAmI, setWatches)',
    apache: 'two U+FFFD for each',
    ours: 'as they were sent, so that all members hold the same ACL ids',
  },
];

/** The table as it stands in docs/COMPATIBILITY.md. */
export function differencesTable(): string {
  const rows = KNOWN_DIFFERENCES.map(({ request, apache, ours }) => `| ${request} | ${apache} | ${ours} |`);
  return ['| a client sends | Apache 3.9.5 | here |', '|---|---|---|', ...rows].join('\n');
}
