// Whether a job may begin: account, placement, model, table and money, in this order; nothing is invoked before. At most 64 KiB of the
// table are read. What was found goes on to the run (beginning.ts), so that a small table is read once and invoked at once.
import { readableKey } from '../../cloud/access.ts';
import { AccessError, CloudError, DataError } from '../../cloud/errors.ts';
import { predictionBytesPerSecond } from '../../cloud/prediction-pace.ts';
import { showUsd } from '../../cloud/prices.ts';
import type { Account, PredictionJob } from '../../crds/crds.generated.ts';
import { timestamp } from '../../crds/conditions.ts';
import { accountName, userOf } from '../../crds/objects.ts';
import type { PredictionReason } from '../../crds/reasons.ts';
import { isOpen, MONTH_UNKNOWN, NOT_OPEN } from '../accounts/admitting.ts';
import type { Quote } from '../accounts/receipt.ts';
import type { Reserved } from '../accounts/reservations.ts';
import type { Found } from './beginning.ts';
import { LEAST_CHUNK_BYTES } from './cut.ts';
import type { Invoker } from './invoker.ts';
import { jobKey, uidOf } from './job.ts';
import { lookAt, tableOf, unsplit } from './look.ts';
import { findModel, type Model } from './model.ts';
import type { PredictionOptions } from './options.ts';
import type { Table } from './plan.ts';
import { fitOf } from './schema.ts';
import type { Accepted } from './transitions.ts';
import { MOST_RETRIES } from './walk.ts';

export type Judgement =
  | { readonly is: 'refused'; readonly reason: PredictionReason; readonly message: string }
  | {
      readonly is: 'waiting';
      readonly phase: 'Waiting' | 'Queued';
      readonly reason: PredictionReason;
      readonly message: string;
    }
  | { readonly is: 'accepted'; readonly accepted: Accepted; readonly found: Found };

/** A cold start. */
const START_SECONDS = 0.4;

export async function judge(job: PredictionJob, options: PredictionOptions): Promise<Judgement> {
  const { accounts, cloudEnabled } = options;
  const userId = userOf(job.metadata?.namespace ?? '');
  if (userId === undefined)
    return refuse('UnknownNamespace', 'Prediction jobs belong into the namespace of an account, ml-user-<id>.');
  const account = accounts.get(accountName(userId));
  if (!account) return wait('Queued', 'AccountMissing', `There is no account ${accountName(userId)} yet.`);
  if (!isOpen(account)) return wait('Queued', 'AccountNotApproved', NOT_OPEN);
  if (account.spec.suspend)
    return wait('Queued', 'AccountSuspended', 'The account is suspended; ask the administrator.');
  const invoker = options.invokers[job.spec.placement];
  if (invoker.unavailable !== undefined) return refuse('PlacementUnavailable', invoker.unavailable);
  if (job.spec.placement === 'Lambda' && !cloudEnabled)
    return refuse('CloudDisabled', 'This installation calls nothing on AWS (SPOTLEARN_CLOUD_ENABLED is false).');
  try {
    return await judgeData(job, account, invoker, options);
  } catch (error) {
    if (error instanceof AccessError) return refuse('AccessRefused', error.message);
    if (error instanceof DataError) return refuse('InvalidData', error.message);
    // Written over between two calls: it is looked at anew.
    if (error instanceof CloudError && error.kind === 'precondition')
      return wait('Queued', 'DatasetChanged', 'The table is being written over; it is looked at again.');
    throw error;
  }
}

async function judgeData(
  job: PredictionJob,
  account: Account,
  invoker: Invoker,
  options: PredictionOptions,
): Promise<Judgement> {
  const { bucket, places, trainings } = options;
  const { spec } = job;
  const { userId } = account.spec;
  const key = readableKey(places, userId, 'dataset', spec.data.uri);
  const training = trainings.get(`${job.metadata?.namespace}/${spec.modelRef}`);
  const found = await findModel(bucket, places, userId, spec.modelRef, training);
  if (found.is === 'waiting') return wait('Waiting', 'WaitingForModel', found.message);
  if (found.is === 'refused') return found;
  const { model } = found;
  const facts = await bucket.head(key);
  if (!facts) return refuse('DatasetMissing', `There is no object ${spec.data.uri}. Upload the table first.`);
  const look = await lookAt(bucket, key, facts);
  const fit = fitOf(spec, model.manifest, look);
  if (fit.problem) return refuse(fit.problem.reason, fit.problem.message);
  const table = tableOf(job, model.manifest, facts, look);
  const money = await reserve({ job, account, table, model, invoker }, options);
  if ('is' in money) return money;
  const { id, uri, manifest } = model;
  return {
    is: 'accepted',
    accepted: {
      model: { id, uri, task: manifest.task },
      data: { bytes: facts.bytes, etag: facts.etag },
      ...money,
      note: unsplit(job, look),
      warnings: fit.warnings,
    },
    found: { model, table },
  };
}

