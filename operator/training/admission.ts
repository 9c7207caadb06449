// May this job run, and on what? Namespace → user → account; the access rule; the data set's head; the month's money. Nothing paid
// happens before. Each refusal says in plain words what to change.
import type { Bucket } from '../../cloud/bucket.ts';
import { readableKey } from '../../cloud/access.ts';
import { AccessError, DataError } from '../../cloud/errors.ts';
import { modelFolder } from '../../cloud/keys.ts';
import { instanceCost, instanceType, showUsd, usdPerHour } from '../../cloud/prices.ts';
import { HEAD_BYTES, readHead, type TableHead } from '../../cloud/table.ts';
import type { Account, TrainingJob } from '../../crds/crds.generated.ts';
import { accountName, userOf } from '../../crds/objects.ts';
import type { TrainingReason } from '../../crds/reasons.ts';
import type { Reservations } from '../accounts/reservations.ts';
import type { Verdict } from './confirm.ts';
import { modelId, uidOf, type Places } from './job.ts';
import type { Selection } from './selection.ts';

export interface AdmissionOptions {
  bucket: Pick<Bucket, 'head' | 'get'>;
  places: Places;
  account: (name: string) => Account | undefined;
  reservations: Reservations;
  /** Writes the account's status with the money held back. */
  writeReservation: (account: string) => Promise<void>;
  select: (job: TrainingJob, bytes: number) => Selection;
  maxTrainingCostUsd: number;
  cloudEnabled: boolean;
}

const refuse = (reason: TrainingReason, message: string): Verdict => ({ is: 'refused', reason, message });
const wait = (reason: TrainingReason, message: string): Verdict => ({ is: 'waiting', reason, message });

/** The budget that holds: the job's own, but never above the account's or the installation's limit for one training. */
export function budgetOf(job: TrainingJob, account: Account | undefined, maxTrainingCostUsd: number): number {
  const limit = Math.min(account?.spec.limits.trainingUsd ?? maxTrainingCostUsd, maxTrainingCostUsd);
  return Math.min(job.spec.budget?.maxCostUsd ?? limit, limit);
}

export async function admit(job: TrainingJob, options: AdmissionOptions): Promise<Verdict> {
  const userId = userOf(job.metadata?.namespace ?? '');
  if (userId === undefined)
    return refuse('UnknownNamespace', 'Training jobs belong into the namespace of an account, ml-user-<id>.');
  const account = options.account(accountName(userId));
  if (!account) return wait('AccountMissing', `There is no account ${accountName(userId)} yet.`);
  if (account.spec.suspend) return wait('AccountSuspended', 'The account is suspended; ask the administrator.');
  if (job.spec.placement === 'Cluster')
    return refuse(
      'PlacementUnavailable',
      'Placement Cluster is not available in this version; use Spot, SpotWithFallback or OnDemand.',
    );
  if (!options.cloudEnabled)
    return refuse('CloudDisabled', 'This installation launches nothing on AWS (SPOTLEARN_CLOUD_ENABLED is false).');
  const unknown = job.spec.resources?.instanceTypes?.filter((name) => !instanceType(name)) ?? [];
  if (unknown.length > 0)
    return refuse(
      'InvalidSpec',
      `There is no instance type ${unknown.join(', ')} in the catalogue of this installation.`,
    );
  const data = await lookAtData(job, userId, options);
  if ('is' in data) return data;
  if (job.status?.model?.manifestSha256 === undefined && (await modelExists(job, userId, options)))
    return refuse(
      'ModelExists',
      `There is a model ${modelId(job)} already; choose another spec.model.id or delete it.`,
    );
  return reserve(job, account, userId, data, options);
}

interface Data {
  readonly bytes: number;
  readonly etag: string;
  readonly head: TableHead;
}

async function lookAtData(
  job: TrainingJob,
  userId: string,
  { bucket, places }: AdmissionOptions,
): Promise<Data | Verdict> {
  const { uri } = job.spec.dataset;
  try {
    const key = readableKey(places, userId, 'dataset', uri);
    const facts = await bucket.head(key);
    if (!facts) return refuse('DatasetMissing', `There is no object ${uri}. Upload the data set first.`);
    const pinned = job.status?.dataset?.etag;
    if (pinned !== undefined && pinned !== facts.etag)
      return refuse(
        'DatasetChanged',
        `${uri} is not what it was when the job was accepted; create another TrainingJob.`,
      );
    const start = await bucket.get(key, { bytes: HEAD_BYTES, etag: facts.etag });
    const head = readHead(start?.body ?? new Uint8Array(), facts.bytes);
    const problem = columnProblem(job, head);
    return problem ? refuse('InvalidData', problem) : { bytes: facts.bytes, etag: facts.etag, head };
  } catch (error) {
    if (error instanceof AccessError) return refuse('AccessRefused', error.message);
    if (error instanceof DataError) return refuse('InvalidData', error.message);
    throw error;
  }
}

