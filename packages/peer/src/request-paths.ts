import { JuteError, Reader } from '@zk/jute';
import {
  CheckVersionRequest, CreateRequest, CreateTTLRequest, DeleteRequest, GetChildrenRequest, GetDataRequest, MultiHeader, OpCode, SetDataRequest,
} from '@zk/protocol';
import { REQUEST_HEADER } from './decode-request.ts';

/** Requests whose record begins with a path. */
const PATH_FIRST: ReadonlySet<number> = new Set<number>([
  OpCode.create, OpCode.create2, OpCode.createContainer, OpCode.createTTL, OpCode.delete, OpCode.setData, OpCode.setACL, OpCode.exists,
  OpCode.getData, OpCode.getACL, OpCode.getChildren, OpCode.getChildren2, OpCode.getAllChildrenNumber, OpCode.getEphemerals,
  OpCode.sync, OpCode.addWatch, OpCode.checkWatches, OpCode.removeWatches,
]);

/** The records of the ops in a multi or multiRead. */
const IN_MULTI = new Map<number, { read(reader: Reader): { readonly path: string } }>([
  [OpCode.create, CreateRequest],
  [OpCode.create2, CreateRequest],
  [OpCode.createContainer, CreateRequest],
  [OpCode.createTTL, CreateTTLRequest],
  [OpCode.delete, DeleteRequest],
  [OpCode.setData, SetDataRequest],
  [OpCode.check, CheckVersionRequest],
  [OpCode.getData, GetDataRequest],
  [OpCode.getChildren, GetChildrenRequest],
]);

/** What a request is about, as far as it can be read: none for those about no path, several for a multi. */
export function pathsOf(op: number, frame: Buffer): string[] {
  const paths: string[] = [];
  try {
    const reader = new Reader(frame, REQUEST_HEADER);
    if (PATH_FIRST.has(op)) paths.push(reader.string());
    else if (op === OpCode.multi || op === OpCode.multiRead) readMulti(reader, paths);
  } catch (error) {
    if (!(error instanceof JuteError)) throw error; // what does not decode is answered so elsewhere
  }
  return paths;
}

function readMulti(reader: Reader, paths: string[]): void {
  for (let header = MultiHeader.read(reader); !header.done; header = MultiHeader.read(reader)) {
    const record = IN_MULTI.get(header.type);
    if (record === undefined) return;
    paths.push(record.read(reader).path);
  }
}