/** US dollars the job may spend: the least of its budget and the limits of its account and the installation. */
export function limitOf(job: PredictionJob, account: Account | undefined, mostUsd: number): number {
  return Math.min(job.spec.budget?.maxCostUsd ?? Infinity, account?.spec.limits.predictionUsd ?? Infinity, mostUsd);
}

interface Case {
  readonly job: PredictionJob;
  readonly account: Account;
  readonly table: Table;
  readonly model: Model;
  readonly invoker: Invoker;
}

/** Money for the worst case, every chunk failing as often as it may; the run stops at the limit (run.ts). */
async function reserve(
  { job, account, table, model, invoker }: Case,
  options: PredictionOptions,
): Promise<Pick<Accepted, 'quote' | 'estimatedUsd' | 'reservedUsd'> | Judgement> {
  const { reservations, maxPredictionCostUsd, splitRows, functionMemoryMib } = options;
  const { userId } = account.spec;
  const limit = limitOf(job, account, maxPredictionCostUsd);
  const spentUsd = job.status?.cost?.actualUsd ?? 0;
  const mayBeSplit = table.splittable && table.bytes / table.rowBytes > splitRows;
  const most = mayBeSplit ? Math.max(1, Math.ceil(table.bytes / LEAST_CHUNK_BYTES)) : 1;
  const one = invoker.costUsd(invoker.timeoutSeconds);
  const seconds = secondsFor(table, model, functionMemoryMib);
  const estimatedUsd = invoker.costUsd(seconds);
  if (one > limit)
    return refuse(
      'BudgetTooSmall',
      `One invocation may cost up to ${showUsd(one)}, more than the ${showUsd(limit)} this job may spend. ${more(job, limit)}`,
    );
  if (estimatedUsd > limit)
    return refuse(
      'BudgetTooSmall',
      `Predicting this table is estimated at ${showUsd(estimatedUsd)}, more than the ${showUsd(limit)} this job may spend. ${more(job, limit)}`,
    );
  const reservedUsd = Math.min(limit, one * (MOST_RETRIES + 1) * most);
  if (reservedUsd > 0) {
    const answer = await reservations.request(userId, uidOf(job), reservedUsd);
    if (!answer.ok) return wait('Queued', answer.reason, roomInWords(job, reservedUsd, answer));
  }
  const quote = quoteOf(seconds, (each) => invoker.costUsd(each), options.clock.now());
  return { quote, estimatedUsd: Math.max(estimatedUsd, spentUsd), reservedUsd };
}

/** Slowest to quickest, against the middle: tables differ in what a byte costs. */
const SPREAD = { low: 0.6, high: 2 } as const;

/** `seconds` of all invocations together. Lambda has one price and takes nothing back. */
export function quoteOf(seconds: number, costUsd: (seconds: number) => number, now: number): Quote {
  const [secondsLow, secondsHigh] = [seconds * SPREAD.low, seconds * SPREAD.high];
  const [usdLow, usdHigh] = [costUsd(secondsLow), costUsd(secondsHigh)];
  const times = { secondsLow: Math.round(secondsLow * 10) / 10, secondsHigh: Math.round(secondsHigh * 10) / 10 };
  return {
    at: timestamp(now),
    basis: 'Model',
    samples: 0,
    ...times,
    usdLow,
    usdHigh,
    interruptionRisk: 0,
    onDemandUsd: usdHigh,
  };
}

function roomInWords(job: PredictionJob, reservedUsd: number, answer: Extract<Reserved, { ok: false }>): string {
  if (answer.reason === 'LedgerUnavailable') return MONTH_UNKNOWN;
  const { limitUsd, spentUsd, reservedUsd: heldUsd } = answer.figures;
  return `${jobKey(job)} may cost up to ${showUsd(reservedUsd)}. This month's limit of ${showUsd(limitUsd)} leaves no room: ${showUsd(spentUsd)} is spent, ${showUsd(heldUsd)} is held back for what runs.`;
}

/** Of all invocations together. */
function secondsFor({ bytes }: Table, { manifest }: Model, memoryMib: number): number {
  const { model, split } = manifest;
  const families = [model, ...(model.members ?? [])].map(({ type }) => type);
  return START_SECONDS + bytes / predictionBytesPerSecond({ families, trainRows: split.trainRows, memoryMib });
}

/** What to do against so low a limit. */
const more = ({ spec }: PredictionJob, limit: number): string =>
  spec.budget?.maxCostUsd === limit
    ? 'Create the job again with a higher spec.budget.maxCostUsd.'
    : 'Only the administrator can raise this limit.';

const refuse = (reason: PredictionReason, message: string): Extract<Judgement, { is: 'refused' }> => ({
  is: 'refused',
  reason,
  message,
});
const wait = (phase: 'Waiting' | 'Queued', reason: PredictionReason, message: string): Judgement => ({
  is: 'waiting',
  phase,
  reason,
  message,
});
