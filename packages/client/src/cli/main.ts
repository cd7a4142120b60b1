#!/usr/bin/env node
import { runCli } from './run.ts';

process.exitCode = await runCli(process.argv.slice(2), { input: process.stdin, output: process.stdout, error: process.stderr });
