// What administrators may do in chat: their commands and the buttons under accounts. Pure. Who asks is judged by his own account here and again
// when it is done (administration.ts one level up); whoever is no administrator gets what an unknown command gets, and leaves a trace.
import type { Account } from '../../crds/crds.generated.ts';
import { amountAsked, cannotBeMyself, noSuchUser, wrongUsage } from '../wording/accounts.ts';
import { stale, unknownCommand, unreachable, unreachableNow } from '../wording/general.ts';
import type { Effect } from './effect.ts';
import type { Facts } from './facts.ts';
import type { AdminCommandName, Input } from './input.ts';
import type { Conversation } from './state.ts';
import { pressed, say, toast, turn, type Turn } from './turn.ts';

/** What is done with the account of a user. */
export type AccountAction =
  | { readonly is: 'list' }
  | {
      readonly is: 'show' | 'suspend' | 'resume' | 'offerRemoval' | 'letIn' | 'refuse';
      readonly userId: string;
    }
  /** `of`: mark of the uid it was offered for: a later account of the same user is another. */
  | { readonly is: 'remove'; readonly userId: string; readonly of: string }
  | { readonly is: 'topUp'; readonly userId: string; readonly usd: number };

export const ACCOUNT_BUTTON = 'acct:';
/** Callback data of a button under an account. */
export const accountButton = (action: ButtonAction, userId: string, of?: string): string =>
  `${ACCOUNT_BUTTON}${action}:${userId}${of === undefined ? '' : `:${of}`}`;

const BUTTONS = {
  show: 'show',
  suspend: 'suspend',
  resume: 'resume',
  remove: 'offerRemoval',
  delete: 'remove',
  in: 'letIn',
  out: 'refuse',
} as const;
export type ButtonAction = keyof typeof BUTTONS | 'topup' | 'keep';

const USER = /^[0-9]{1,20}$/;
/** US dollars with at most two decimals. */
const AMOUNT = /^(?=.*[1-9])[0-9]{1,7}(\.[0-9]{1,2})?$/;
export const MOST_TOP_UP_USD = 1_000_000;

/** Not one who was suspended or is being removed: he would undo it. */
export const isAdmin = (account: Account | undefined | 'unknown'): account is Account =>
  typeof account === 'object' &&
  account.spec.role === 'admin' &&
  account.spec.approval === 'Approved' &&
  !account.spec.suspend &&
  account.metadata?.deletionTimestamp === undefined;

/** By an administrator or not; `name` is one of the commands of administrators. */
export function onAdminCommand(state: Conversation, name: AdminCommandName, rest: string, facts: Facts): Turn {
  if (facts.account === 'unknown') return turn(state, say(unreachable()));
  if (!isAdmin(facts.account)) {
    const tried = { what: 'AdminCommand', resource: `/${name}`, detail: 'Not an administrator.' };
    return turn(state, { do: 'refusal', ...tried }, say(unknownCommand(`/${name}`)));
  }
  if (name === 'accounts') return turn(state, administer(facts, { is: 'list' }));
  const [userId = '', amount = '', more] = rest.split(/\s+/);
  const asked = userId.replace(/^user-/, '');
  if (!USER.test(asked) || more !== undefined || (amount !== '') !== (name === 'topup'))
    return turn(state, say(wrongUsage(name)));
  if (name === 'topup') return topUp(state, asked, amount, facts);
  if (name !== 'resume' && asked === facts.userId) return turn(state, say(cannotBeMyself()));
  return turn(state, administer(facts, { is: name === 'deleteaccount' ? 'offerRemoval' : name, userId: asked }));
}

function topUp(state: Conversation, userId: string, amount: string, facts: Facts): Turn {
  const usd = Number(amount);
  if (!AMOUNT.test(amount) || usd > MOST_TOP_UP_USD) return turn(state, say(amountAsked(userId)));
  return turn(state, administer(facts, { is: 'topUp', userId, usd }));
}

export function onAccountButton(state: Conversation, input: Extract<Input, { kind: 'button' }>, facts: Facts): Turn {
  const [, action = '', userId = '', of, more] = input.data.split(':');
  if (facts.account === 'unknown') return turn(state, toast(input.queryId, unreachableNow));
  if (!isAdmin(facts.account)) {
    const tried = { what: 'AdminButton', resource: input.data, detail: 'Not an administrator.' };
    return turn(state, { do: 'refusal', ...tried }, toast(input.queryId, stale));
  }
  if (!USER.test(userId) || more !== undefined || (of !== undefined) !== (action === 'delete'))
    return turn(state, toast(input.queryId, noSuchUser));
  if (action === 'keep') return turn(state, ...pressed(input));
  if (action === 'topup') return turn(state, toast(input.queryId, ''), say(amountAsked(userId)));
  if (!Object.hasOwn(BUTTONS, action)) return turn(state, toast(input.queryId, stale));
  const is = BUTTONS[action as keyof typeof BUTTONS];
  const own = userId === facts.userId && (is === 'suspend' || is === 'offerRemoval' || is === 'remove');
  if (own) return turn(state, toast(input.queryId, ''), say(cannotBeMyself()));
  const once = is === 'remove' || is === 'letIn' || is === 'refuse';
  const what = is === 'remove' ? { is, userId, of: of ?? '' } : { is, userId };
  return turn(state, ...(once ? pressed(input) : [toast(input.queryId, '')]), administer(facts, what));
}

const administer = ({ token }: Facts, action: AccountAction): Effect => ({ do: 'administer', token, action });
