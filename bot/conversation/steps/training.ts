// The training conversation: where → data → target → features → model (→ settings) → confirmation → launching. Each step is a
// question and what its answers do; machine.ts has already sorted out commands and buttons of older messages.
import {
  askFeatures,
  askModel,
  askSettings,
  askTarget,
  askTraining,
  askTrainPlace,
  launchingTraining,
  launchRefused,
  pagesOf,
  unknownColumn,
} from '../../wording/training.ts';
import { askData } from '../../wording/data.ts';
import { cancelled, chooseAButton, noCloud, pleaseWait, suspendedNow } from '../../wording/general.ts';
import { escape, short } from '../../wording/html.ts';
import { column, pick } from '../columns.ts';
import { isSuspended, type Facts } from '../facts.ts';
import type { Input } from '../input.ts';
import { isOffered, otherTask } from '../models.ts';
import { settingsOf } from '../settings.ts';
import { IDLE, type At } from '../state.ts';
import { pressed, say, toast, turn, valueOf, type StepDefinition, type Turn } from '../turn.ts';
import { onData } from './data.ts';

const QUESTION = 'Which data shall it learn from?';
const MOST_NAME = 300;
const MOST_PROBLEM = 1500;

export const trainPlace: StepDefinition<'trainPlace'> = {
  ask: ({ token }, facts) => askTrainPlace(token, facts),
  on: (state, input, facts) => {
    if (input.kind !== 'button') return turn(state, say(chooseAButton()));
    const place = valueOf(input.data) === 'cloud' ? 'Cloud' : 'Cluster';
    if (place === 'Cloud' && !facts.cloudEnabled) return turn(state, toast(input.queryId, noCloud));
    const next = { step: 'trainData', token: facts.token, place } as const;
    return turn(next, ...pressed(input), say(trainData.ask(next, facts)));
  },
};

export const trainData: StepDefinition<'trainData'> = {
  ask: ({ token }, facts) => askData(token, facts, QUESTION, 'train'),
  on: (state, input, facts) =>
    onData(
      state,
      input,
      facts,
      ({ place }, table) => {
        const next = { step: 'trainTarget', token: facts.token, place, table, page: 0 } as const;
        return turn(next, say(askTarget(next)));
      },
      QUESTION,
    ),
};

export const trainTarget: StepDefinition<'trainTarget'> = {
  ask: (state) => askTarget(state),
  on: (state, input, facts) => {
    const { columns } = state.table;
    if (input.kind === 'text') {
      // Where the columns can't be seen, the name is as it is typed.
      const target = columns.length === 0 ? input.text.trim() || undefined : column(input.text, columns);
      return target === undefined
        ? turn(state, say(columns.length === 0 ? askTarget(state) : unknownColumn(input.text, columns)))
        : chosenTarget(state, target, input, facts);
    }
    if (input.kind !== 'button') return turn(state, say(askTarget(state)));
    const value = valueOf(input.data);
    const at = Number(value.slice(1));
    if (value.startsWith('p') && Number.isInteger(at) && at >= 0 && at < pagesOf(columns)) {
      const next = { ...state, page: at };
      return turn(next, toast(input.queryId, ''), { do: 'edit', messageId: input.messageId, message: askTarget(next) });
    }
    const target = value.startsWith('c') ? columns[at] : undefined;
    return target === undefined
      ? turn(state, toast(input.queryId, 'There is no such column.'))
      : chosenTarget(state, target, input, facts);
  },
};

function chosenTarget(state: At<'trainTarget'>, target: string, input: Input, facts: Facts): Turn {
  if (target.length > MOST_NAME)
    return turn(
      state,
      say({ html: `The name of a target may have at most ${MOST_NAME} characters. Rename the column.` }),
    );
  const { place, table } = state;
  const next = { step: 'trainFeatures', token: facts.token, place, table, target, features: [] } as const;
  if (table.columns.length === 0) return chosenFeatures(next, [], input, facts);
  return turn(next, ...pressed(input), say(askFeatures(next)));
}

