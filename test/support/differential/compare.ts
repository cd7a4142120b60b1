import { describeSteps, type Heard, type Step, type Transcript } from './play.ts';

/** How many lines of agreement are shown before the first difference. */
const BEFORE = 6;

/** Empty when both servers said the same; else the steps and, for each connection that differs, where it begins to. */
export function differences(steps: readonly Step[], ours: Transcript, apache: Transcript): string {
  const connections = new Set([...ours.keys(), ...apache.keys()]);
  const found = [...connections].map((name) => difference(name, ours.get(name) ?? [], apache.get(name) ?? [])).filter((text) => text !== '');
  return found.length === 0 ? '' : `\n${describeSteps(steps)}\n\n${found.join('\n')}`;
}

function difference(name: string, ours: readonly Heard[], apache: readonly Heard[]): string {
  const length = Math.max(ours.length, apache.length);
  for (let at = 0; at < length; at++) {
    if (lineOf(ours[at]) === lineOf(apache[at])) continue;
    const before = ours.slice(Math.max(0, at - BEFORE), at).map((heard) => `  both    ${lineOf(heard)}`);
    return [`connection ${name}:`, ...before, `  ours    ${lineOf(ours[at])}`, `  apache  ${lineOf(apache[at])}`].join('\n');
  }
  return '';
}

const lineOf = (heard: Heard | undefined): string => (heard === undefined ? 'nothing more' : `${heard.at}: ${heard.text}`);
