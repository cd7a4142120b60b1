import { fileURLToPath } from 'node:url';
import { runEnsemble } from './ensemble.ts';

const launcher = fileURLToPath(new URL('../../../zk-server.js', import.meta.url));
process.exitCode = await runEnsemble(process.argv.slice(2), launcher);
