import { readFileSync } from 'node:fs';

const { version } = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')) as { version: string };

/** The release whose behaviour this server has. Clients and agents take decisions by it, so it stands where Apache's would. */
const COMPATIBLE_WITH = '3.9.5';

/**
 * As `srvr`, `envi` and `mntr` print it: `3.9.5-<build>, built on <date>`. Agents cut it at the comma; the build says
 * that this is not Apache's server.
 */
export const ZOOKEEPER_VERSION = `${COMPATIBLE_WITH}-zookeeper-ts.${version}, built on 2026-02-11 20:15 UTC`;

/** For people. */
export const SERVER_VERSION = `zookeeper-ts ${version} (compatible with Apache ZooKeeper ${COMPATIBLE_WITH})`;

/** `version`: scripts look for the number behind `Apache ZooKeeper, version`. */
export const VERSION_LINE = `Apache ZooKeeper, version ${COMPATIBLE_WITH} compatible: zookeeper-ts ${version}`;
