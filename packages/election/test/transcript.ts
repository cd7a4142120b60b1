import { expect } from 'vitest';
import { asSid, EnsembleConfig, NO_VOTE, ServerState } from '@zk/protocol';
import type { Notification } from '@zk/protocol';
import { describe as describeEffect, Election } from '@zk/election';
import type { ElectionEffect, ElectionInput, ElectionOptions } from '@zk/election';

/** A config of servers on hosts h1, h2, …, with `:observer` where that is asked for, and other lines as they are. */
export function config({ voters, observers = [], extra = '' }: { voters: number[]; observers?: number[]; extra?: string }): EnsembleConfig {
  const servers = [...voters.map((n) => `server.${n}=h${n}:2888:3888`), ...observers.map((n) => `server.${n}=h${n}:2888:3888:observer`)];
  return EnsembleConfig.parse([...servers, extra].join('\n'));
}

/** A machine, and the clock it is shown. */
export interface Subject {
  election: Election;
  now: number;
}

/** Server `sid` of an ensemble of three, unless told otherwise. */
export function server(sid: number, options: Partial<ElectionOptions> = {}): Subject {
  const members = options.config ?? config({ voters: [1, 2, 3] });
  const role = members.observers.has(asSid(BigInt(sid))) ? 'observer' : 'participant';
  return { election: new Election({ sid: asSid(BigInt(sid)), config: members, role, ...options }), now: 0 };
}

/**
 * Feeds inputs, one per line, and writes down each with its effects, the receivers of the same message together.
 * `wait 200` lets time pass, with a tick at every deadline within it.
 */
export function run(subject: Subject, ...inputs: string[]): string {
  const lines = inputs.flatMap((input) => [`> ${input}`, ...describeAll(perform(subject, input)).map((line) => `  ${line}`)]);
  return ['', ...lines].join('\n');
}

/**
 * Plays a transcript: feeds the inputs, which are its `>` lines, and expects the effects that stand below each of them.
 * @param transcript begins with a line break
 */
export function plays(subject: Subject, transcript: string): void {
  const expected = withoutIndent(transcript);
  const inputs = expected.split('\n').filter((line) => line.startsWith('> ')).map((line) => line.slice(2));
  expect(run(subject, ...inputs)).toBe(expected);
}

function withoutIndent(text: string): string {
  const indent = /^\n( *)/.exec(text)?.[1] ?? '';
  return text.replaceAll(`\n${indent}`, '\n').trimEnd();
}

function perform(subject: Subject, text: string): ElectionEffect[] {
  const wait = /^wait (\d+)$/.exec(text);
  if (!wait) return subject.election.step(inputOf(text), subject.now);
  const effects: ElectionEffect[] = [];
  const end = subject.now + Number(wait[1]);
  while (subject.election.nextDeadline() <= end) {
    subject.now = subject.election.nextDeadline();
    effects.push(...subject.election.step({ kind: 'tick' }, subject.now));
  }
  subject.now = end;
  return effects;
}

function inputOf(text: string): ElectionInput {
  const look = /^look with epoch (\d+), zxid (-1|0x[0-9a-f]+)$/.exec(text);
  if (look) return { kind: 'look', currentEpoch: BigInt(look[1]!), lastLogged: BigInt(look[2]!) };
  const event = /^(connected|unreachable) (\d+)$/.exec(text);
  if (event) return { kind: event[1] as 'connected' | 'unreachable', sid: asSid(BigInt(event[2]!)) };
  const established = /^established (\d+)$/.exec(text);
  if (established) return { kind: 'established', epoch: BigInt(established[1]!) };
  return notificationOf(text);
}

const NOTIFICATION =
  /^(?<from>\d+): (?<state>[A-Z]+) (?:for|under) (?<leader>\d+|nobody)(?: \(epoch (?<epoch>\d+), zxid (?<zxid>-1|0x[0-9a-f]+)\))?, round (?<round>-?\d+)(?: config (?<config>.*))?$/;

function notificationOf(text: string): ElectionInput {
  const groups = NOTIFICATION.exec(text)?.groups;
  if (!groups) throw new Error(`not an input: ${text}`);
  const message: Notification = {
    state: ServerState[groups.state as keyof typeof ServerState],
    leader: groups.leader === 'nobody' ? NO_VOTE : BigInt(groups.leader!),
    zxid: groups.zxid === undefined ? NO_VOTE : BigInt(groups.zxid),
    peerEpoch: groups.epoch === undefined ? NO_VOTE : BigInt(groups.epoch),
    electionEpoch: BigInt(groups.round!),
    version: 2,
    config: groups.config?.replaceAll('; ', '\n') ?? null,
  };
  return { kind: 'notification', from: asSid(BigInt(groups.from!)), message };
}

function describeAll(effects: ElectionEffect[]): string[] {
  const lines: string[] = [];
  for (const line of effects.map(describeEffect)) {
    const [message, receiver] = line.split(' → ');
    const last = lines.at(-1);
    if (receiver !== undefined && last?.startsWith(`${message} → `)) lines[lines.length - 1] = `${last} ${receiver}`;
    else lines.push(line);
  }
  return lines;
}
