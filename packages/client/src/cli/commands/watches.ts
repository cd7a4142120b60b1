import type { RemovableWatch } from '../../options.ts';
import type { WatchKind } from '../../watch-registry.ts';
import { usageOf, type Command } from '../command.ts';
import { CliError } from '../errors.ts';

const MODES: Readonly<Record<string, 'persistent' | 'recursive'>> = { PERSISTENT: 'persistent', PERSISTENT_RECURSIVE: 'recursive' };

export const addWatch: Command = {
  name: 'addWatch',
  synopsis: '[-m mode] path # optional mode is one of [PERSISTENT, PERSISTENT_RECURSIVE] - default is PERSISTENT_RECURSIVE',
  options: { m: { help: 'mode', value: true } },
  needs: 1,
  async run({ zk, watcher }, given) {
    const mode = MODES[(given.value('m') ?? 'PERSISTENT_RECURSIVE').toUpperCase()];
    if (!mode || given.args.length > 1) throw new CliError(usageOf(addWatch));
    await zk.addWatch(given.args[0] as string, mode, watcher);
    return null;
  },
};

const CHOICES: readonly (readonly [option: string, watch: RemovableWatch])[] = [
  ['c', 'children'],
  ['d', 'data'],
  ['p', 'persistent'],
  ['r', 'recursive'],
];

const REMOVED: Record<WatchKind, string> = {
  child: 'ChildWatchRemoved',
  data: 'DataWatchRemoved',
  exist: 'DataWatchRemoved',
  persistent: 'PersistentWatchRemoved',
  recursive: 'PersistentWatchRemoved',
};

export const removeWatches: Command = {
  name: 'removewatches',
  synopsis: 'path [-c|-d|-a] [-l]',
  options: {
    c: { help: 'child watcher type' },
    d: { help: 'data watcher type' },
    p: { help: 'persistent watcher type' },
    r: { help: 'persistent recursive watcher type' },
    a: { help: 'any watcher type' },
    l: { help: 'remove locally when there is no server connection' },
  },
  needs: 1,
  async run({ zk, event }, given) {
    const [path = ''] = given.args;
    const kind = CHOICES.find(([option]) => given.has(option))?.[1] ?? 'any';
    const removed = await zk.removeWatches(path, kind, { local: given.has('l') });
    const types = new Set(removed.map((each) => REMOVED[each]));
    for (const type of types) event(type, path);
    return { removed: [...types] };
  },
};
