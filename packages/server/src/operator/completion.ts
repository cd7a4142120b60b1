import { ACTIONS } from '../arguments.ts';
import { KEYS } from '../config.ts';
import { TOOLS, toolNamed } from '../tools/catalogue.ts';
import { TOOL_GROUPS } from '../tools/groups.ts';
import type { Tool } from '../tools/tool.ts';
import type { Terminal } from './terminal.ts';

const SHELLS = { bash: bashCompletion, zsh: zshCompletion, fish: fishCompletion };

/** `completion bash`: a script for the shell to read. @returns the exit code */
export function completion([shell]: readonly string[], terminal: Terminal): number {
  if (shell === undefined || !Object.hasOwn(SHELLS, shell)) {
    terminal.error(`usage: zk-server completion ${Object.keys(SHELLS).join('|')}\n\n  source <(zk-server completion bash)     in ~/.bashrc\n  zk-server completion fish | source      in ~/.config/fish/config.fish\n`);
    return 2;
  }
  terminal.out(SHELLS[shell as keyof typeof SHELLS]());
  return 0;
}

const words = (): string => ACTIONS.map(({ name }) => name).join(' ');
const optionsOf = ({ options }: Tool): string => [...options.map(({ name }) => `--${name}`), '--help'].join(' ');
/** `log` → `dump verify repair truncate`; nothing where the group is the whole name. */
const wordsOf = (group: string): string => TOOLS.filter(({ name }) => name.startsWith(`${group} `)).map(({ name }) => name.slice(group.length + 1)).join(' ');
const groupsWithWords = TOOL_GROUPS.filter((group) => wordsOf(group) !== '');
const settings = (): string => Object.keys(KEYS).map((key) => `${key}=`).join(' ');

function bashCompletion(): string {
  return `_zk_server() {
  local word=\${COMP_WORDS[COMP_CWORD]} before=\${COMP_WORDS[COMP_CWORD-1]}
  if [[ $before == --set ]]; then
    compopt -o nospace
    COMPREPLY=($(compgen -W '${settings()}' -- "$word"))
  elif [[ $COMP_CWORD == 1 ]]; then
    COMPREPLY=($(compgen -W '${words()} --help --version --set' -- "$word") $(compgen -f -X '!*.cfg' -- "$word") $(compgen -d -- "$word"))
  elif [[ $before == completion ]]; then
    COMPREPLY=($(compgen -W '${Object.keys(SHELLS).join(' ')}' -- "$word"))
${groupsWithWords.map(bashWords).join('')}${TOOL_GROUPS.flatMap(toolsOf).map(bashTool).join('')}  else
    COMPREPLY=($(compgen -W '--set' -- "$word") $(compgen -f -X '!*.cfg' -- "$word") $(compgen -d -- "$word"))
  fi
}
complete -F _zk_server -o filenames zk-server
`;
}

/** The tools that begin with this word, as they are typed. */
function toolsOf(group: string): { typed: string; tool: Tool }[] {
  const typed = wordsOf(group) === '' ? [group] : wordsOf(group).split(' ').map((word) => `${group} ${word}`);
  return typed.flatMap((name) => {
    const named = toolNamed(name.split(' '));
    return named === null ? [] : [{ typed: name, tool: named.tool }];
  });
}

function bashWords(group: string): string {
  return `  elif [[ $COMP_CWORD == 2 && $before == ${group} ]]; then
    COMPREPLY=($(compgen -W '${wordsOf(group)} --help' -- "$word"))
`;
}

function bashTool({ typed, tool }: { typed: string; tool: Tool }): string {
  const [first, second] = typed.split(' ');
  const isThis = second === undefined ? `\${COMP_WORDS[1]} == ${first}` : `"\${COMP_WORDS[1]} \${COMP_WORDS[2]}" == "${typed}"`;
  return `  elif [[ ${isThis} ]]; then
    COMPREPLY=($(compgen -W '${optionsOf(tool)}' -- "$word") $(compgen -f -- "$word"))
`;
}

function zshCompletion(): string {
  return `#compdef zk-server
autoload -U +X bashcompinit && bashcompinit
${bashCompletion()}`;
}

function fishCompletion(): string {
  const actions = ACTIONS.map(({ name, summary }) => `complete -c zk-server -n __fish_use_subcommand -a ${name} -d '${summary.replaceAll("'", "\\'")}'`);
  return [
    ...actions,
    `complete -c zk-server -l set -x -a '${settings()}' -d 'as if it were the last line of zoo.cfg'`,
    ...groupsWithWords.map((group) => `complete -c zk-server -n '__fish_seen_subcommand_from ${group}' -a '${wordsOf(group)}'`),
    ...TOOL_GROUPS.flatMap(toolsOf).flatMap(fishTool),
    `complete -c zk-server -n '__fish_seen_subcommand_from completion' -x -a '${Object.keys(SHELLS).join(' ')}'`,
    '',
  ].join('\n');
}

function fishTool({ typed, tool }: { typed: string; tool: Tool }): string[] {
  const condition = typed.split(' ').map((word) => `__fish_seen_subcommand_from ${word}`).join('; and ');
  return tool.options.map(({ name, value, about }) => `complete -c zk-server -n '${condition}' -l ${name}${value === undefined ? '' : ' -r'} -d '${about.replaceAll("'", "\\'")}'`);
}
