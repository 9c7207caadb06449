import { expect } from 'chai';
import type { Attempt, TrainingJobStatus } from '../../../crds/crds.generated.ts';
import { tellings } from '../../../local/play/narration.ts';

const T = '2026-01-01T00:00:00Z';
const asked: Attempt = { number: 2, batch: 'b', market: 'spot', requestedAt: T, resumedFromStep: 7 };
const launched: Attempt = {
  ...asked,
  instanceId: 'i-2',
  instanceType: 'm5.large',
  zone: 'eu-central-1b',
  pricePerHour: 0.03,
};
const works: Attempt = { ...launched, startedAt: T };
const leaves: Attempt = { ...works, leavingAt: T, leavingReason: 'Interruption' };
const ended: Attempt = { ...leaves, endedAt: T, endReason: 'Interrupted', costUsd: 0.0006, lostSeconds: 0 };
const of = (attempt: Attempt, more: TrainingJobStatus = {}): TrainingJobStatus => ({ attempts: [attempt], ...more });
const told = (before: TrainingJobStatus | undefined, now: TrainingJobStatus): string[] =>
  tellings(before, now).map(([what, words]) => `${what}: ${words}`);

describe('The story in words', () => {
  const rows: [what: string, before: TrainingJobStatus | undefined, now: TrainingJobStatus, words: RegExp][] = [
    [
      'an instance with its pool and price',
      of(asked),
      of(launched),
      /^attempt 2: i-2, m5\.large in eu-central-1b, Spot, \$0\.03 an hour$/,
    ],
    ['where a worker goes on', of(launched), of(works), /^attempt 2: the worker reports, goes on after step 7$/],
    [
      'that one begins anew',
      of({ ...launched, resumedFromStep: 0 }),
      of({ ...works, resumedFromStep: 0 }),
      /begins at the beginning$/,
    ],
    ['a notice', of(works), of(leaves), /^attempt 2: the operator has the notice/],
    ['a recommendation', of(works), of({ ...leaves, leavingReason: 'Rebalance' }), /recommendation: .*another pool$/],
    ['a reason it has no words for', of(works), of({ ...leaves, leavingReason: 'New' }), /being replaced$/],
    [
      'an end without a loss',
      of(leaves),
      of(ended),
      /^attempt 2: over: Interrupted; no work was lost, it cost \$0\.0006$/,
    ],
    [
      'what was lost',
      of(works),
      of(
        { ...works, endedAt: T, costUsd: 0.0006, endReason: 'InstanceLost', lostSeconds: 51, lostUsd: 0.0005 },
        { progress: { lastCheckpointStep: 7 } },
      ),
      /over: InstanceLost; 51 s of work since step 7 are lost \(\$0\.0005\)/,
    ],
    [
      'a good end',
      of(works),
      of({ ...works, endedAt: T, endReason: 'Succeeded', costUsd: 0.001 }),
      /over: Succeeded; it cost \$0\.0010$/,
    ],
    [
      'a checkpoint',
      {},
      { progress: { lastCheckpointStep: 7, steps: 40 } },
      /^checkpoint: step 7 of 40 is safe in S3$/,
    ],
    [
      'the admission',
      {},
      {
        startTime: T,
        conditions: [{ type: 'Accepted', status: 'True', reason: 'Admitted', message: 'Fit.', lastTransitionTime: T }],
      },
      /^accepted: Fit\.$/,
    ],
    ['a wait', { phase: 'Launching' }, { phase: 'Queued', message: 'No capacity.' }, /^queued: No capacity\.$/],
  ];
  for (const [what, before, now, words] of rows)
    it(`tells ${what}, once`, () => {
      const lines = told(before, now).filter((line) => !line.startsWith('checkpoint') || what === 'a checkpoint');
      expect(lines).to.have.length(1);
      expect(lines[0]).to.match(words);
      expect(told(now, now)).to.deep.equal([]);
    });

  it('leaves out phases whose attempts tell it', () => {
    expect(told({ phase: 'Launching' }, { phase: 'Booting', message: 'boots' })).to.deep.equal([]);
  });

  it('tells everything to whoever comes late', () => {
    expect(told(undefined, of(ended))).to.have.length(4);
  });
});
