import { ACTIONS } from '../arguments.ts';
import { KEYS } from '../config.ts';
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
  else
    COMPREPLY=($(compgen -W '--set' -- "$word") $(compgen -f -X '!*.cfg' -- "$word") $(compgen -d -- "$word"))
  fi
}
complete -F _zk_server -o filenames zk-server
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
    `complete -c zk-server -n '__fish_seen_subcommand_from completion' -x -a '${Object.keys(SHELLS).join(' ')}'`,
    '',
  ].join('\n');
}
