#!/usr/bin/env node
// `node zk-cli -server host:port ls /`, from any directory. Plain JavaScript, so that it can say what is missing.
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const main = new URL('./packages/client/dist/cli/main.js', import.meta.url);

if (existsSync(main)) {
  await import(main.href);
} else {
  console.error(`zk-cli is not built yet: run "npm install" and "npm run build" in ${fileURLToPath(new URL('.', import.meta.url))}`);
  process.exitCode = 1;
}
