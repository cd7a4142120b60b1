import type { Terminal } from '../operator/terminal.ts';
import type { Progress } from './progress.ts';

/** One option of a tool. Without `value` it is a switch. */
export interface ToolOption {
  readonly name: string;
  /** What stands for its value in the help: `<zxid>`. */
  readonly value?: string;
  readonly about: string;
}

/** A command on the files of a data directory: `zk-server log dump`. */
export interface Tool {
  readonly name: string;
  readonly operands: string;
  readonly operandCount: { readonly least: number; readonly most: number };
  readonly summary: string;
  /** Paragraphs of its help. */
  readonly about: string;
  readonly options: readonly ToolOption[];
  readonly examples: readonly string[];
  /** Loads what does it. */
  load(): Promise<ToolRun>;
}

/** @returns the exit code */
export type ToolRun = (call: ToolCall) => Promise<number> | number;

/** One call of a tool. */
export interface ToolCall {
  readonly operands: readonly string[];
  readonly terminal: Terminal;
  readonly progress: Progress;
  /** ms since 1970. */
  readonly now: number;
  /** The value of an option; `null` when it was not given. */
  value(option: string): string | null;
  isSet(option: string): boolean;
}

/** What keeps a tool from its work, in words for whoever called it. */
export class ToolError extends Error {
  override readonly name = 'ToolError';
  readonly exitCode: number;

  constructor(message: string, exitCode: number = ToolExit.FAILED) {
    super(message);
    this.exitCode = exitCode;
  }
}

/** What tools end with. */
export const ToolExit = {
  /** Done, or nothing wrong was found. */
  DONE: 0,
  /** Something is wrong with the files, they differ, or the tool would not do what was asked. */
  FAILED: 1,
  WRONG_ARGUMENTS: 2,
} as const;
