import { KEYS } from './keys.ts';
import type { Entry } from './source.ts';

const PREFIX = 'ZK_SET_';

/** Names of environment variables have no dots, and many tools write them in capitals. */
const flattened = (key: string): string => key.replaceAll(/[.-]/g, '_').toLowerCase();

const KEY_OF = new Map(Object.keys(KEYS).map((key) => [flattened(key), key]));

/**
 * Settings from the environment: `ZK_SET_snapCount=1000`, `ZK_SET_ADMIN_SERVERPORT=8081`, `ZK_SET_server_1=zk1:2888:3888`.
 * A name that fits no key is kept as it is, dots for underscores, and reported as any unknown key.
 */
export function environmentEntries(env: NodeJS.ProcessEnv): Entry[] {
  return Object.entries(env).flatMap(([name, value]) => {
    if (!name.startsWith(PREFIX) || value === undefined) return [];
    return [{ key: keyOf(name.slice(PREFIX.length)), value: value.trim(), at: { file: `environment ${name}`, line: null } }];
  });
}

function keyOf(name: string): string {
  const member = /^(server|group|weight)_(\d+)$/i.exec(name);
  if (member !== null) return `${member[1]?.toLowerCase()}.${member[2]}`;
  return KEY_OF.get(name.toLowerCase()) ?? name.replaceAll('_', '.');
}
