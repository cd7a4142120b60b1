import { cpSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { PROJECT_ROOT } from '../support/implementations.ts';
import { canUnshare, inNamespace } from '../support/namespace.ts';

const PATIENCE_MS = 120_000;
const SERVERS = [1, 2, 3];

let home: string;
beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), 'zk-tutorial-'));
});
afterEach(() => rmSync(home, { recursive: true }));

/** Three servers on one machine, in $HOME_DIR: prints what `status` says of each, then who listens on the quorum ports. */
const script = (file: (i: string) => string): string => `
set -e
ip link set lo up
cd "$HOME_DIR"
trap 'for i in 1 2 3; do zkServer.sh stop ${file('$i')}; done >/dev/null 2>&1' EXIT
for i in 1 2 3; do ZOO_LOG_DIR=$HOME_DIR/logs$i zkServer.sh start ${file('$i')} >/dev/null 2>&1; done
for i in 1 2 3; do
  until zkServer.sh status ${file('$i')} >"$HOME_DIR/status" 2>/dev/null; do sleep 0.2; done
  cat "$HOME_DIR/status"
done
ss -Hltn 'sport >= :2888 and sport <= :2890' | awk '{ print $4 }' | sed 's/.*:/listens /' | sort -u
`;

function run(file: (i: string) => string): void {
  const { stdout, stderr } = inNamespace(script(file), { HOME_DIR: home }, PATIENCE_MS);
  const modes = [...stdout.matchAll(/^Client port found: (\d+)\. Client address: localhost\. Client SSL: false\.\nMode: (leader|follower)$/gm)].map(([, port, mode]) => ({ port, mode }));
  expect(modes.map(({ port }) => port), `${stdout}\n${stderr}`).toEqual(['2181', '2182', '2183']);
  expect(modes.map(({ mode }) => mode).sort()).toEqual(['follower', 'follower', 'leader']);
  const leader = modes.findIndex(({ mode }) => mode === 'leader');
  expect([...stdout.matchAll(/^listens (\d+)$/gm)].map(([, port]) => Number(port))).toEqual([2888 + leader]);
}

describe.runIf(canUnshare)('the tutorials’ three servers on one machine, ports 2181 to 2183, 2888 to 2890 and 3888 to 3890 (needs a network namespace)', () => {
  test('conf/zoo1.cfg to conf/zoo3.cfg as they are', () => {
    cpSync(join(PROJECT_ROOT, 'conf'), join(home, 'conf'), { recursive: true });
    run((i) => `conf/zoo${i}.cfg`);
    expect(readdirSync(join(home, 'data')).sort()).toEqual(['zoo1', 'zoo2', 'zoo3']);
  }, PATIENCE_MS);

  test('three directories, a data directory as on Windows, logs apart from snapshots', () => {
    for (const i of SERVERS) {
      const data = i === 3 ? 'D:\\zookeeper\\data3' : join(home, `server${i}/data`);
      mkdirSync(join(home, `server${i}/conf`), { recursive: true });
      mkdirSync(join(home, i === 3 ? data : `server${i}/data`));
      writeFileSync(join(home, i === 3 ? data : `server${i}/data`, 'myid'), `${i}\n`);
      const lines = [
        'tickTime=2000', 'initLimit=10', 'syncLimit=5', `dataDir=${data.replaceAll('\\', '\\\\')}`, `dataLogDir=${home}/server${i}/log`, `clientPort=${2180 + i}`, 'admin.enableServer=false',
        'server.1=127.0.0.1:2888:3888', 'server.2=127.0.0.1:2889:3889', 'server.3=127.0.0.1:2890:3890', '',
      ];
      writeFileSync(join(home, `server${i}/conf/zoo.cfg`), lines.join('\n'));
    }
    run((i) => `server${i}/conf/zoo.cfg`);
    for (const i of SERVERS) expect(readdirSync(join(home, `server${i}/log`))).toEqual(['version-2']);
    expect(readdirSync(join(home, 'D:\\zookeeper\\data3/version-2'))).toContain('currentEpoch');
  }, PATIENCE_MS);
});
