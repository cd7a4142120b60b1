import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { canUnshare, inNamespace } from '../support/namespace.ts';

const PATIENCE_MS = 120_000;
const NAMES = ['zoo1', 'zoo2', 'zoo3'];

/** Servers that know each other by name. Each has an address of its own, because they share a machine here. */
function configuration(home: string, host: number): string {
  return [
    'tickTime=500', 'initLimit=20', 'syncLimit=10', `dataDir=${home}/data${host}`, 'clientPort=2181', `clientPortAddress=zoo${host}`, 'admin.enableServer=false', 'preAllocSize=64',
    ...NAMES.map((name, i) => `server.${i + 1}=${name}:2888:3888`),
    '',
  ].join('\n');
}

/**
 * Nobody knows zoo1 at first, as before a pod of that name is scheduled; then it has an address, and then another one. Servers
 * 2 and 3 stay as they are: it is they who have to dial it, because their ids are larger (quorum.md 2.1).
 */
const SCRIPT = `
set -e
ip link set lo up
for address in 101 111 102 103; do ip addr add 10.0.0.$address/24 dev lo; done
mount --bind $HOME_DIR/hosts /etc/hosts
hosts() { printf '127.0.0.1 localhost\\n10.0.0.102 zoo2\\n10.0.0.103 zoo3\\n%s\\n' "$1" >$HOME_DIR/hosts; }
start() { ZOO_LOG_DIR=$HOME_DIR/logs$1 zkServer.sh start $HOME_DIR/zoo$1.cfg >/dev/null 2>&1; }
tell() { until zkServer.sh status $HOME_DIR/zoo$1.cfg >$HOME_DIR/status 2>/dev/null; do sleep 0.2; done; echo "$2 $(grep Mode $HOME_DIR/status)"; }
trap 'for i in 1 2 3; do zkServer.sh stop $HOME_DIR/zoo$i.cfg; done >/dev/null 2>&1' EXIT
hosts ''
start 2; start 3
tell 2 'without zoo1, server 2:'; tell 3 'without zoo1, server 3:'
hosts '10.0.0.101 zoo1'
start 1
tell 1 'with a name, server 1:'
zkServer.sh stop $HOME_DIR/zoo1.cfg >/dev/null 2>&1
hosts '10.0.0.111 zoo1'
start 1
tell 1 'with another address, server 1:'
ss -Hltn 'sport = :3888' | awk '{ print $4 }' | sort
`;

const canMount = canUnshare && inNamespace('mount --bind /etc/hostname /etc/hostname && echo yes', {}, 5_000, ['-m', '--propagation', 'private']).stdout === 'yes\n';

test.runIf(canMount)('a peer whose name does not resolve yet, and then changes its address, is found without restarting anybody (needs namespaces)', () => {
  const home = mkdtempSync(join(tmpdir(), 'zk-names-'));
  writeFileSync(join(home, 'hosts'), '');
  for (const host of [1, 2, 3]) {
    mkdirSync(join(home, `data${host}`));
    writeFileSync(join(home, `data${host}/myid`), `${host}\n`);
    writeFileSync(join(home, `zoo${host}.cfg`), configuration(home, host));
  }
  const { stdout, stderr } = inNamespace(SCRIPT, { HOME_DIR: home }, PATIENCE_MS, ['-m', '--propagation', 'private']);
  rmSync(home, { recursive: true });
  expect(stdout.trim().split('\n'), stderr).toEqual([
    'without zoo1, server 2: Mode: follower',
    'without zoo1, server 3: Mode: leader',
    'with a name, server 1: Mode: follower',
    'with another address, server 1: Mode: follower',
    '10.0.0.102:3888', '10.0.0.103:3888', '10.0.0.111:3888',
  ]);
}, PATIENCE_MS);
