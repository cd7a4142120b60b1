import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { canUnshare, inNamespace } from '../support/namespace.ts';

const PATIENCE_MS = 120_000;
const HOSTS = [1, 2, 3];

/** zoo.cfg as the tutorials have it for three hosts, bound to one address each because they share a machine here. */
function configuration(home: string, host: number): string {
  return [
    'tickTime=2000', 'initLimit=10', 'syncLimit=5', `dataDir=${home}/data${host}`, `dataLogDir=${home}/log${host}`,
    'clientPort=2181', `clientPortAddress=10.0.0.10${host}`, 'maxClientCnxns=128', 'autopurge.snapRetainCount=3', 'autopurge.purgeInterval=24',
    `admin.serverAddress=10.0.0.10${host}`,
    ...HOSTS.map((id) => `server.${id}=10.0.0.10${id}:2888:3888`),
    '',
  ].join('\n');
}

/** Prints each host's mode, then the addresses that listen on 2888. */
const SCRIPT = `
set -e
ip link set lo up
for host in 1 2 3; do ip addr add 10.0.0.10$host/24 dev lo; done
trap 'for host in 1 2 3; do zkServer.sh stop $HOSTS_HOME/zoo$host.cfg; done >/dev/null 2>&1' EXIT
for host in 1 2 3; do
  mkdir -p $HOSTS_HOME/data$host
  echo $host >$HOSTS_HOME/data$host/myid
  ZOO_LOG_DIR=$HOSTS_HOME/logs$host zkServer.sh start $HOSTS_HOME/zoo$host.cfg >/dev/null 2>&1
done
for host in 1 2 3; do
  until zkServer.sh status $HOSTS_HOME/zoo$host.cfg >$HOSTS_HOME/status 2>/dev/null; do sleep 0.2; done
  cat $HOSTS_HOME/status
done
ss -Hltn 'sport = :2888' | awk '{ print $4 }'
`;

test.runIf(canUnshare)('three hosts, 10.0.0.101 to 103, as the tutorials configure them (needs a network namespace)', () => {
  const home = mkdtempSync(join(tmpdir(), 'zk-hosts-'));
  for (const host of HOSTS) {
    mkdirSync(join(home, `data${host}`));
    writeFileSync(join(home, `zoo${host}.cfg`), configuration(home, host));
  }
  const { stdout, stderr } = inNamespace(SCRIPT, { HOSTS_HOME: home }, PATIENCE_MS);
  rmSync(home, { recursive: true });
  const modes = [...stdout.matchAll(/^Client port found: 2181\. Client address: (10\.0\.0\.10\d)\. Client SSL: false\.\nMode: (\w+)$/gm)];
  expect(modes.map(([, address]) => address), stderr).toEqual(['10.0.0.101', '10.0.0.102', '10.0.0.103']);
  expect(modes.map(([, , mode]) => mode).sort()).toEqual(['follower', 'follower', 'leader']);
  const leader = modes.find(([, , mode]) => mode === 'leader')?.[1];
  // The quorum port is open on the leader alone.
  expect(stdout.trim().split('\n').slice(6)).toEqual([`${leader}:2888`]);
}, PATIENCE_MS);
