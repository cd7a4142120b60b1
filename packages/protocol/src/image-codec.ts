import { JuteError, Reader, Writer } from '@zk/jute';
import { ByteQueue, Extent } from './byte-queue.ts';
import type { Image, ImageNode, ImageVisitor } from './image.ts';
import { ACL, StatPersisted } from './records/data.ts';
import { asSessionId } from './zxid.ts';

/** The default limit of one string, buffer or data field: Apache's jute.maxbuffer plus as much extra (quorum.md 0). */
export const DEFAULT_MAX_FIELD_BYTES = 2 * 0xfffff;

const CHUNK_BYTES = 64 * 1024;
const END_OF_NODES = '/';
const STAT_BYTES = 60;

/**
 * Encodes sessions, ACL table, nodes and the end marker `"/"`, in chunks of about 64 KiB: the body both of a snapshot
 * file (without header and seal) and of SNAP (without `BenWasHere`). Sessions and ACLs are taken when the first chunk
 * is asked for, nodes one by one as the chunks are. Layout: quorum.md 8.6, storage.md 3.1.
 */
export function* encodeImage(image: Image): Iterable<Buffer> {
  const writer = new Writer(CHUNK_BYTES + 4096);
  const sessions = [...image.sessions]; // the count comes first
  writer.int(sessions.length);
  for (const { id, timeOut } of sessions) {
    writer.long(id);
    writer.int(timeOut);
    if (writer.length >= CHUNK_BYTES) yield flush(writer);
  }
  const acls = [...image.acls];
  writer.int(acls.length);
  for (const { id, acl } of acls) {
    writer.long(id);
    writer.int(acl.length);
    for (const entry of acl) ACL.write(writer, entry);
    if (writer.length >= CHUNK_BYTES) yield flush(writer);
  }
  for (const node of image.nodes) {
    writeNode(writer, node);
    if (writer.length >= CHUNK_BYTES) yield flush(writer);
  }
  writer.ustring(END_OF_NODES);
  yield flush(writer);
}

function writeNode(writer: Writer, node: ImageNode): void {
  writer.ustring(node.path);
  writer.buffer(node.data);
  writer.long(node.aclId);
  StatPersisted.write(writer, node.stat);
}

function flush(writer: Writer): Buffer {
  const chunk = writer.finish();
  writer.reset();
  return chunk;
}

type Phase = 'sessionCount' | 'sessions' | 'aclCount' | 'acls' | 'nodes' | 'done';

/** The inverse of encodeImage() for bytes that arrive in any pieces: holds no more than one record of them. */
export class ImageReader {
  readonly #visitor: ImageVisitor;
  readonly #limit: number;
  readonly #queue = new ByteQueue();
  #phase: Phase = 'sessionCount';
  #left = 0; // sessions or ACLs still to come

  /** @param maxFieldBytes the longest path, data or ACL string that is accepted */
  constructor(visitor: ImageVisitor, maxFieldBytes = DEFAULT_MAX_FIELD_BYTES) {
    this.#visitor = visitor;
    this.#limit = maxFieldBytes;
  }

  /** Whether the end marker has been read. */
  get done(): boolean {
    return this.#phase === 'done';
  }

  /**
   * Reads on. The chunk must not be changed afterwards until the next push.
   * @returns whether the image is complete; then takeRest() has what came behind it
   * @throws JuteError when the bytes are no image
   */
  push(chunk: Buffer): boolean {
    this.#queue.push(chunk);
    while (!this.done && this.#readOne()) continue;
    return this.done;
  }

  /** The bytes behind the image. */
  takeRest(): Buffer {
    return this.#queue.takeAll();
  }

  /** Reads one record and returns true, or false when it has not fully arrived. */
  #readOne(): boolean {
    switch (this.#phase) {
      case 'sessionCount':
        return this.#readCount('sessions', 'sessionCount');
      case 'sessions':
        return this.#left === 0 ? this.#enter('aclCount') : this.#readSession();
      case 'aclCount':
        return this.#readCount('acls', 'aclCount');
      case 'acls':
        return this.#left === 0 ? this.#enter('nodes') : this.#readAcl();
      case 'nodes':
        return this.#readNode();
      case 'done':
        return false;
    }
  }

  #enter(phase: Phase): boolean {
    this.#phase = phase;
    return true;
  }

  #readCount(next: Phase, what: string): boolean {
    const reader = this.#take(4);
    if (!reader) return false;
    this.#left = reader.int();
    if (this.#left < 0) throw new JuteError(`Image.${what}`, `is ${this.#left}`);
    return this.#enter(next);
  }

  #readSession(): boolean {
    const reader = this.#take(12);
    if (!reader) return false;
    this.#left--;
    this.#visitor.onSession(asSessionId(reader.long()), reader.int());
    return true;
  }

  #readAcl(): boolean {
    const extent = new Extent(this.#queue, 'Image.acl', this.#limit);
    const entry = (): boolean => extent.fixed(4) && extent.counted('scheme') && extent.counted('id');
    const reader = extent.fixed(8) && extent.repeated(entry) ? this.#take(extent.size) : null;
    if (!reader) return false;
    this.#left--;
    const id = reader.long();
    const count = reader.int();
    if (count < 0) throw new JuteError('Image.acl', `${id} has no list`);
    this.#visitor.onAcl(id, Array.from({ length: count }, () => ACL.read(reader)));
    return true;
  }

  #readNode(): boolean {
    const extent = new Extent(this.#queue, 'Image.node', this.#limit);
    if (!extent.counted('path')) return false;
    if (this.#isEndMarker()) {
      this.#queue.drop(5);
      return this.#enter('done');
    }
    const reader = extent.counted('data') && extent.fixed(8 + STAT_BYTES) ? this.#take(extent.size) : null;
    if (!reader) return false;
    this.#visitor.onNode({ path: reader.string(), data: reader.buffer(), aclId: reader.long(), stat: StatPersisted.read(reader) });
    return true;
  }

  #isEndMarker(): boolean {
    const bytes = this.#queue.front(5);
    return bytes !== null && bytes.readInt32BE(0) === 1 && bytes[4] === END_OF_NODES.charCodeAt(0);
  }

  #take(size: number): Reader | null {
    const bytes = this.#queue.front(size);
    if (!bytes) return null;
    this.#queue.drop(size);
    return new Reader(bytes, 0, size);
  }
}
