import { KeeperError } from '@zk/protocol';
import { wantsWatch, type Command, type Context, type Json } from '../command.ts';
import { CliError } from '../errors.ts';
import { hexDump, statJson, statLines } from '../format.ts';
import { optionTable, type Given } from '../option-parser.ts';
import { visitSubtree } from '../subtree.ts';

export const ls: Command = {
  name: 'ls',
  synopsis: '[-s] [-w] [-R] path',
  options: { '?': { help: 'help' }, s: { help: 'stat' }, w: { help: 'watch' }, R: { help: 'recurse' } },
  needs: 0,
  async run(context, given): Promise<Json> {
    if (given.has('?')) for (const line of ['usage: ls [options] path', ...optionTable(ls.options ?? {})]) context.out(line);
    const watch = wantsWatch(context, given, 'ls', 'ls [-w] path') ? context.watcher : undefined;
    const [path] = given.args;
    if (path === undefined) throw new CliError(`${ls.name} ${ls.synopsis}`);
    if (given.has('R')) {
      const paths: string[] = [];
      const visit = (found: string): void => {
        paths.push(found);
        context.out(found);
      };
      await visitSubtree(context.zk, path, visit, watch);
      return { paths };
    }
    const { children, stat } = await context.zk.getChildren(path, { watch });
    children.sort();
    context.out(`[${children.join(', ')}]`);
    if (given.has('s')) statLines(stat).forEach(context.out);
    return { children, stat: statJson(stat) };
  },
};

export const get: Command = {
  name: 'get',
  synopsis: '[-s] [-w] [-b] [-x] path',
  options: {
    b: { help: 'Output data in base64 format' },
    s: { help: 'Print znode stats additionally' },
    w: { help: 'Watch for changes on the znode' },
    x: { help: 'Output data in hexdump format' },
  },
  explained: true,
  needs: 1,
  async run(context, given) {
    const watch = wantsWatch(context, given, 'get', 'get [-s] [-w] path') ? context.watcher : undefined;
    const { data, stat } = await context.zk.getData(given.args[0] as string, { watch });
    context.out(dataText(data ?? Buffer.from('null'), given));
    if (given.has('s')) statLines(stat).forEach(context.out);
    return { ...dataJson(data, given.has('b')), stat: statJson(stat) };
  },
};

function dataText(data: Buffer, given: Given): string {
  if (given.has('x')) return hexDump(data);
  return data.toString(given.has('b') ? 'base64' : 'utf8');
}

/** As text, or as base64 when it was asked for or the data are not UTF-8. */
function dataJson(data: Buffer | null, base64: boolean): { data: string | null; encoding: string } {
  const text = data?.toString('utf8') ?? null;
  const isText = data === null || data.equals(Buffer.from(text as string));
  if (base64 || !isText) return { data: data?.toString('base64') ?? null, encoding: 'base64' };
  return { data: text, encoding: 'utf8' };
}

export const stat: Command = {
  name: 'stat',
  synopsis: '[-w] path',
  options: { w: { help: 'watch' } },
  needs: 1,
  async run(context, given) {
    const [path = ''] = given.args;
    const watch = wantsWatch(context, given, 'stat', 'stat [-w] path') ? context.watcher : undefined;
    const found = await context.zk.exists(path, { watch });
    if (!found) throw new KeeperError('NONODE', path);
    statLines(found).forEach(context.out);
    return statJson(found);
  },
};

export const getEphemerals: Command = {
  name: 'getEphemerals',
  synopsis: 'path',
  needs: 0,
  async run({ zk, out }, given) {
    const paths = await zk.getEphemerals(given.args[0] ?? '/');
    out(`[${paths.join(', ')}]`);
    return { paths };
  },
};

export const getAllChildrenNumber: Command = {
  name: 'getAllChildrenNumber',
  synopsis: 'path',
  needs: 1,
  run: async (context, given) => printed(context, await context.zk.getAllChildrenNumber(given.args[0] as string)),
};

function printed({ out }: Context, value: number): Json {
  out(String(value));
  return value;
}
