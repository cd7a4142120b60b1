import { ErrorCode, GetEphemeralsRequest, Perms, WhoAmIResponse, type Id } from '@zk/protocol';
import type { ReadOperation } from './read-operation.ts';

/** Whatever xid a ping has, its reply has this one. */
const PING_XID = -2;

export const ping: ReadOperation = (_request, _xid, { replies }) => replies.header(PING_XID);

/** Waiting is the pipeline's business: by the time this answers, what sync waits for has happened (client.md 7.6). */
export const sync: ReadOperation = (request, xid, { replies }) => {
  const path = request.string();
  replies.body().ustring(path);
  return replies.finish(xid);
};

/** How many nodes are below this one. */
export const getAllChildrenNumber: ReadOperation = (request, xid, context) => {
  const { tree, replies } = context;
  const path = request.string();
  const node = tree.node(path);
  if (!node) return replies.header(xid, ErrorCode.NONODE);
  if (!context.allows(node.acl, Perms.READ)) return replies.header(xid, ErrorCode.NOAUTH);
  // By its other name the root counts itself: there is a "/" below "", as Apache sees it.
  replies.body().int(tree.allChildrenNumber(path) + (path === '' ? 1 : 0));
  return replies.finish(xid);
};

/** The caller's own ephemerals below a plain string prefix. */
export const getEphemerals: ReadOperation = (request, xid, { tree, replies, session }) => {
  const prefix = GetEphemeralsRequest.read(request).prefixPath ?? '';
  const everything = prefix.trim() === '' || prefix === '/';
  const paths = [...tree.ephemeralsOf(session)].filter((path) => everything || path.startsWith(prefix));
  const body = replies.body();
  body.int(paths.length);
  for (const path of paths) body.ustring(path);
  return replies.finish(xid);
};

export const whoAmI: ReadOperation = (_request, xid, { replies, ids }) =>
  replies.record(xid, WhoAmIResponse, { clientInfo: ids.map((id) => ({ authScheme: id.scheme, user: userOf(id) })) });

/** The name an id stands for, without what is secret about it. */
export function userOf({ scheme, id }: Id): string {
  const colon = id.indexOf(':');
  return scheme === 'digest' && colon >= 0 ? id.slice(0, colon) : id;
}
