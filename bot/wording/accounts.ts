// What administrators and those they decide about are told.
import type { Account } from '../../crds/crds.generated.ts';
import { accountButton } from '../conversation/administration.ts';
import type { Message } from '../conversation/effect.ts';
import type { AdminCommandName } from '../conversation/input.ts';
import { mark } from '../conversation/turn.ts';
import { bytes, count, usd } from './figures.ts';
import { bold, code, escape, label, message, text } from './html.ts';

/** Not registered with Telegram, which would show them to everybody; /help of an administrator lists them. */
export const ADMIN_COMMANDS: Readonly<Record<AdminCommandName, string>> = {
  accounts: 'All accounts, with buttons for each',
  topup: 'More money for this month: /topup 1234567 10.50',
  suspend: 'Stop an account’s jobs after a checkpoint: /suspend 1234567',
  resume: 'Let a suspended account go on: /resume 1234567',
  deleteaccount: 'Export and remove an account: /deleteaccount 1234567',
};

const SHOWN = 30;
const BUTTONS_SHOWN = 12;
const CHARACTERS = 60;

const nameOf = ({ spec }: Account): string =>
  `${bold(spec.displayName ?? 'somebody', CHARACTERS)} (${code(spec.userId)})`;

function stateOf({ spec, metadata }: Account): string {
  if (metadata?.deletionTimestamp) return '🗑 being removed';
  if (spec.approval === 'Pending') return '🕓 waits to be let in';
  if (spec.approval === 'Refused') return '✖️ refused';
  return spec.suspend ? '⏸ suspended' : '🟢 active';
}

const limitOf = ({ spec, status }: Account): number => status?.month?.limitUsd ?? spec.limits.monthlyUsd;

export function accountsList(accounts: readonly Account[]): Message {
  const sorted = [...accounts].sort((a, b) => (b.status?.month?.spentUsd ?? 0) - (a.status?.month?.spentUsd ?? 0));
  const waiting = sorted.filter(({ spec }) => spec.approval === 'Pending');
  const shown = [...waiting, ...sorted.filter((one) => !waiting.includes(one))].slice(0, SHOWN);
  return {
    html: message([
      `<b>Accounts</b>: ${accounts.length}${accounts.length > shown.length ? ` (${shown.length} are shown, who spent most first)` : ''}`,
      ...shown.map(
        (one) =>
          `${stateOf(one)} · ${nameOf(one)}${one.spec.role === 'admin' ? ' · admin' : ''} · ${usd(one.status?.month?.spentUsd ?? 0)} of ${usd(limitOf(one))}`,
      ),
    ]),
    buttons: shown
      .slice(0, BUTTONS_SHOWN)
      .map(({ spec }) => [
        { text: label(`${spec.displayName ?? ''} ${spec.userId}`), data: accountButton('show', spec.userId) },
      ]),
  };
}

export function accountCard(account: Account): Message {
  const { spec, status } = account;
  const month = status?.month;
  const { userId } = spec;
  const topUp =
    spec.topUp && spec.topUp.usd > 0 ? `, ${usd(spec.topUp.usd)} of it on top for ${escape(spec.topUp.period)}` : '';
  const more =
    spec.approval === 'Approved'
      ? [
          [
            spec.suspend
              ? { text: '▶️ Resume', data: accountButton('resume', userId) }
              : { text: '⏸ Suspend', data: accountButton('suspend', userId) },
            { text: '💶 Top up', data: accountButton('topup', userId) },
          ],
        ]
      : [letInButtons(userId)];
  return {
    html: message([
      `${nameOf(account)} – ${stateOf(account)}`,
      `Role: ${text(spec.role)}`,
      `This month: ${usd(month?.spentUsd ?? 0)} of ${usd(limitOf(account))}${topUp}`,
      ...(month?.reservedUsd ? [`Held back for what runs: ${usd(month.reservedUsd)}`] : []),
      ...(month?.forecastUsd ? [`At this pace the whole month: ${usd(month.forecastUsd)}`] : []),
    ]),
    buttons: [...more, [{ text: '🗑 Delete the account', data: accountButton('remove', userId) }]],
  };
}

const letInButtons = (userId: string) => [
  { text: '✅ Let in', data: accountButton('in', userId) },
  { text: '✖️ Refuse', data: accountButton('out', userId) },
];

export const asksToBeLetIn = (account: Account): Message => ({
  html: message([
    `👤 ${nameOf(account)} asks for an account.`,
    `Up to ${usd(account.spec.limits.monthlyUsd)} a month, ${usd(account.spec.limits.trainingUsd)} a training.`,
  ]),
  buttons: [letInButtons(account.spec.userId)],
});

