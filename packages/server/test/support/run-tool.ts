import { Progress } from '../../src/tools/progress.ts';
import { runTool } from '../../src/tools/run-tool.ts';

export interface Said {
  readonly code: number;
  readonly out: string;
  readonly error: string;
}

/** Runs `zk-server <words>` in this process, without a terminal. */
export async function say(...words: string[]): Promise<Said> {
  const said = { out: '', error: '' };
  const terminal = { out: (text: string) => void (said.out += text), error: (text: string) => void (said.error += text) };
  const code = await runTool(words, terminal, new Progress({ isTTY: false, columns: 80, write: (text) => void (said.error += text) }));
  return { code, ...said };
}

/** The JSON objects it wrote, one a line. */
export const objects = ({ out }: Said): Record<string, unknown>[] => out.trim().split('\n').map((line) => JSON.parse(line) as Record<string, unknown>);
