import { collectImage, encodeImage, ImageReader, MemorySource, type Capture, type Image, type ImageNode, type ImageTotals, type Zxid } from '@zk/protocol';

/** A checkpoint, or an image from a leader, as it lies on a disk. */
export interface StoredImage {
  readonly zxid: Zxid;
  readonly chunks: readonly Buffer[];
  readonly digest: Image['digest'];
  /** What a member can begin with before it has read it all; only of an exact one. */
  readonly exact: { readonly nodes: readonly ImageNode[]; readonly totals: ImageTotals } | null;
}

/** What is known at the beginning, for when the znodes have been copied. */
export function copyOf(image: Image, capture: Capture | undefined): (nodes: ImageNode[]) => StoredImage {
  const { zxid } = image;
  const sessions = [...image.sessions];
  const acls = [...image.acls];
  return (nodes) => {
    const stored = writeImage({ zxid, sessions, acls, nodes: parentsFirst(nodes), digest: capture ? capture.digest : image.digest });
    return capture?.totals ? { ...stored, exact: { nodes, totals: capture.totals } } : stored;
  };
}

export function writeImage(image: Image): StoredImage {
  return { zxid: image.zxid, chunks: [...encodeImage(image)].map((chunk) => Buffer.from(chunk)), digest: image.digest, exact: null };
}

/** A capture comes in any order. A path is never before what is above it, by length. */
function parentsFirst(nodes: readonly ImageNode[]): ImageNode[] {
  return [...nodes].sort((one, other) => one.path.length - other.path.length);
}

export function readImage(stored: StoredImage): Image {
  const builder = collectImage(stored.zxid);
  const reader = new ImageReader(builder);
  for (const chunk of stored.chunks) reader.push(chunk);
  const { exact } = stored;
  return { ...builder.finish(), digest: stored.digest, ...(exact && { source: new MemorySource(exact.nodes, exact.totals) }) };
}
