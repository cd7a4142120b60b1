import { hex, isUnder, kindOfOwner, type ImageNode } from '@zk/protocol';
import { showNodes } from './nodes.ts';
import { LineOutput } from './output.ts';
import { sourceOf } from './source.ts';
import { ToolExit, type ToolCall } from './tool.ts';
import { countFrom, jsonLine, momentFrom, pathFrom } from './values.ts';

/** What a subtree adds up to, its root included. */
interface Totals {
  nodes: number;
  bytes: number;
  ephemerals: number;
  /** The newest change in it. */
  mzxid: bigint;
  isParent: boolean;
}

/** `snapshot summary`: how many znodes and bytes each subtree has, down to a depth. */
export function summarizeSnapshot(call: ToolCall): number {
  const source = sourceOf(call.operands[0] as string, call.value('log-dir'));
  const root = pathFrom(call.value('path') ?? '/');
  const depth = countFrom(call.value('depth') ?? '1', 'depth') || Infinity;
  const at = call.value('at');
  const totals = new Map<string, Totals>();
  const owners = new Map<bigint, number>();
  let sessions = 0;
  const state = showNodes(source, at === null ? null : momentFrom(at), {
    onSession: () => void sessions++,
    onAcl: () => {},
    onNode: (node) => {
      const path = node.path || '/';
      if (!isUnder(path, root)) return;
      const isEphemeral = kindOfOwner(node.stat.ephemeralOwner, true) === 'ephemeral';
      if (isEphemeral) owners.set(node.stat.ephemeralOwner, (owners.get(node.stat.ephemeralOwner) ?? 0) + 1);
      for (const place of placesOf(path, root, depth)) add(totals, place, node, isEphemeral, place !== path);
    },
  }, call.progress);
  const rows = [...totals].sort(([one], [other]) => (one < other ? -1 : 1));
  const output = new LineOutput(call.terminal);
  if (call.isSet('json')) {
    output.line(jsonLine({ lastZxid: state.lastZxid, sessions, sessionsWithEphemerals: owners.size }));
    for (const [path, { isParent: _, ...sums }] of rows) output.line(jsonLine({ path, ...sums }));
  } else {
    output.line(`last zxid ${hex(state.lastZxid)}, ${sessions} sessions, ${owners.size} of them with ephemerals`);
    table(rows).forEach((row) => output.line(row));
  }
  output.flush();
  return ToolExit.DONE;
}

/** The path itself and what is above it, from the root to `depth` below that. */
function* placesOf(path: string, root: string, depth: number): Generator<string> {
  yield root;
  const start = root === '/' ? 0 : root.length;
  for (let level = 1, at = start; level <= depth && at < path.length && path.length > 1; level++) {
    const end = path.indexOf('/', at + 1);
    at = end < 0 ? path.length : end;
    const place = path.slice(0, at);
    if (place !== root) yield place;
  }
}

function add(totals: Map<string, Totals>, place: string, { data, stat }: ImageNode, isEphemeral: boolean, isBelow: boolean): void {
  let sums = totals.get(place);
  if (sums === undefined) totals.set(place, (sums = { nodes: 0, bytes: 0, ephemerals: 0, mzxid: 0n, isParent: false }));
  sums.nodes += 1;
  sums.bytes += data?.length ?? 0;
  sums.ephemerals += isEphemeral ? 1 : 0;
  if (stat.mzxid > sums.mzxid) sums.mzxid = stat.mzxid;
  sums.isParent ||= isBelow;
}

function table(rows: readonly (readonly [string, Totals])[]): string[] {
  const cells = [
    ['path', 'znodes', 'bytes', 'ephemerals', 'last changed'],
    ...rows.map(([path, { nodes, bytes, ephemerals, mzxid }]) => [path, String(nodes), String(bytes), String(ephemerals), hex(mzxid)]),
  ];
  const widths = cells[0]?.map((_, column) => Math.max(...cells.map((row) => row[column]?.length ?? 0))) ?? [];
  return cells.map((row) => row.map((cell, column) => (column === 0 ? cell.padEnd(widths[column] ?? 0) : cell.padStart(widths[column] ?? 0))).join('  '));
}
