import { TOOLS } from './catalogue.ts';
import type { Tool } from './tool.ts';

/** `--help` of one tool. */
export function helpOf({ name, operands, summary, about, options, examples }: Tool): string {
  const shown = options.map(({ name: option, value, about: text }) => [`--${option}${value === undefined ? '' : ` ${value}`}`, text] as const);
  const width = Math.max(...shown.map(([option]) => option.length)) + 2;
  return [
    `zk-server ${name}: ${summary}.`,
    '',
    `Usage: zk-server ${name} ${operands} [options]`,
    '',
    about,
    '',
    'Options:',
    ...shown.map(([option, text]) => `  ${option.padEnd(width)}${text}`),
    '',
    'Examples:',
    ...examples.map((example) => `  ${example}`),
    '',
    'Exit codes: 0 done, 1 see above or the message, 2 wrong arguments.',
    '',
  ].join('\n');
}

/** `zk-server log`, without saying what to do with it. */
export function helpOfGroup(group: string): string {
  const tools = TOOLS.filter(({ name }) => name === group || name.startsWith(`${group} `));
  const usages = tools.map(({ name, operands, summary }) => `  zk-server ${name} ${operands}\n      ${summary}\n`);
  return `Usage:\n${usages.join('')}\nEach has a --help.\n`;
}
