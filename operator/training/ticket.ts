// The ticket: the job for one instance, put once into the instance's own prefix, and thereby the durable claim (decision 2). A later
// attempt's ticket names the newest checkpoint, which is copied out of the earlier instances' prefixes first.
import { readJson, type Bucket } from '../../cloud/bucket.ts';
import type { Ticket } from '../../cloud/contract/contract.generated.ts';
import { CloudError } from '../../cloud/errors.ts';
import { AUTO } from '../../cloud/families.ts';
import { CHECKPOINT_FOLDER, checkpointsOf, TICKET } from '../../cloud/keys.ts';
import type { Attempt, TrainingJob } from '../../crds/crds.generated.ts';
import { createdAt } from '../../crds/objects.ts';
import { logStreamOf, placeOf, uidOf, type Places } from './job.ts';

/** Life of the URLs in a ticket; the credentials they are signed with may end them earlier. */
export const TICKET_URL_SECONDS = 12 * 3600;
/** A worker that still downloads gets new URLs so often; one whose URLs were refused waits five minutes for them. */
export const TICKET_REFRESH_MS = 4 * 60_000;
/** A worker stops by itself after this long, whatever happens to us. */
export const LONGEST_ATTEMPT_MS = 24 * 3600 * 1000;
/** A search is worth ten minutes at most, and with less than this it is none. */
const LONGEST_SEARCH_SECONDS = 600;
const LEAST_SEARCH_SECONDS = 20;
/** Of an m5.large on demand with its volume: the dearest that a small job usually gets. */
const STATED_USD_PER_HOUR = 0.1;

export interface Checkpoint {
  readonly key: string;
  readonly step: number;
  readonly at: string;
  readonly bytes: number;
  readonly sha256?: string;
}

export interface TicketFacts {
  readonly job: TrainingJob;
  readonly attempt: Attempt;
  readonly instanceId: string;
  readonly datasetUrl: string;
  readonly datasetName: string;
  readonly resume: { url: string; step: number; sha256?: string } | null;
  readonly logGroup: string;
  readonly heartbeatSeconds: number;
  readonly checkpointSeconds: number;
  readonly now: number;
}

/** Renders a ticket. Pure. */
export function renderTicket(facts: TicketFacts): Ticket {
  const { job, attempt, now } = facts;
  const { spec, status } = job;
  const left =
    spec.activeDeadlineSeconds === undefined || !status?.startTime
      ? LONGEST_ATTEMPT_MS
      : Date.parse(status.startTime) + spec.activeDeadlineSeconds * 1000 - now + 120_000;
  return {
    version: 1,
    job: {
      namespace: job.metadata?.namespace ?? '',
      name: job.metadata?.name ?? '',
      uid: uidOf(job),
      attempt: attempt.number,
    },
    dataset: {
      url: facts.datasetUrl,
      bytes: status?.dataset?.bytes ?? 0,
      etag: status?.dataset?.etag ?? '',
      name: facts.datasetName,
    },
    training: {
      target: spec.target,
      features: spec.features ?? [],
      task: spec.task,
      model: spec.model.type,
      hyperparameters: spec.model.hyperparameters ?? {},
      split: spec.split,
      seed: spec.seed,
      ...(spec.model.type === AUTO ? { searchSeconds: searchSeconds(job) } : {}),
    },
    resume: facts.resume,
    log: { group: facts.logGroup, stream: logStreamOf(facts.instanceId) },
    heartbeatSeconds: facts.heartbeatSeconds,
    checkpointSeconds: facts.checkpointSeconds,
    notAfter: new Date(now + Math.min(LONGEST_ATTEMPT_MS, Math.max(60_000, left))).toISOString(),
  };
}

/**
 * How long auto may search: half of what the job's spec leaves it by time and by money, ten minutes at most. By the spec alone and not by
 * what is left when an attempt begins, so that the same job makes the same search, also after an interruption.
 */
