import type { Command } from '../command.ts';
import { statJson, statLines } from '../format.ts';
import { intOf } from '../option-parser.ts';

export const set: Command = {
  name: 'set',
  synopsis: 'path data [-s] [-v version] [-b]',
  options: {
    b: { help: 'Supply data in base64 format' },
    s: { help: 'Print znode stats additionally' },
    v: { help: 'Set with an expected version', value: true },
  },
  explained: true,
  needs: 2,
  async run({ zk, out }, given) {
    const [path = '', text = ''] = given.args;
    const data = Buffer.from(text, given.has('b') ? 'base64' : 'utf8');
    const stat = await zk.setData(path, data, intOf(given, 'v', -1));
    if (given.has('s')) statLines(stat).forEach(out);
    return statJson(stat);
  },
};

export const sync: Command = {
  name: 'sync',
  synopsis: 'path',
  needs: 1,
  async run({ zk, out }, given) {
    await zk.sync(given.args[0]);
    out('Sync is OK');
    return true;
  },
};
