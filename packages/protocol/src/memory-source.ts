import type { ImageNode, ImageSource, ImageTotals } from './image.ts';

/** The znodes of a whole capture, held in memory: what a checkpoint on disk is to a tree, for made-up worlds and tests. */
export class MemorySource implements ImageSource {
  readonly totals: ImageTotals;
  readonly #nodes = new Map<string, ImageNode>();
  readonly #children = new Map<string, ImageNode[]>();
  #places: Map<string, number> | null = null;

  /** @param nodes parents need not come before children, but each node says what children it has */
  constructor(nodes: Iterable<ImageNode>, totals: ImageTotals) {
    this.totals = totals;
    for (const node of nodes) {
      this.#nodes.set(node.path, node);
      if (node.path !== '') this.#siblings(node.path.slice(0, node.path.lastIndexOf('/'))).push(node);
    }
  }

  find(path: string): ImageNode | null {
    return this.#nodes.get(path) ?? null;
  }

  childrenOf(path: string): Iterable<ImageNode> {
    return this.#children.get(path) ?? [];
  }

  *owned(): Generator<string> {
    for (const { path, stat } of this.#nodes.values()) if (stat.ephemeralOwner !== 0n) yield path;
  }

  *nodes(): Generator<ImageNode> {
    const open = [this.find('')];
    for (let node = open.pop(); node; node = open.pop()) {
      yield node;
      open.push(...this.childrenOf(node.path));
    }
  }

  precedes(one: string, other: string): boolean {
    this.#places ??= new Map(Array.from(this.nodes(), ({ path }, place) => [path, place]));
    return (this.#places.get(one) ?? 0) < (this.#places.get(other) ?? 0);
  }

  damaged(reason: string): Error {
    return new Error(`an image in memory cannot be damaged: ${reason}`);
  }

  close(): void {
    this.#nodes.clear();
    this.#children.clear();
  }

  #siblings(parent: string): ImageNode[] {
    const known = this.#children.get(parent) ?? [];
    this.#children.set(parent, known);
    return known;
  }
}
