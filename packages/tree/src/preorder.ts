/** A place in a tree: what is to be made of it, and what its children are called, the one to come first last. */
export interface Visited<T> {
  readonly value: T;
  readonly names: string[];
}

/**
 * Walks a tree from its root, '', parents before children, looking at each path when its turn comes.
 * @param visit undefined: there is nothing at this path any more, and nothing below it. Its `names` are used up.
 */
export function* preorder<T>(visit: (path: string) => Visited<T> | undefined): Generator<T> {
  const open: { prefix: string; names: string[] }[] = [{ prefix: '', names: [''] }];
  for (let level = open.at(-1); level; level = open.at(-1)) {
    const name = level.names.pop();
    if (name === undefined) {
      open.pop();
      continue;
    }
    const path = level.prefix + name;
    const visited = visit(path);
    if (visited === undefined) continue;
    open.push({ prefix: `${path}/`, names: visited.names });
    yield visited.value;
  }
}