export function searchSeconds(job: Pick<TrainingJob, 'metadata' | 'spec' | 'status'>): number {
  const { spec } = job;
  const { activeDeadlineSeconds = Infinity, deadline, budget } = spec;
  const bought =
    spec.placement === 'Cluster' ? Infinity : ((budget?.maxCostUsd ?? Infinity) / STATED_USD_PER_HOUR) * 3600;
  const due = (Date.parse(deadline ?? '') - Date.parse(createdAt(job))) / 1000;
  const most = Math.min(activeDeadlineSeconds, bought, Number.isNaN(due) ? Infinity : due);
  return Math.max(LEAST_SEARCH_SECONDS, Math.min(LONGEST_SEARCH_SECONDS, Math.round(most / 2)));
}

/**
 * Puts the ticket. `mine`: put now or by us before a crash; `taken`: the instance belongs to another job or attempt.
 */
export async function putTicket(
  bucket: Pick<Bucket, 'get' | 'put'>,
  places: Places,
  instanceId: string,
  ticket: Ticket,
): Promise<'mine' | 'taken'> {
  const key = placeOf(places, instanceId) + TICKET;
  try {
    await bucket.put(key, JSON.stringify(ticket), { ifAbsent: true });
    return 'mine';
  } catch (error) {
    if (!(error instanceof CloudError) || error.kind !== 'precondition') throw error;
    const there = await readJson<Ticket>(bucket, key);
    return there?.job.uid === ticket.job.uid && there.job.attempt === ticket.job.attempt ? 'mine' : 'taken';
  }
}

/** Replaces the ticket by the same with new addresses; a ticket of another job or attempt, or none, is left alone. */
export async function signAgain(
  bucket: Pick<Bucket, 'get' | 'put'>,
  places: Places,
  instanceId: string,
  ticket: Ticket,
): Promise<void> {
  const key = placeOf(places, instanceId) + TICKET;
  const there = await bucket.get(key);
  if (!there) return;
  const { job } = JSON.parse(new TextDecoder().decode(there.body)) as Ticket;
  if (job.uid !== ticket.job.uid || job.attempt !== ticket.job.attempt) return;
  await bucket.put(key, JSON.stringify(ticket), { ifMatch: there.etag });
}

/**
 * Copies the newest checkpoint of an instance to the job's own place, pointer last. Returns the job's newest checkpoint, whichever
 * instance wrote it; undefined when there is none.
 */
export async function keepCheckpoint(
  bucket: Pick<Bucket, 'get' | 'put' | 'copy' | 'head'>,
  places: Places,
  jobUid: string,
  instanceId: string | undefined,
): Promise<Checkpoint | undefined> {
  const folder = checkpointsOf(jobUid);
  const kept = await readJson<Checkpoint>(bucket, `${folder}latest.json`);
  if (instanceId === undefined) return kept;
  const place = placeOf(places, instanceId);
  const newest = await readJson<Checkpoint>(bucket, `${place}${CHECKPOINT_FOLDER}latest.json`);
  if (!newest || (kept && kept.step >= newest.step)) return kept;
  const from = insideOf(place, newest.key);
  if (from === undefined || !(await bucket.head(from))) return kept;
  const to = `${folder}${from.slice(from.lastIndexOf('/') + 1)}`;
  await bucket.copy(from, to);
  const copied: Checkpoint = { ...newest, key: to };
  await bucket.put(`${folder}latest.json`, JSON.stringify(copied));
  return copied;
}

/** A worker's pointer may only name something in its own prefix: relative to it, or in full. */
function insideOf(place: string, key: string): string | undefined {
  const full = key.startsWith(place)
    ? key
    : `${place}${key.startsWith(CHECKPOINT_FOLDER) ? '' : CHECKPOINT_FOLDER}${key}`;
  return full.split('/').some((part) => part === '..' || part === '.') ? undefined : full;
}