/** What is wrong between the spec's columns and the table's, or undefined. */
export function columnProblem(
  { spec }: Pick<TrainingJob, 'spec'>,
  { columns }: Pick<TableHead, 'columns'>,
): string | undefined {
  const there = `The table has ${columns.length} columns: ${listed(columns)}.`;
  if (!columns.includes(spec.target))
    return `The table has no column ${quoted(spec.target)} to predict.${near(spec.target, columns)} ${there}`;
  const missing = (spec.features ?? []).filter((name) => !columns.includes(name));
  if (missing.length > 0) return `The table has no column ${listed(missing)} among the features. ${there}`;
  const by = /^(?:time|group):(.*)$/s.exec(spec.split)?.[1];
  if (by !== undefined && !columns.includes(by)) return `The table has no column ${quoted(by)} to split by. ${there}`;
  return undefined;
}

const quoted = (name: string): string => JSON.stringify(name.length > 60 ? `${name.slice(0, 60)}…` : name);
const listed = (names: readonly string[]): string =>
  names.slice(0, 20).map(quoted).join(', ') + (names.length > 20 ? ` and ${names.length - 20} more` : '');

function near(name: string, columns: readonly string[]): string {
  const plain = (text: string) => text.toLowerCase().replace(/[^\p{L}\p{N}]/gu, '');
  const found = columns.find((column) => plain(column) === plain(name));
  return found === undefined ? '' : ` Did you mean ${quoted(found)}?`;
}

async function modelExists(job: TrainingJob, userId: string, { bucket, places }: AdmissionOptions): Promise<boolean> {
  return (await bucket.head(`${modelFolder(places, userId, modelId(job))}manifest.json`)) !== undefined;
}

async function reserve(
  job: TrainingJob,
  account: Account,
  userId: string,
  data: Data,
  options: AdmissionOptions,
): Promise<Verdict> {
  const selection = options.select(job, data.bytes);
  if (selection.impossible) return refuse('InvalidSpec', selection.reason);
  const price = selection.price ?? 0;
  const estimatedUsd = estimate(price, data.bytes);
  const spentOfJob = job.status?.cost?.actualUsd ?? 0;
  const worst = worstCase(job, budgetOf(job, account, options.maxTrainingCostUsd), price) - spentOfJob;
  const month = account.status?.month;
  const { monthlyUsd } = account.spec.limits;
  const answer = options.reservations.reserve(userId, uidOf(job), Math.max(0, worst), month?.spentUsd ?? 0, monthlyUsd);
  if (!answer.ok)
    return wait(
      answer.reason,
      `This training may cost up to ${showUsd(worst)}; of this month's ${showUsd(monthlyUsd)}, ${showUsd(month?.spentUsd ?? 0)} is spent and ${showUsd(answer.heldUsd)} is held back for what runs. It waits for room; a smaller spec.budget.maxCostUsd needs less.`,
    );
  await options.writeReservation(accountName(userId));
  const message = `Accepted: ${data.head.columns.length} columns, about ${data.head.estimatedRows} rows; estimated ${showUsd(estimatedUsd)}, at most ${showUsd(worst)}.`;
  const dataset = { bytes: data.bytes, etag: data.etag, columns: data.head.columns.length };
  return { is: 'admitted', admission: { dataset, estimatedUsd, reservedUsd: worst, message } };
}

/** Boot, and about a minute for every 20 MB: deliberately rough, shown as an estimate. */
function estimate(price: number, bytes: number): number {
  return Math.round(instanceCost(usdPerHour(price), 90 + (60 * bytes) / 20e6) * 1e6) / 1e6;
}

/** The dearest the job can get: its budget, or less when its deadline ends it earlier (priced with room for a dearer pool). */
export function worstCase(job: TrainingJob, budgetUsd: number, price: number): number {
  const seconds = job.spec.activeDeadlineSeconds;
  if (seconds === undefined || price === 0) return budgetUsd;
  const PRICE_ROOM = 3;
  return Math.min(budgetUsd, Math.round(instanceCost(usdPerHour(price * PRICE_ROOM), seconds + 120) * 1e6) / 1e6);
}
