// What the tables of conversation tests share: facts, a table, and jobs as the API server would give them.
import type { Facts } from '../../../bot/conversation/facts.ts';
import type { Input } from '../../../bot/conversation/input.ts';
import type { Conversation, Table } from '../../../bot/conversation/state.ts';
import type { Effect, Message } from '../../../bot/conversation/effect.ts';
import { reduce } from '../../../bot/conversation/machine.ts';
import type { Turn } from '../../../bot/conversation/turn.ts';
import type { Account, PredictionJob, TrainingJob } from '../../../crds/crds.generated.ts';

export const account: Account = {
  metadata: { name: 'user-12' },
  spec: {
    userId: '12',
    role: 'user',
    suspend: false,
    approval: 'Approved',
    limits: { trainingUsd: 5, predictionUsd: 0.5, monthlyUsd: 50 },
    warnPercent: 80,
  },
  status: { namespace: 'ml-user-12' },
};

export const table: Table = {
  uri: 's3://spot/datasets/user_12/20260101T000000Z_houses.csv',
  name: 'houses.csv',
  bytes: 4000,
  columns: ['rooms', 'area', 'town', 'price'],
  rows: 100,
  classes: [2],
};

export const facts = (more: Partial<Facts> = {}): Facts => ({
  now: Date.UTC(2026, 0, 2),
  token: 'freshtoken',
  userId: '12',
  userName: 'Ada',
  bucket: { bucket: 'spot', datasetPrefix: 'datasets', modelPrefix: 'models', predictionPrefix: 'predictions' },
  cloudEnabled: true,
  clusterPredictions: true,
  account,
  limits: account.spec.limits,
  datasetLifecycleDays: 90,
  ...more,
});

export const training = (phase: string, more: Partial<TrainingJob['spec']> = {}, uid = 'u-1'): TrainingJob =>
  ({
    kind: 'TrainingJob',
    metadata: { name: `job-${uid}`, uid, namespace: 'ml-user-12', creationTimestamp: '2026-01-01T00:00:00Z' },
    spec: { dataset: { uri: table.uri }, target: 'price', model: { type: 'ridge' }, placement: 'Spot', ...more },
    status: { phase, model: { features: ['rooms', 'area'], type: 'ridge' }, metrics: { r2: 0.9, baseline_r2: 0 } },
  }) as unknown as TrainingJob;

export const prediction = (phase: string, uid = 'p-1'): PredictionJob =>
  ({
    kind: 'PredictionJob',
    metadata: { name: `pred-${uid}`, uid, namespace: 'ml-user-12', creationTimestamp: '2026-01-01T00:00:00Z' },
    spec: { modelRef: 'job-u-1', data: { uri: table.uri }, predictionColumn: 'prediction', placement: 'Lambda' },
    status: { phase },
  }) as unknown as PredictionJob;

export const press = (data: string): Input => ({ kind: 'button', data, messageId: 77, queryId: 'q' });
export const type = (text: string): Input => ({ kind: 'text', text });
export const command = (
  name: 'train' | 'predict' | 'cancel' | 'start' | 'help' | 'jobs' | 'models' | 'datasets' | 'cost' | 'status',
): Input => ({
  kind: 'command',
  name,
});

export const said = (turn: Turn): Message[] =>
  turn.effects.flatMap((effect) => (effect.do === 'say' ? [effect.message] : []));
export const words = (turn: Turn): string =>
  said(turn)
    .map(({ html }) => html)
    .join('\n');
export const toasts = (turn: Turn): string[] =>
  turn.effects.flatMap((effect) => (effect.do === 'toast' ? [effect.text] : []));
export const doing = <D extends Effect['do']>(turn: Turn, what: D): Extract<Effect, { do: D }> | undefined =>
  turn.effects.find((effect): effect is Extract<Effect, { do: D }> => effect.do === what);
export const buttons = (message: Message | undefined): string[] =>
  (message?.buttons ?? []).flat().map(({ text }) => text);
/** Callback data of the button with this label in what was said last. */
export function dataOf(turn: Turn, label: string): string {
  const all = said(turn).flatMap((message) => (message.buttons ?? []).flat());
  const found = all.findLast(({ text }) => text === label);
  if (!found || !('data' in found))
    throw new Error(`no button ${label} among ${all.map(({ text }) => text).join(', ')}`);
  return found.data;
}

/** Inputs one after the other; a string beginning with `>` presses the button with that label. */
export function walk(start: Conversation, inputs: readonly (Input | string)[], world: Facts = facts()): Turn {
  let at: Turn = { next: start, effects: [] };
  let shown = at;
  inputs.forEach((input, number) => {
    const real = typeof input === 'string' ? press(dataOf(shown, input.slice(1))) : input;
    at = reduce(at.next, real, { ...world, token: `token${number}` });
    if (said(at).length > 0) shown = at;
  });
  return at;
}
