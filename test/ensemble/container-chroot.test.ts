import { spawnSync } from 'node:child_process';
import { cpSync, existsSync, lstatSync, mkdirSync, mkdtempSync, readlinkSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { expect, test } from 'vitest';
import { PROJECT_ROOT } from '../support/implementations.ts';
import { inNamespace } from '../support/namespace.ts';

const PATIENCE_MS = 120_000;

// docker-compose.yml without an engine: each server in a root of its own with /conf, /data and /datalog, in a network of its
// own on a bridge, under the name and with the variables that the compose file gives it.
const SETUP = `
set -e
mount -t tmpfs names /run
mkdir /run/netns
ip link add zoobr type bridge
ip link set zoobr up
printf '127.0.0.1 localhost\n' >$ROOTS/hosts
for i in 1 2 3; do printf '172.18.0.1%s zoo%s\n' $i $i >>$ROOTS/hosts; done
for i in 1 2 3; do
  ip netns add zoo$i
  ip link add zoo$i type veth peer name eth0 netns zoo$i
  ip link set zoo$i master zoobr up
  ip netns exec zoo$i ip link set lo up
  ip netns exec zoo$i ip addr add 172.18.0.1$i/24 dev eth0
  ip netns exec zoo$i ip link set eth0 up
  for folder in $SHARED; do mount --rbind /$folder $ROOTS/zoo$i/$folder; done
  mount --bind $ROOTS/hosts $ROOTS/zoo$i/etc/hosts
done
`;

const RUN = `
SERVERS='server.1=zoo1:2888:3888;2181 server.2=zoo2:2888:3888;2181 server.3=zoo3:2888:3888;2181'
inside() { i=$1; shift; ip netns exec zoo$i env -i PATH="$INNER_PATH" ZOO_USER=root ZOO_MY_ID=$i ZOO_SERVERS="$SERVERS" ZOOCFGDIR=/conf chroot $ROOTS/zoo$i "$@"; }
trap 'kill $pids; wait' EXIT
for i in 1 2 3; do inside $i /entrypoint/docker-entrypoint.sh zkServer.sh start-foreground >$ROOTS/log$i 2>&1 & pids="$pids $!"; done
for i in 1 2 3; do
  until inside $i zkServer.sh status >$ROOTS/status 2>/dev/null; do sleep 0.2; done
  echo "zoo$i $(grep Mode $ROOTS/status) myid $(cat $ROOTS/zoo$i/data/myid)"
done
inside 1 zk-cli -server zoo1:2181 create /from-zoo1 hello >/dev/null
inside 3 zk-cli -server zoo3:2181 sync /from-zoo1 >/dev/null
echo "read $(inside 3 zk-cli -server zoo3:2181 get /from-zoo1 2>/dev/null | tail -1)"
`;

/** Top-level folders that a server needs: the system's, node's and ours. Links among them are made anew. */
const SYSTEM = ['usr', 'bin', 'sbin', 'lib', 'lib64', 'etc', 'proc', 'dev'].filter((name) => existsSync(`/${name}`));
const folderOf = (path: string): string => path.slice(1);

function makeRoots(roots: string, shared: readonly string[]): void {
  const links = SYSTEM.filter((name) => lstatSync(`/${name}`).isSymbolicLink());
  for (const i of [1, 2, 3]) {
    const root = join(roots, `zoo${i}`);
    for (const folder of [...shared, 'conf', 'data', 'datalog', 'logs', 'tmp', 'entrypoint', 'bin-of-image']) mkdirSync(join(root, folder), { recursive: true });
    for (const name of links) symlinkSync(readlinkSync(`/${name}`), join(root, name));
    cpSync(join(PROJECT_ROOT, 'deploy/container/docker-entrypoint.sh'), join(root, 'entrypoint/docker-entrypoint.sh'));
    writeFileSync(join(root, 'bin-of-image/zk-cli'), `#!/bin/sh\nexec node ${join(PROJECT_ROOT, 'zk-cli.js')} "$@"\n`, { mode: 0o755 });
  }
}

const MAY_CHROOT = inNamespace('mount -t tmpfs x /mnt && ip link add zoobr type bridge && echo yes', {}, 5_000, ['-m', '--propagation', 'private']).stdout === 'yes\n';

test.runIf(MAY_CHROOT)('the compose file’s three servers, each in a root and a network of its own (needs root and bridges)', () => {
  const roots = mkdtempSync(join(tmpdir(), 'zk-roots-'));
  const directories = SYSTEM.filter((name) => !lstatSync(`/${name}`).isSymbolicLink());
  const own = [folderOf(dirname(process.execPath)), folderOf(PROJECT_ROOT.replace(/\/$/, ''))].filter((path) => !directories.includes(path.split('/')[0] ?? ''));
  const shared = [...directories, ...own];
  try {
    makeRoots(roots, shared);
    const innerPath = `/bin-of-image:${join(PROJECT_ROOT, 'bin')}:${dirname(process.execPath)}:/usr/bin:/bin:/usr/sbin:/sbin`;
    const { stdout, stderr } = inNamespace(SETUP + RUN, { ROOTS: roots, SHARED: shared.join(' '), INNER_PATH: innerPath }, PATIENCE_MS, ['-m', '--propagation', 'private']);
    const modes = [...stdout.matchAll(/^zoo(\d) Mode: (\w+) myid (\d)$/gm)].map(([, host, mode, myid]) => ({ host, mode, myid }));
    expect(modes.map(({ host, myid }) => [host, myid]), `${stdout}\n${stderr}`).toEqual([['1', '1'], ['2', '2'], ['3', '3']]);
    expect(modes.map(({ mode }) => mode).sort()).toEqual(['follower', 'follower', 'leader']);
    expect(stdout).toContain('read hello\n');
  } finally {
    spawnSync('rm', ['-rf', '--one-file-system', roots]); // what was mounted in it was so for the namespace alone; to be sure
  }
}, PATIENCE_MS);
