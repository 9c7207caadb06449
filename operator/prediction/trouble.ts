// What an invocation that brought no answer means: to the pace, and in the words of the status.
import type { Outcome } from './chain.ts';
import type { Invoked } from './invoker.ts';
import { chunkName, type Plan } from './plan.ts';

/** To the pace: `answered` when the function ran to an end, whatever it said. */
export function howOf({ is }: Invoked): 'answered' | 'throttled' | 'other' {
  if (is === 'throttled') return 'throttled';
  return is === 'lost' ? 'other' : 'answered';
}

/** What last went wrong with a chunk that is still to be done; undefined when another was done since. */
export function troubleOf({ chunks }: Plan, outcomes: ReadonlyMap<string, Outcome>): string | undefined {
  let last: Outcome | undefined;
  for (const chunk of chunks) {
    const outcome = outcomes.get(chunkName(chunk));
    if (outcome && outcome.at >= (last?.at ?? -Infinity)) last = outcome;
  }
  return last && messageOf(last.invoked);
}

function messageOf(invoked: Invoked): string | undefined {
  if (invoked.is === 'done') return undefined;
  return invoked.is === 'failed' ? invoked.answer.error : invoked.message;
}
