import fc from 'fast-check';
import { expect, test } from 'vitest';
import { Leader } from '../src/index.ts';
import { Ensemble } from './ensemble.ts';

/** One thing that happens; `pick` says to whom, as far as there is a choice. */
interface Event {
  readonly kind: 'deliver' | 'write' | 'propose' | 'elect' | 'join' | 'cut' | 'crash' | 'start' | 'leave';
  readonly pick: number;
}

const kind = fc.oneof(
  { weight: 60, arbitrary: fc.constant('deliver' as const) },
  { weight: 40, arbitrary: fc.constant('write' as const) },
  { weight: 12, arbitrary: fc.constant('propose' as const) },
  { weight: 6, arbitrary: fc.constant('elect' as const) },
  { weight: 12, arbitrary: fc.constant('join' as const) },
  { weight: 2, arbitrary: fc.constant('cut' as const) },
  { weight: 2, arbitrary: fc.constant('crash' as const) },
  { weight: 4, arbitrary: fc.constant('start' as const) },
  { weight: 1, arbitrary: fc.constant('leave' as const) },
);
const events = fc.array(fc.record<Event>({ kind, pick: fc.nat(1000) }), { minLength: 200, maxLength: 600, size: 'max' });

test('whatever is delayed, cut or crashed: one history, no committed txn lost, and in the end everybody has it', () => {
  let committed = 0;
  fc.assert(
    fc.property(events, (schedule) => {
      const ensemble = new Ensemble();
      let value = 0;
      for (const event of schedule) {
        happen(ensemble, event, (value = (value + 1) % 256));
        ensemble.check();
      }
      committed += ensemble.committed.length;
      settle(ensemble);
      for (const member of ensemble.members) {
        expect(member.tree.map(({ bytes }) => bytes.toString('hex'))).toEqual(ensemble.committed.map(({ bytes }) => bytes.toString('hex')));
      }
    }),
    { numRuns: 1000 },
  );
  expect(committed).toBeGreaterThan(200); // or else nothing was tried
});

function happen(ensemble: Ensemble, { kind, pick }: Event, value: number): void {
  const of = <T>(choices: readonly T[]): T | undefined => choices[pick % choices.length];
  switch (kind) {
    case 'deliver': return void of(pending(ensemble))?.();
    case 'write': return of(ensemble.members.filter(({ writes }) => writes.length > 0))?.completeWrite();
    case 'propose': return of(ensemble.members.filter(({ role, isServing }) => isServing && role instanceof Leader))?.propose(value);
    case 'elect': return ensemble.elect(pick);
    case 'join': {
      const member = of(ensemble.members.filter(({ isLooking }) => isLooking));
      return member && ensemble.join(member, pick >> 2);
    }
    case 'cut': {
      const link = of(ensemble.links);
      return link && ensemble.cut(link.id);
    }
    case 'crash': return of(ensemble.members)?.crash();
    case 'start': {
      const member = of(ensemble.members.filter(({ alive }) => !alive));
      if (member) member.alive = true;
      return;
    }
    case 'leave': return of(ensemble.members)?.leave();
  }
}

function pending(ensemble: Ensemble): (() => void)[] {
  return ensemble.links.flatMap((link) => [
    ...(link.toLeader.length > 0 ? [() => ensemble.deliver(link, 'toLeader')] : []),
    ...(link.toLearner.length > 0 ? [() => ensemble.deliver(link, 'toLearner')] : []),
  ]);
}

/** A pick that leaves no voter out of the election. */
const VOTERS_HEARD = 5;

/** Everybody is up, nothing is lost any more: after one more txn all have caught up. */
function settle(ensemble: Ensemble): void {
  for (const member of ensemble.members) {
    member.leave();
    member.alive = true;
  }
  ensemble.elect(VOTERS_HEARD);
  // Whoever agreed to the latest epoch comes first: after a quorum has settled on an earlier one it is shut out (T31).
  const byEpoch = [...ensemble.members].sort((a, b) => Number(b.disk.epochs.accepted - a.disk.epochs.accepted));
  for (const member of byEpoch) ensemble.join(member, 0);
  quiesce(ensemble);
  const leader = ensemble.members.find(({ role }) => role instanceof Leader);
  leader?.propose(255);
  quiesce(ensemble);
  for (const member of ensemble.members) ensemble.join(member, 0); // those that had to be distrusted first
  quiesce(ensemble);
}

function quiesce(ensemble: Ensemble): void {
  for (let isBusy = true; isBusy; ) {
    const deliveries = pending(ensemble);
    const writers = ensemble.members.filter(({ writes }) => writes.length > 0);
    for (const deliver of deliveries) deliver();
    for (const member of writers) member.completeWrite();
    isBusy = deliveries.length + writers.length > 0;
  }
}
