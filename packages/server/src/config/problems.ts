/** One thing wrong (or odd) with the configuration: where, what, and what to write instead. */
export interface Problem {
  /** File as the operator named it, or `command line`. */
  readonly file: string;
  /** 1-based; `null` when something is missing rather than wrong. */
  readonly line: number | null;
  readonly what: string;
  readonly fix: string;
}

/** `zoo1.cfg:7 server.2=b:2888 has no election port; write server.2=b:2888:3888` */
export function describeProblem({ file, line, what, fix }: Problem): string {
  return `${line === null ? file : `${file}:${line}`} ${what}${fix === '' ? '' : `; ${fix}`}`;
}

/** The configuration cannot be used. Carries every problem found, not only the first. Exit code 2. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError';
  readonly problems: readonly Problem[];
  /** What was odd besides: a mistyped key may be why another one is missing. */
  readonly warnings: readonly Problem[];

  constructor(problems: readonly Problem[], warnings: readonly Problem[] = []) {
    super(problems.map(describeProblem).join('\n'));
    this.problems = problems;
    this.warnings = warnings;
  }

  /** Everything found, for a terminal. */
  report(): string {
    return [this.message, ...this.warnings.map((warning) => `${describeProblem(warning)} (warning)`)].join('\n');
  }
}

/** Collects what is found while the configuration is read, so that all of it is reported in one go. */
export class Findings {
  readonly errors: Problem[] = [];
  readonly warnings: Problem[] = [];

  error(at: { file: string; line: number | null }, what: string, fix = ''): void {
    this.errors.push({ file: at.file, line: at.line, what, fix });
  }

  warn(at: { file: string; line: number | null }, what: string, fix = ''): void {
    this.warnings.push({ file: at.file, line: at.line, what, fix });
  }
}
