const WORD = /"([^"]*)"|'([^']*)'|([^\s"']\S*)/g;

/** A typed line as a command and its arguments; quotes keep blanks together and are taken off. */
export function splitLine(line: string): string[] {
  return [...line.matchAll(WORD)].map(([, double, single, plain]) => double ?? single ?? plain ?? '');
}
