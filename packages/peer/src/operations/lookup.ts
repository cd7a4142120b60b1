import { JuteError, Reader } from '@zk/jute';
import type { DataTree, Znode } from '@zk/tree';

/** The node named by the string at the reader's position, found by the bytes as they lie there: no string is made. */
export function readNode(request: Reader, tree: DataTree): Znode | undefined {
  const length = request.int();
  if (length < 0) throw new JuteError('path', `is null at ${request.offset - 4}`);
  const start = request.offset;
  request.skip(length);
  return tree.nodeAt(request.bytes, start, start + length);
}

/** The string at `offset`, for those who need it after all. */
export function stringAt(request: Reader, offset: number): string {
  return new Reader(request.bytes, offset).string();
}
