// The conversation: (state, input, facts) → (state, effects), without I/O. Commands first, then buttons of jobs, then buttons of older
// messages (refused), then the present step. chats.ts reads the facts before and stores what comes out before it is done.
import type { TrainingJob } from '../../crds/crds.generated.ts';
import { identityOf } from '../../crds/objects.ts';
import {
  accountRefused,
  fileWhileIdle,
  goneJob,
  idle,
  stale,
  suspendedNow,
  unknownCommand,
  unreachableNow,
  welcome,
} from '../wording/general.ts';
import { foreign } from '../wording/data.ts';
import { confirmCancel, isOver, isTraining, type Job, type JobAction } from '../wording/lists.ts';
import { ACCOUNT_BUTTON, onAccountButton, onAdminCommand } from './administration.ts';
import { jobsOf, onCommand } from './commands.ts';
import type { Effect } from './effect.ts';
import { isSuspended, type Facts, type Wanted } from './facts.ts';
import type { Input } from './input.ts';
import { IDLE, type At, type Conversation, type Place, type Step } from './state.ts';
import {
  beginPrediction,
  predictColumn,
  predictConfirm,
  predictData,
  predictLaunch,
  predictModel,
  predictPlace,
} from './steps/prediction.ts';
import {
  trainConfirm,
  trainData,
  trainFeatures,
  trainLaunch,
  trainModel,
  trainPlace,
  trainSettings,
  trainTarget,
} from './steps/training.ts';
import { pressed, refusal, say, toast, tokenOf, turn, type StepDefinition, type Turn } from './turn.ts';

const STEPS: { readonly [S in Exclude<Step, 'idle'>]: StepDefinition<S> } = {
  trainPlace,
  trainData,
  trainTarget,
  trainFeatures,
  trainModel,
  trainSettings,
  trainConfirm,
  trainLaunch,
  predictPlace,
  predictModel,
  predictData,
  predictColumn,
  predictConfirm,
  predictLaunch,
};

/** The facts a transition will look at, so that no others are read. */
export function wanted(state: Conversation, input: Input): readonly Wanted[] {
  if (input.kind === 'command') {
    switch (input.name) {
      case 'jobs':
      case 'status':
      case 'cancel':
        return ['trainings', 'predictions'];
      case 'models':
        return ['trainings'];
      case 'datasets':
        return ['datasets'];
      default:
        return [];
    }
  }
  if (input.kind === 'button' && input.data.startsWith('job:')) return ['trainings', 'predictions', 'datasets'];
  switch (state.step) {
    case 'predictPlace':
      return ['trainings'];
    case 'predictModel':
      return ['trainings', 'datasets'];
    case 'trainPlace':
      return ['datasets'];
    case 'trainData':
    case 'predictData':
      return input.kind === 'button' ? ['datasets'] : [];
    default:
      return [];
  }
}

export function reduce(state: Conversation, input: Input, facts: Facts): Turn {
  switch (input.kind) {
    case 'command':
      return onCommand(state, input.name, facts);
    case 'adminCommand':
      return onAdminCommand(state, input.name, input.rest, facts);
    case 'unknownCommand':
      return turn(state, say(unknownCommand(input.text)));
    case 'accountOpened':
      return turn(state, say(welcome(facts, input.ready)));
    case 'accountRefused':
      return turn(state, say(accountRefused(input.message)));
    case 'button':
      return onButton(state, input, facts);
    case 'tableRead':
    case 'tableRefused':
    case 'launched':
    case 'launchRefused':
      // A result that came after its step was left is of no use to anybody.
      return state.step !== 'idle' && state.token === input.token ? onStep(state, input, facts) : turn(state);
    case 'text':
    case 'document':
    case 'foreign':
      return state.step === 'idle' ? whileIdle(input) : onStep(state, input, facts);
  }
}

function onStep(state: Exclude<Conversation, At<'idle'>>, input: Input, facts: Facts): Turn {
  // One definition a step; which one belongs to `state` the compiler can't follow.
  const step = STEPS[state.step] as unknown as StepDefinition<Step>;
  return step.on(state, input, facts);
}

function whileIdle(input: Extract<Input, { kind: 'text' | 'document' | 'foreign' }>): Turn {
  if (input.kind === 'document') return turn(IDLE, say(fileWhileIdle()));
  return turn(IDLE, say(input.kind === 'foreign' ? { html: foreign(input.what) } : idle()));
}

function onButton(state: Conversation, input: Extract<Input, { kind: 'button' }>, facts: Facts): Turn {
  if (input.data.startsWith('job:')) return onJobButton(state, input, facts);
  if (input.data.startsWith(ACCOUNT_BUTTON)) return onAccountButton(state, input, facts);
  return onStepButton(state, input, facts);
}

function onStepButton(state: Conversation, input: Extract<Input, { kind: 'button' }>, facts: Facts): Turn {
  if (state.step === 'idle' || tokenOf(input.data) !== state.token)
    return turn(
      state,
      refusal('StepButton', input.data, 'Of an earlier question, or of none.'),
      toast(input.queryId, stale),
    );
  return onStep(state, input, facts);
}

/** Buttons under a job's card or list: the job is looked up among the presser's own, so a forged id finds nothing. */
function onJobButton(state: Conversation, input: Extract<Input, { kind: 'button' }>, facts: Facts): Turn {
  const [, action, uid] = input.data.split(':') as [string, JobAction, string | undefined];
  const jobs = jobsOf(facts);
  // From lists that could not be read nothing follows.
  if (!jobs) return turn(state, toast(input.queryId, unreachableNow));
  const job = jobs.find((one) => identityOf(one) === uid);
  if (!job) return turn(state, refusal('JobButton', input.data, 'No job of this user.'), toast(input.queryId, goneJob));
  const answered = toast(input.queryId, '');
  switch (action) {
    case 'predict':
      if (!isTraining(job) || job.status?.phase !== 'Succeeded') return turn(state, toast(input.queryId, goneJob));
      if (isSuspended(facts)) return turn(state, toast(input.queryId, suspendedNow));
      return beginPrediction(placeFor(job, facts), job, facts, [answered]);
    case 'result':
      return turn(state, answered, { do: 'resultLinks', name: job.metadata?.name ?? '' });
    case 'model':
      return turn(state, answered, { do: 'modelLinks', name: job.metadata?.name ?? '' });
    case 'pictures':
    case 'album':
      return turn(state, answered, {
        do: 'pictures',
        name: job.metadata?.name ?? '',
        part: action === 'album' ? 'all' : 'rest',
      });
    case 'cancel':
      if (isOver(job)) return turn(state, toast(input.queryId, 'That job is over already.'));
      return turn(state, answered, say(confirmCancel(job)));
    case 'delete':
      if (isOver(job)) return turn(state, toast(input.queryId, 'That job is over already.'));
      return turn(state, ...pressed(input), deletion(job));
    case 'keep':
      return turn(state, ...pressed(input));
    default:
      return turn(state, toast(input.queryId, stale));
  }
}

/** A model is served where it was trained, as far as this installation serves there. */
function placeFor({ spec }: TrainingJob, { cloudEnabled, clusterPredictions }: Facts): Place {
  return clusterPredictions && (spec.placement === 'Cluster' || !cloudEnabled) ? 'Cluster' : 'Cloud';
}

const deletion = (job: Job): Effect => ({
  do: 'deleteJob',
  job: { kind: isTraining(job) ? 'TrainingJob' : 'PredictionJob', name: job.metadata?.name ?? '' },
});
