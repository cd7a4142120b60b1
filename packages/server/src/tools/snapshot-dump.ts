import { hex, isUnder, type ACL, type ImageNode, type SessionId } from '@zk/protocol';
import { printable } from './data-text.ts';
import { showNodes } from './nodes.ts';
import { LineOutput } from './output.ts';
import { sourceOf } from './source.ts';
import { ToolExit, type ToolCall } from './tool.ts';
import { bytesText, isoTime, jsonLine, momentFrom, pathFrom, wordFrom } from './values.ts';

const DATA_FORMS = ['size', 'text', 'base64'] as const;
type DataForm = (typeof DATA_FORMS)[number];

const OPEN_ACL_ID = -1n;
const OPEN_ACL: readonly ACL[] = [{ perms: 31, id: { scheme: 'world', id: 'anyone' } }];

/** `snapshot dump`: sessions and znodes, one a line. */
export function dumpSnapshot(call: ToolCall): number {
  const source = sourceOf(call.operands[0] as string, call.value('log-dir'));
  const under = pathFrom(call.value('path') ?? '/');
  const form = wordFrom(call.value('data') ?? 'size', 'data', DATA_FORMS);
  const at = call.value('at');
  const json = call.isSet('json');
  const withAcl = call.isSet('acl') || json;
  const output = new LineOutput(call.terminal);
  const acls = new Map<bigint, readonly ACL[]>([[OPEN_ACL_ID, OPEN_ACL]]);
  const state = showNodes(source, at === null ? null : momentFrom(at), {
    onSession: (id: SessionId, timeOut: number) => {
      if (under === '/') output.line(json ? jsonLine({ session: hex(id), timeOut }) : `session ${hex(id)}  timeout ${timeOut} ms`);
    },
    onAcl: (id: bigint, acl: ACL[]) => void acls.set(id, acl),
    onNode: (node: ImageNode) => {
      if (!isUnder(node.path || '/', under)) return;
      const acl = withAcl ? (acls.get(node.aclId) ?? []) : null;
      output.line(json ? jsonOf(node, form, acl) : textOf(node, form, acl));
    },
  }, call.progress);
  const digest = state.digest === null ? null : String(BigInt.asUintN(64, state.digest));
  if (json) output.line(jsonLine({ lastZxid: state.lastZxid, reach: state.reach, digest }));
  else output.line(`last zxid ${hex(state.lastZxid)}${state.reach > state.lastZxid ? `; fuzzy: may hold txns up to ${hex(state.reach)}` : ''}${digest === null ? '' : `; digest ${digest}`}`);
  output.flush();
  return ToolExit.DONE;
}

function textOf({ path, data, stat }: ImageNode, form: DataForm, acl: readonly ACL[] | null): string {
  const content = data === null ? 'null' : form === 'size' || data.length === 0 ? bytesText(data.length) : form === 'text' ? printable(data) : data.toString('base64');
  const owner = stat.ephemeralOwner === 0n ? '' : `  owner ${hex(stat.ephemeralOwner)}`;
  const rights = acl === null ? '' : `  acl ${acl.map(({ perms, id }) => `${id.scheme}:${id.id}:${perms}`).join(',')}`;
  return `${path || '/'}  ${content}  version ${stat.version}  mzxid ${hex(stat.mzxid)}  ${isoTime(Number(stat.mtime))}${owner}${rights}`;
}

function jsonOf({ path, data, stat }: ImageNode, form: DataForm, acl: readonly ACL[] | null): string {
  const content = form === 'size' ? {} : { data: data === null ? null : form === 'text' ? data.toString('utf8') : data.toString('base64') };
  const { ctime, mtime, ...rest } = stat;
  return jsonLine({ path: path || '/', bytes: data?.length ?? null, ...content, ...rest, ctime: Number(ctime), mtime: Number(mtime), acl: acl?.map(({ perms, id }) => ({ perms, ...id })) });
}
