// The prediction conversation: where → model → data → column → confirmation → launching. "Predict with it" under a finished training
// comes in at the data.
import type { TrainingJob } from '../../../crds/crds.generated.ts';
import { createdAt, identityOf } from '../../../crds/objects.ts';
import { askData, missingColumns } from '../../wording/data.ts';
import { cancelled, chooseAButton, noCloud, noCluster, pleaseWait, suspendedNow } from '../../wording/general.ts';
import {
  askColumn,
  askPrediction,
  askPredictModel,
  askPredictPlace,
  columnTaken,
  columnUnfit,
  launchingPrediction,
  noModels,
} from '../../wording/prediction.ts';
import { launchRefused } from '../../wording/training.ts';
import type { Effect } from '../effect.ts';
import { isSuspended, type Facts } from '../facts.ts';
import type { Input } from '../input.ts';
import { IDLE, type At, type ChosenModel, type Place } from '../state.ts';
import { mark, pressed, refusal, say, toast, turn, valueOf, type StepDefinition, type Turn } from '../turn.ts';
import { onData } from './data.ts';

const QUESTION = 'Which data shall be predicted for?';
const MOST_NAME = 300;

export const predictPlace: StepDefinition<'predictPlace'> = {
  ask: ({ token }, facts) => askPredictPlace(token, facts),
  on: (state, input, facts) => {
    if (input.kind !== 'button') return turn(state, say(chooseAButton()));
    const place = valueOf(input.data) === 'cloud' ? 'Cloud' : 'Cluster';
    if (place === 'Cloud' && !facts.cloudEnabled) return turn(state, toast(input.queryId, noCloud));
    if (place === 'Cluster' && !facts.clusterPredictions) return turn(state, toast(input.queryId, noCluster));
    const models = modelsOf(facts);
    if (models.length === 0) return turn(IDLE, ...pressed(input), say(noModels()));
    const next = { step: 'predictModel', token: facts.token, place } as const;
    return turn(next, ...pressed(input), say(askPredictModel(next.token, models)));
  },
};

/** Trainings that ended with a model, newest first. */
export function modelsOf(facts: Facts): TrainingJob[] {
  return (facts.trainings ?? [])
    .filter((job) => job.status?.phase === 'Succeeded' && !job.metadata?.deletionTimestamp)
    .sort((a, b) => createdAt(b).localeCompare(createdAt(a)));
}

export const chosen = (job: TrainingJob): ChosenModel => ({
  ref: job.metadata?.name ?? '',
  target: job.spec.target,
  features: job.status?.model?.features ?? job.spec.features ?? [],
});

export const predictModel: StepDefinition<'predictModel'> = {
  ask: ({ token }, facts) => askPredictModel(token, modelsOf(facts)),
  on: (state, input, facts) => {
    const models = modelsOf(facts);
    const job =
      input.kind === 'button'
        ? models.find((one) => valueOf(input.data) === `m${mark(identityOf(one))}`)
        : input.kind === 'text'
          ? models.find(({ metadata }) => metadata?.name === input.text.trim())
          : undefined;
    if (job) return beginPrediction(state.place, job, facts, pressed(input));
    if (input.kind === 'button')
      return turn(
        state,
        refusal('UseModel', input.data, 'No model of this user.'),
        toast(input.queryId, 'That model is not there any more.'),
      );
    return turn(state, say(askPredictModel(state.token, models)));
  },
};

/** Straight to the data, with this model. */
export function beginPrediction(place: Place, job: TrainingJob, facts: Facts, before: readonly Effect[]): Turn {
  const next = { step: 'predictData', token: facts.token, place, model: chosen(job) } as const;
  return turn(next, ...before, say(predictData.ask(next, facts)));
}

export const predictData: StepDefinition<'predictData'> = {
  ask: ({ token }, facts) => askData(token, facts, QUESTION, 'predict'),
  on: (state, input, facts) =>
    onData(
      state,
      input,
      facts,
      ({ place, model }, table) => {
        // Where the columns can't be read from here, the operator looks before anything runs.
        const missing =
          table.columns.length === 0 ? [] : model.features.filter((name) => !table.columns.includes(name));
        if (missing.length > 0) {
          const others = table.columns.filter((name) => !model.features.includes(name));
          return { refused: missingColumns(missing, others, model.target) };
        }
        const next = { step: 'predictColumn', token: facts.token, place, model, table } as const;
        return turn(next, say(askColumn(next, suggested(table.columns))));
      },
      QUESTION,
    ),
};

/** `prediction`, or with the first number that is free. */
export function suggested(columns: readonly string[]): string {
  for (let at = 1; ; at += 1) {
    const name = at === 1 ? 'prediction' : `prediction_${at}`;
    if (!columns.includes(name)) return name;
  }
}

export const predictColumn: StepDefinition<'predictColumn'> = {
  ask: (state) => askColumn(state, suggested(state.table.columns)),
  on: (state, input, facts) => {
    const { columns } = state.table;
    if (input.kind === 'button') return chosenColumn(state, suggested(columns), input, facts);
    if (input.kind !== 'text') return turn(state, say(predictColumn.ask(state, facts)));
    const name = input.text.trim();
    if (name === '' || name.length > MOST_NAME || /\p{Cc}/u.test(name)) return turn(state, say(columnUnfit()));
    return columns.includes(name) ? turn(state, say(columnTaken(name))) : chosenColumn(state, name, input, facts);
  },
};

function chosenColumn(state: At<'predictColumn'>, column: string, input: Input, facts: Facts): Turn {
  const next = { ...state, step: 'predictConfirm', token: facts.token, column } as const;
  return turn(next, ...pressed(input), say(askPrediction(next, facts)));
}

export const predictConfirm: StepDefinition<'predictConfirm'> = {
  ask: (state, facts) => askPrediction(state, facts),
  on: (state, input, facts) => {
    if (input.kind !== 'button') return turn(state, say(chooseAButton()));
    if (valueOf(input.data) !== 'go') return turn(IDLE, ...pressed(input), say(cancelled('prediction')));
    if (isSuspended(facts)) return turn(state, toast(input.queryId, suspendedNow));
    const { messageId, queryId } = input;
    return turn(
      { ...state, step: 'predictLaunch' },
      toast(queryId, '🚀'),
      { do: 'edit', messageId, message: launchingPrediction(state) },
      { do: 'predict', token: state.token, cardId: messageId, choice: state },
    );
  },
};

export const predictLaunch: StepDefinition<'predictLaunch'> = {
  ask: () => pleaseWait(),
  on: (state, input, facts) => {
    if (input.kind === 'launched') return turn(IDLE);
    if (input.kind === 'launchRefused') {
      const next = { ...state, step: 'predictConfirm', token: facts.token } as const;
      return turn(next, say(launchRefused('prediction', input.message)), say(askPrediction(next, facts)));
    }
    return input.kind === 'button'
      ? turn(state, toast(input.queryId, 'It is being launched.'))
      : turn(state, say(pleaseWait()));
  },
};
