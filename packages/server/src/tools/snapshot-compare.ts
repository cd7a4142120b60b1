import { hex, isUnder, type ACL, type StatPersisted } from '@zk/protocol';
import type { DataTree } from '@zk/tree';
import { compareSizes } from './compare-sizes.ts';
import { loadState } from './load-state.ts';
import { walk } from './nodes.ts';
import { LineOutput } from './output.ts';
import { sourceOf } from './source.ts';
import { ToolExit, type ToolCall } from './tool.ts';
import { counted, countFrom, jsonLine, pathFrom } from './values.ts';

/** One difference; `what` names the fields of a znode that both have. */
interface Difference {
  readonly path: string;
  readonly kind: 'onlyLeft' | 'onlyRight' | 'changed';
  readonly what: readonly string[];
}

/** `snapshot compare`: where two trees differ. Exit code 1 when they do. */
export function compareSnapshots(call: ToolCall): number {
  const [left, right] = call.operands.map((operand) => loadState(sourceOf(operand), null, call.progress).tree) as [DataTree, DataTree];
  const [bytes, nodes] = [call.value('bytes'), call.value('nodes')];
  const output = new LineOutput(call.terminal);
  if (bytes !== null || nodes !== null) {
    compareSizes(left, right, { bytes: countFrom(bytes ?? '0', 'bytes'), nodes: countFrom(nodes ?? '0', 'nodes') }, (line) => output.line(line));
    output.flush();
    return ToolExit.DONE;
  }
  const under = pathFrom(call.value('path') ?? '/');
  const counts = { onlyLeft: 0, onlyRight: 0, changed: 0 };
  const json = call.isSet('json');
  for (const difference of differences(left, right, call.isSet('data-only'))) {
    if (!isUnder(difference.path, under)) continue;
    counts[difference.kind] += 1;
    output.line(json ? jsonLine(difference) : textOf(difference));
  }
  const sessions = under === '/' && !call.isSet('data-only') ? sessionDifferences(left, right) : [];
  for (const { session, kind } of sessions) output.line(json ? jsonLine({ session: hex(session), kind }) : `${SIGNS[kind]} session ${hex(session)}`);
  const isSame = counts.onlyLeft + counts.onlyRight + counts.changed + sessions.length === 0;
  if (!json) output.line(isSame ? `The same: ${counted(left.nodeCount, 'znode')}.` : `${counts.onlyLeft} only left, ${counts.onlyRight} only right, ${counts.changed} differ; ${counted(sessions.length, 'session')} on one side.`);
  output.flush();
  return isSame ? ToolExit.DONE : ToolExit.FAILED;
}

const SIGNS = { onlyLeft: '-', onlyRight: '+', changed: '~' } as const;

const textOf = ({ path, kind, what }: Difference): string => `${SIGNS[kind]} ${path}${what.length === 0 ? '' : `  ${what.join(' ')}`}`;

/** By path, what is on one side only as well. /zookeeper/config is every server's own. */
function* differences(left: DataTree, right: DataTree, dataOnly: boolean): Generator<Difference> {
  for (const { path, data, stat } of walk(left)) {
    const shown = path || '/';
    const other = right.node(path);
    if (other === undefined) yield { path: shown, kind: 'onlyLeft', what: [] };
    else if (path !== '/zookeeper/config') {
      const what = [
        ...(sameBytes(data, other.data) ? [] : ['data']),
        ...(dataOnly ? [] : [...(sameAcl(left.node(path)?.acl ?? [], other.acl) ? [] : ['acl']), ...statDifferences(stat, other.persisted())]),
      ];
      if (what.length > 0) yield { path: shown, kind: 'changed', what };
    }
  }
  for (const { path } of walk(right)) if (left.node(path) === undefined) yield { path: path || '/', kind: 'onlyRight', what: [] };
}

function sameBytes(one: Buffer | null, other: Buffer | null): boolean {
  return one === null || other === null ? one === other : one.equals(other);
}

function sameAcl(one: readonly ACL[], other: readonly ACL[]): boolean {
  const isSame = (entry: ACL, twin: ACL | undefined): boolean => entry.perms === twin?.perms && entry.id.scheme === twin.id.scheme && entry.id.id === twin.id.id;
  return one.length === other.length && one.every((entry, index) => isSame(entry, other[index]));
}

function statDifferences(one: StatPersisted, other: StatPersisted): string[] {
  return (Object.keys(one) as (keyof StatPersisted)[]).filter((field) => one[field] !== other[field]);
}

function sessionDifferences(left: DataTree, right: DataTree): { session: bigint; kind: 'onlyLeft' | 'onlyRight' }[] {
  const missing = (from: DataTree, than: DataTree): bigint[] => [...from.sessions.keys()].filter((id) => !than.sessions.has(id));
  return [
    ...missing(left, right).map((session) => ({ session, kind: 'onlyLeft' as const })),
    ...missing(right, left).map((session) => ({ session, kind: 'onlyRight' as const })),
  ];
}