export const confirmRemoval = (account: Account): Message => ({
  html: message([
    `<b>Delete the account of</b> ${nameOf(account)}?`,
    stored(account),
    'Its jobs are ended at once. Data sets, models and predictions are copied to the bucket’s folder exports/ for 30 days and removed, its namespace goes. What it has cost stays in the ledger.',
  ]),
  buttons: [
    [{ text: '🗑 Yes, export and remove it', data: accountButton('delete', account.spec.userId, markOf(account)) }],
    [{ text: '↩️ Keep it', data: accountButton('keep', account.spec.userId) }],
  ],
});

/** Tells an account from a later one of the same user. */
export const markOf = ({ metadata }: Account): string => mark(metadata?.uid ?? '');

/** `It has 3 data sets, 1 model …`, as far as the operator has counted. */
function stored({ status }: Account): string | undefined {
  const { datasets = 0, models = 0, predictions = 0, bytes: size } = status?.storage ?? {};
  return size === undefined
    ? undefined
    : `It has ${bytes(size)}: data sets ${count(datasets)}, models ${count(models)}, predictions ${count(predictions)}.`;
}

export const done = {
  suspend: (account: Account): Message => ({
    html: `⏸ ${nameOf(account)} is suspended: its jobs checkpoint and stop, none begins.`,
  }),
  resume: (account: Account): Message => ({
    html: `▶️ ${nameOf(account)} may go on; its suspended jobs continue from their checkpoints.`,
  }),
  remove: (account: Account): Message => ({ html: `🗑 ${nameOf(account)} is being exported and removed.` }),
  letIn: (account: Account): Message => ({ html: `✅ ${nameOf(account)} is let in.` }),
  refuse: (account: Account): Message => ({ html: `✖️ ${nameOf(account)} is refused.` }),
  topUp: (account: Account): Message => ({
    html: `💶 ${nameOf(account)} has ${usd(account.spec.topUp?.usd ?? 0)} on top for ${escape(account.spec.topUp?.period ?? '')}: ${usd(account.spec.limits.monthlyUsd + (account.spec.topUp?.usd ?? 0))} in all.`,
  }),
} as const;

export const decidedBefore = (account: Account, by: string | undefined): Message => ({
  html: `${nameOf(account)} was ${account.spec.approval === 'Approved' ? 'let in' : 'refused'} already${by ? `, by ${code(by)}` : ''}.`,
});

export const letIn = (): Message => ({ html: '✅ You have been let in. Send /start, and then /train.' });
export const refusedToYou = (): Message => ({ html: 'Your request for an account was refused by an administrator.' });
export const suspendedForYou = (): Message => ({
  html: '⏸ An administrator suspended your account: what runs checkpoints and stops, and nothing begins.',
});
export const resumedForYou = (): Message => ({
  html: '▶️ Your account is no longer suspended; what was stopped goes on by itself.',
});
export const removedForYou = (): Message => ({
  html: '🗑 An administrator removes your account: its jobs are ended and its data goes.',
});
export const toppedUp = (addedUsd: number): Message => ({
  html: `💶 An administrator gave you ${usd(addedUsd)} more for this month. What waited for money goes on by itself.`,
});

export const notLetIn = (approval: Account['spec']['approval']): string =>
  approval === 'Refused'
    ? 'An administrator refused this account.'
    : 'An administrator must let you in first; all of them have been asked. I tell you as soon as one decides.';

/** No message can be shown at the press of a button twice: a note. */
export const noSuchUser = 'I don’t find that account.';
export const noAccount = (userId: string): Message => ({
  html: `There is no account ${code(userId, 30)}. /accounts lists all.`,
});
export const cannotBeMyself = (): Message => ({
  html: 'That is your own account; another administrator must do that.',
});
export const anotherNow = (userId: string): Message => ({
  html: `That question was about an earlier account of ${code(userId, 30)}. /accounts lists all.`,
});
export const trailAwayWords =
  'Nothing was done: it must be written into the audit trail first, and the storage does not answer right now. Please try again in a minute.';
export const trailAway = (): Message => ({ html: trailAwayWords });
export const amountAsked = (userId: string): Message => ({
  html: `Send ${code(`/topup ${userId} 10.50`)} – US dollars above 0, at most 1,000,000, with at most two decimals. They hold for this month (UTC).`,
});
export const wrongUsage = (name: AdminCommandName): Message => ({
  html: message([
    name === 'topup'
      ? `Send the user’s id and an amount: ${code('/topup 1234567 10.50')}`
      : `Send the user’s id behind it: ${code(`/${name} 1234567`)}`,
    '/accounts lists all.',
  ]),
});

export const nearlySpent = (percent: number, spentUsd: number, limitUsd: number): Message => ({
  html: message([
    `⚠️ <b>${percent} % of this month’s limit is spent</b>: ${usd(spentUsd)} of ${usd(limitUsd)}.`,
    percent >= 100
      ? 'What runs is stopped after a checkpoint; it goes on next month or after a top-up by an administrator.'
      : 'Before the limit is passed, what runs is stopped after a checkpoint. /cost shows more.',
  ]),
});
