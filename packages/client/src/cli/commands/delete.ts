import type { ZooKeeper } from '../../client.ts';
import type { Command } from '../command.ts';
import { CliError } from '../errors.ts';
import { intOf, parseOptions } from '../option-parser.ts';
import { listSubtree } from '../subtree.ts';

const DEFAULT_BATCH = 1000;

export const remove: Command = {
  name: 'delete',
  synopsis: '[-v version] path',
  options: { v: { help: 'version', value: true } },
  needs: 1,
  async run({ zk, err }, given) {
    const [path = '', oldVersion] = given.args;
    if (oldVersion !== undefined) err("'delete path [version]' has been deprecated. Please use 'delete [-v version] path' instead.");
    // Apache's prints this and deletes any version; the one that was asked for is safer.
    const versioned = oldVersion === undefined ? given : parseOptions(['-v', oldVersion], { v: { help: 'version', value: true } });
    await zk.delete(path, intOf(versioned, 'v', -1));
    return { deleted: [path] };
  },
};

export const deleteAll: Command = {
  name: 'deleteall',
  synopsis: 'path [-b batch size]',
  options: { b: { help: 'batch size', value: true } },
  needs: 1,
  async run({ zk }, given) {
    const [path = ''] = given.args;
    const batch = intOf(given, 'b', DEFAULT_BATCH);
    const paths = (await listSubtree(zk, path)).reverse(); // leaves first
    if (!(await deleteInBatches(zk, paths, batch))) throw new CliError('Failed to delete some node(s) in the subtree!');
    return { deleted: paths };
  },
};

/** One multi a batch, so that a batch goes as a whole or not at all; without a batch size one by one. */
async function deleteInBatches(zk: ZooKeeper, paths: readonly string[], batch: number): Promise<boolean> {
  if (batch <= 0) {
    for (const path of paths) await zk.delete(path);
    return true;
  }
  for (let at = 0; at < paths.length; at += batch) {
    const results = await zk.multi(paths.slice(at, at + batch).map((path) => ({ op: 'delete', path })));
    if (results.some(({ op }) => op === 'error')) return false;
  }
  return true;
}
