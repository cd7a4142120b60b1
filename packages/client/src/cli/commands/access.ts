import type { Command } from '../command.ts';
import { messageOf } from '../errors.ts';
import { aclJson, aclLines, parseAcl, statJson, statLines } from '../format.ts';
import { intOf } from '../option-parser.ts';
import { visitSubtree } from '../subtree.ts';

export const getAcl: Command = {
  name: 'getAcl',
  synopsis: '[-s] path',
  options: { s: { help: 'stats' } },
  needs: 1,
  async run({ zk, out }, given) {
    const { acl, stat } = await zk.getAcl(given.args[0] as string);
    aclLines(acl).forEach(out);
    if (given.has('s')) statLines(stat).forEach(out);
    return { acl: aclJson(acl), stat: statJson(stat) };
  },
};

export const setAcl: Command = {
  name: 'setAcl',
  synopsis: '[-s] [-v version] [-R] path acl',
  options: { s: { help: 'stats' }, v: { help: 'version', value: true }, R: { help: 'recursive' } },
  needs: 2,
  async run({ zk, out, err }, given) {
    const [path = '', text = ''] = given.args;
    const acl = parseAcl(text, err);
    const version = intOf(given, 'v', -1);
    if (given.has('R')) {
      const changed: string[] = [];
      const change = async (found: string): Promise<void> => {
        await zk.setAcl(found, acl, version).then(
          () => void changed.push(found),
          (error: unknown) => err(messageOf(error)), // the others still get theirs
        );
      };
      await visitSubtree(zk, path, change);
      return { changed };
    }
    const stat = await zk.setAcl(path, acl, version);
    if (given.has('s')) statLines(stat).forEach(out);
    return statJson(stat);
  },
};

export const addAuth: Command = {
  name: 'addauth',
  synopsis: 'scheme auth',
  needs: 1,
  async run({ zk }, given) {
    const [scheme = '', auth = ''] = given.args;
    zk.addAuth(scheme, auth);
    return null;
  },
};

export const whoAmI: Command = {
  name: 'whoami',
  synopsis: '',
  needs: 0,
  async run({ zk, out }) {
    const identities = await zk.whoAmI();
    out('Auth scheme: User');
    for (const { scheme, user } of identities) out(`${scheme}: ${user}`);
    return identities;
  },
};
