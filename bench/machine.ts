import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { availableParallelism, cpus, loadavg, release, totalmem } from 'node:os';

/** What the figures were measured on, as markdown. */
export function describeMachine(withJava: boolean): string {
  const [cpu] = cpus();
  const lines = [
    `- ${availableParallelism()} × ${cpu?.model ?? 'unknown CPU'}, ${(totalmem() / 2 ** 30).toFixed(0)} GiB, Linux ${release()}`,
    `- load average when the run began: ${loadavg().map((load) => load.toFixed(2)).join(', ')}`,
    `- Node.js ${process.version}${withJava ? `; ${javaVersion()}` : ''}`,
    `- commit ${git('rev-parse', '--short', 'HEAD')}`,
  ];
  const pressure = cpuPressure();
  if (pressure !== null) lines.push(`- CPU pressure (some, avg300): ${pressure} %`);
  return lines.join('\n');
}

function javaVersion(): string {
  return run('java', '--version').split('\n')[1] ?? 'no Java';
}

function git(...args: string[]): string {
  return run('git', ...args).trim();
}

function run(command: string, ...args: string[]): string {
  try {
    return execFileSync(command, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] });
  } catch {
    return '';
  }
}

/** The share of time in which something waited for a CPU; null where the kernel does not tell. */
function cpuPressure(): string | null {
  try {
    return /some .*avg300=([\d.]+)/.exec(readFileSync('/proc/pressure/cpu', 'latin1'))?.[1] ?? null;
  } catch {
    return null;
  }
}