export const trainFeatures: StepDefinition<'trainFeatures'> = {
  ask: (state) => askFeatures(state),
  on: (state, input, facts) => {
    if (input.kind === 'button') return chosenFeatures(state, [], input, facts);
    if (input.kind !== 'text') return turn(state, say(askFeatures(state)));
    const { found, unknown } = pick(input.text, state.table.columns);
    if (unknown.length > 0) return turn(state, say(unknownColumn(unknown[0] ?? '', state.table.columns)));
    if (found.includes(state.target))
      return turn(state, say({ html: 'The column to predict cannot be one of those it is predicted from.' }));
    if (found.length === 0) return turn(state, say(askFeatures(state)));
    if (found.some((name) => name.length > MOST_NAME))
      return turn(state, say({ html: `A column named here may have at most ${MOST_NAME} characters in its name.` }));
    return chosenFeatures(state, found, input, facts);
  },
};

function chosenFeatures(state: At<'trainFeatures'>, features: readonly string[], input: Input, facts: Facts): Turn {
  const next = { ...state, step: 'trainModel', token: facts.token, features } as const;
  return turn(next, ...pressed(input), say(askModel(next)));
}

export const trainModel: StepDefinition<'trainModel'> = {
  ask: (state) => askModel(state),
  on: (state, input, facts) => {
    if (input.kind !== 'button') return turn(state, say(chooseAButton()));
    const value = valueOf(input.data);
    if (value === 'more') return turned({ ...state, page: 1 }, input);
    if (value === 'often') return turned({ ...state, page: 0 }, input);
    const other = value === 'task' ? otherTask(state) : undefined;
    if (other) return turned({ ...state, page: 0, task: other }, input);
    if (!isOffered(state, value)) return turn(state, say(chooseAButton()));
    const { page: _, ...rest } = state;
    const next = { ...rest, step: 'trainConfirm', token: facts.token, model: value, settings: {} } as const;
    return confirm(next, input, facts);
  },
};

/** The same question with other buttons, in place. */
function turned(next: At<'trainModel'>, { messageId, queryId }: Extract<Input, { kind: 'button' }>): Turn {
  return turn(next, toast(queryId, ''), { do: 'edit', messageId, message: askModel(next) });
}

function confirm(next: At<'trainConfirm'>, input: Input, facts: Facts): Turn {
  return turn(next, ...pressed(input), say(askTraining(next, facts)));
}

export const trainSettings: StepDefinition<'trainSettings'> = {
  ask: (state) => askSettings(state),
  on: (state, input, facts) => {
    const back = { ...state, step: 'trainConfirm', token: facts.token } as const;
    if (input.kind === 'button') return confirm({ ...back, settings: {} }, input, facts);
    if (input.kind !== 'text') return turn(state, say(askSettings(state)));
    const parsed = settingsOf(state.model, input.text);
    if ('problem' in parsed) return turn(state, say({ html: escape(short(parsed.problem, MOST_PROBLEM)) }));
    return confirm({ ...back, settings: parsed.settings }, input, facts);
  },
};

export const trainConfirm: StepDefinition<'trainConfirm'> = {
  ask: (state, facts) => askTraining(state, facts),
  on: (state, input, facts) => {
    if (input.kind !== 'button') return turn(state, say(chooseAButton()));
    switch (valueOf(input.data)) {
      case 'go': {
        if (isSuspended(facts)) return turn(state, toast(input.queryId, suspendedNow));
        const next = { ...state, step: 'trainLaunch' } as const;
        const { messageId, queryId } = input;
        return turn(
          next,
          toast(queryId, '🚀'),
          { do: 'edit', messageId, message: launchingTraining(state) },
          { do: 'train', token: state.token, cardId: messageId, choice: state },
        );
      }
      case 'adjust': {
        const next = { ...state, step: 'trainSettings', token: facts.token } as const;
        return turn(next, ...pressed(input), say(askSettings(next)));
      }
      default:
        return turn(IDLE, ...pressed(input), say(cancelled('training')));
    }
  },
};

export const trainLaunch: StepDefinition<'trainLaunch'> = {
  ask: () => pleaseWait(),
  on: (state, input, facts) => {
    if (input.kind === 'launched') return turn(IDLE);
    if (input.kind === 'launchRefused') {
      const next = { ...state, step: 'trainConfirm', token: facts.token } as const;
      return turn(next, say(launchRefused('training', input.message)), say(askTraining(next, facts)));
    }
    return input.kind === 'button'
      ? turn(state, toast(input.queryId, 'It is being launched.'))
      : turn(state, say(pleaseWait()));
  },
};
