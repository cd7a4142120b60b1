import { META_PAGES } from './lmdb-layout.js';
import { LmdbFile } from './lmdb-file.js';
import { PageSet } from './lmdb-free-pages.js';

/** @typedef {import('./lmdb-layout.js').LmdbTree} LmdbTree */
/** @typedef {import('./lmdb-root.js').LmdbRoot} LmdbRoot */

/**
 * Reads every page that the newest transaction has left, before LMDB does: it would believe what they say, and write over
 * what its list of free pages has.
 * @param {string} path of the file
 * @throws {Error} for anything that LMDB would not have written
 */
export function checkLmdbFile(path) {
  const file = LmdbFile.open(path);
  try {
    checkRoot(file.root);
  } finally {
    file.close();
  }
}

/** @param {LmdbRoot} root */
function checkRoot(root) {
  const { meta, free } = root;
  const used = new PageSet(meta.lastPage);
  checkTree(root, meta.free, used);
  for (const table of checkTree(root, meta.main, used)) checkTree(root, table, used);
  const lost = meta.lastPage + 1 - META_PAGES - used.count - free.count;
  if (lost !== 0) throw new Error(`${lost} pages are neither in a tree nor free`);
}

/**
 * @param {LmdbRoot} root @param {LmdbTree} tree @param {PageSet} used
 * @returns the tables in it
 */
function checkTree(root, tree, used) {
  const found = { branches: 0, leaves: 0, overflow: 0, entries: 0 };
  /** @type {LmdbTree[]} */
  const tables = [];
  const use = (/** @type {number} */ page) => {
    if (!used.add(page)) throw new Error(`page ${page} is led to twice`);
  };
  root.walk(tree, (page) => {
    use(page.number);
    if (!page.isLeaf) {
      found.branches += 1;
      return;
    }
    found.leaves += 1;
    found.entries += page.count;
    for (let index = 0; index < page.count; index++) {
      if (tree.hasTables) tables.push(root.treeAt(page, index));
      else if (page.isBig(index)) found.overflow += root.overflow(page, index).map(use).length;
    }
  });
  for (const what of /** @type {const} */ (['branches', 'leaves', 'overflow', 'entries'])) {
    if (found[what] !== tree[what]) throw new Error(`a tree has ${found[what]} ${what} of ${tree[what]}`);
  }
  return tables;
}
