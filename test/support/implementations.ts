import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Implementation } from './ensemble.ts';

export const PROJECT_ROOT = fileURLToPath(new URL('../..', import.meta.url));

/** Where test/compat/install.sh puts the jars of Apache ZooKeeper from Maven Central. */
export const APACHE_39_JARS = join(PROJECT_ROOT, 'test/compat/.peers/apache-3.9.5');
/** Debian's zookeeper package, version 3.8.0. */
const APACHE_38_CLASSPATH = '/usr/share/java/zookeeper.jar:/usr/share/java/slf4j-simple.jar';

/** Our server, as built by `npm run build`, with further arguments. */
export const oursWith = (...args: string[]): Implementation => (configFile) => ({
  command: process.execPath,
  args: [join(PROJECT_ROOT, 'zk-server.js'), configFile, ...args],
});
export const ours: Implementation = oursWith();

const QUORUM_PEER_MAIN = 'org.apache.zookeeper.server.quorum.QuorumPeerMain';
const java = (classpath: string, extra: string[]): Implementation => (configFile) => ({
  command: 'java',
  args: ['-Xmx256m', '-XX:+UseSerialGC', '-XX:TieredStopAtLevel=1', ...extra, '-cp', classpath, QUORUM_PEER_MAIN, configFile],
});

/** Apache 3.9.5 with further arguments for the JVM. */
export const apache39With = (...jvmArguments: string[]): Implementation =>
  java(`${APACHE_39_JARS}/*`, ['-Dorg.slf4j.simpleLogger.defaultLogLevel=info', ...jvmArguments]);
export const apache39: Implementation = apache39With();
export const apache38: Implementation = java(APACHE_38_CLASSPATH, ['-Dorg.slf4j.simpleLogger.defaultLogLevel=info']);

export const apache39Installed = existsSync(APACHE_39_JARS);
