// What each command does, in any state. Commands of the conversations begin them anew; lists leave a conversation where it is.
import type { Account } from '../../crds/crds.generated.ts';
import {
  costList,
  datasetsList,
  isOver,
  jobsList,
  modelsList,
  offerCancel,
  statusList,
  type Job,
} from '../wording/lists.ts';
import {
  BEING_REMOVED,
  help,
  launchingNow,
  nothingToCancel,
  startFirst,
  suspended,
  unreachable,
} from '../wording/general.ts';
import { notLetIn } from '../wording/accounts.ts';
import { isAdmin } from './administration.ts';
import type { Facts } from './facts.ts';
import type { CommandName } from './input.ts';
import { IDLE, type Conversation } from './state.ts';
import { modelsOf, predictPlace } from './steps/prediction.ts';
import { trainPlace } from './steps/training.ts';
import { say, turn, type Turn } from './turn.ts';

export function onCommand(state: Conversation, name: CommandName, facts: Facts): Turn {
  if (name === 'start') return turn(state, { do: 'openAccount' });
  if (name === 'help') return turn(state, say(help(isAdmin(facts.account))));
  if (facts.account === 'unknown') return turn(state, say(unreachable()));
  if (facts.account === undefined) return turn(IDLE, say(startFirst()));
  if (facts.account.metadata?.deletionTimestamp) return turn(IDLE, say({ html: BEING_REMOVED }));
  const { approval } = facts.account.spec;
  if (approval !== 'Approved') return turn(IDLE, say({ html: notLetIn(approval) }));
  return forOwner(state, name, facts, facts.account);
}

function forOwner(
  state: Conversation,
  name: Exclude<CommandName, 'start' | 'help'>,
  facts: Facts,
  account: Account,
): Turn {
  switch (name) {
    case 'train': {
      if (account.spec.suspend) return turn(IDLE, say(suspended()));
      const next = { step: 'trainPlace', token: facts.token } as const;
      return turn(next, say(trainPlace.ask(next, facts)));
    }
    case 'predict': {
      if (account.spec.suspend) return turn(IDLE, say(suspended()));
      const next = { step: 'predictPlace', token: facts.token } as const;
      return turn(next, say(predictPlace.ask(next, facts)));
    }
    case 'cancel': {
      // What was pressed can't be taken back here; once it runs it can be cancelled as a job.
      if (state.step === 'trainLaunch' || state.step === 'predictLaunch') return turn(state, say(launchingNow()));
      const left = state.step !== 'idle';
      const running = jobsOf(facts)?.filter((job) => !isOver(job)) ?? [];
      if (!left && running.length === 0) return turn(IDLE, say(nothingToCancel()));
      return turn(IDLE, say(offerCancel(running, left)));
    }
    case 'models':
      return turn(state, say(facts.trainings ? modelsList(modelsOf(facts)) : unreachable()));
    case 'datasets':
      return turn(
        state,
        say(facts.datasets ? datasetsList(facts.datasets, facts.datasetLifecycleDays) : unreachable()),
      );
    case 'cost':
      return turn(state, say(costList(account, facts.now)), { do: 'monthPicture' });
    case 'jobs':
    case 'status': {
      const jobs = jobsOf(facts);
      if (!jobs) return turn(state, say(unreachable()));
      return turn(state, say(name === 'jobs' ? jobsList(jobs) : statusList(jobs, account)));
    }
  }
}

export const jobsOf = (facts: Facts): Job[] | undefined =>
  facts.trainings && facts.predictions ? [...facts.trainings, ...facts.predictions] : undefined;
