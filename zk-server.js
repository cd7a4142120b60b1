#!/usr/bin/env node
// `node zk-server conf/zoo1.cfg`, from any directory. Plain JavaScript, so that it can say what is missing.
import { existsSync, statSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const NEEDED = [20, 19];
const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
const main = new URL('./packages/server/dist/main.js', import.meta.url);
const bundled = new URL('./packages/server/dist/bundle/main.js', import.meta.url);
/** What is in the bundle (packages/server/bundle.js). */
const PACKAGES = ['jute', 'protocol', 'tree', 'store', 'election', 'zab', 'peer', 'server'];

/** The bundle starts in half the time; after a `tsc` alone it is out of date. */
function newest() {
  const builtAt = timeOf(bundled);
  const isCurrent = PACKAGES.every((name) => timeOf(new URL(`./packages/${name}/dist/.tsbuildinfo`, import.meta.url)) <= builtAt);
  return builtAt > 0 && isCurrent ? bundled : main;
}

function timeOf(file) {
  return statSync(file, { throwIfNoEntry: false })?.mtimeMs ?? 0;
}

if (major < NEEDED[0] || (major === NEEDED[0] && minor < NEEDED[1])) {
  console.error(`zk-server needs Node.js ${NEEDED.join('.')} or later, this is ${process.versions.node}.`);
  process.exitCode = 1;
} else if (!existsSync(main)) {
  console.error(`zk-server is not built yet: run "npm install" and "npm run build" in ${fileURLToPath(new URL('.', import.meta.url))}`);
  process.exitCode = 1;
} else {
  const { main: run } = await import(newest().href);
  await run(process.argv.slice(2));
}
