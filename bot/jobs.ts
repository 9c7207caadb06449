// Makes TrainingJobs and PredictionJobs from what was chosen in chat, in the user's own namespace, and finds and deletes them there.
// The name comes from the file and the step's token, so that doing it again after a crash makes no second job.
import { type Clock, sleep } from '../cloud/clock.ts';
import type { PredictionJob, TrainingJob } from '../crds/crds.generated.ts';
import { API_VERSION, namespaceOf, type ObjectMeta } from '../crds/objects.ts';
import type { JobRef, PredictionChoice, TrainingChoice } from './conversation/state.ts';
import { nameOf } from './conversation/steps/data.ts';
import { failed, KubernetesError, type Kubernetes } from './kubernetes/client.ts';

/** On every job made in chat; what notifications.ts follows. */
export const BOT_LABEL = 'app.kubernetes.io/managed-by';
export const BOT_NAME = 'spotlearn-bot';
/** Chat and message of the job's card, so that a restarted bot finds them. */
export const CHAT_ANNOTATION = 'spotlearn.io/chat';
export const CARD_ANNOTATION = 'spotlearn.io/card';
/** Written before the end of a job is announced, so that it is never announced twice. */
export const NOTIFIED_ANNOTATION = 'spotlearn.io/notified';
/** `owed` until the pictures of a finished job are sent, then `sent`. */
export const PICTURES_ANNOTATION = 'spotlearn.io/pictures';
/** The name the user's file had. */
export const FILE_ANNOTATION = 'spotlearn.io/file';

const SLUG = 40;
const NAMESPACE_WAIT_MS = 60_000;
const AGAIN_MS = 500;

export interface Card {
  readonly chatId: number;
  readonly messageId: number;
}

/** The API server, or the state of the account, says no; the message is for the user. */
export class JobRefused extends Error {}

export class Jobs {
  readonly #kubernetes: Kubernetes;
  readonly #clock: Clock;

  constructor(kubernetes: Kubernetes, clock: Clock) {
    this.#kubernetes = kubernetes;
    this.#clock = clock;
  }

  /** Resolves with the name; rejects with JobRefused, or with KubernetesError when nobody answers. */
  train(userId: string, token: string, card: Card, choice: TrainingChoice): Promise<string> {
    return this.#create('TrainingJob', {
      apiVersion: API_VERSION,
      kind: 'TrainingJob',
      metadata: metadata(userId, token, card, choice.table.name),
      spec: trainingSpec(choice),
    });
  }

  predict(userId: string, token: string, card: Card, choice: PredictionChoice): Promise<string> {
    return this.#create('PredictionJob', {
      apiVersion: API_VERSION,
      kind: 'PredictionJob',
      metadata: metadata(userId, token, card, choice.table.name),
      spec: predictionSpec(choice),
    });
  }

  /** Resolves also when it is gone already. */
  async delete(userId: string, { kind, name }: JobRef): Promise<void> {
    try {
      await this.#kubernetes.delete(kind, name, { namespace: namespaceOf(userId) });
    } catch (error) {
      if (!failed(error, 'NotFound')) throw error;
    }
  }

  async trainings(userId: string): Promise<TrainingJob[]> {
    const jobs = await this.#kubernetes.list<TrainingJob>('TrainingJob', {}, { namespace: namespaceOf(userId) });
    return jobs.map((job) => ({ ...job, kind: 'TrainingJob' }));
  }

  async predictions(userId: string): Promise<PredictionJob[]> {
    const jobs = await this.#kubernetes.list<PredictionJob>('PredictionJob', {}, { namespace: namespaceOf(userId) });
    return jobs.map((job) => ({ ...job, kind: 'PredictionJob' }));
  }

  async #create(
    kind: JobRef['kind'],
    object: { apiVersion: string; kind: string; metadata: ObjectMeta; spec: object },
  ): Promise<string> {
    const until = this.#clock.now() + NAMESPACE_WAIT_MS;
    for (;;) {
      try {
        await this.#kubernetes.create(kind, object);
        return object.metadata.name ?? '';
      } catch (error) {
        if (failed(error, 'AlreadyExists')) return object.metadata.name ?? '';
        // A namespace that is still being made answers 404.
        const waits = failed(error, 'NotFound') || (error instanceof KubernetesError && error.transient);
        if (!waits) throw refusal(error);
        if (this.#clock.now() >= until) throw failed(error, 'NotFound') ? new JobRefused(NOT_READY) : error;
        await sleep(this.#clock, AGAIN_MS);
      }
    }
  }
}

const NOT_READY = 'Your workspace is still being prepared. Please try again in a minute.';

function refusal(error: unknown): unknown {
  if (!(error instanceof KubernetesError)) return error;
  if (error.kind === 'Invalid')
    return new JobRefused(error.causes.length > 0 ? error.causes.join('\n') : error.message);
  if (error.kind === 'Forbidden') return new JobRefused(`The cluster does not allow it: ${error.message}`);
  return error;
}

function metadata(userId: string, token: string, card: Card, fileName: string): ObjectMeta {
  return {
    name: jobName(fileName, token),
    namespace: namespaceOf(userId),
    labels: { [BOT_LABEL]: BOT_NAME },
    annotations: {
      [CHAT_ANNOTATION]: String(card.chatId),
      [CARD_ANNOTATION]: String(card.messageId),
      [FILE_ANNOTATION]: fileName.slice(0, 300).toWellFormed(),
    },
  };
}

/** The name that the user's file had. */
export function fileOf(job: TrainingJob | PredictionJob): string {
  const uri = 'dataset' in job.spec ? job.spec.dataset.uri : job.spec.data.uri;
  return job.metadata?.annotations?.[FILE_ANNOTATION] ?? nameOf(uri);
}

/** `Häuser 2024.csv` → `hauser-2024-x7f3k2a9b1`: a DNS label. */
export function jobName(fileName: string, token: string): string {
  const slug = fileName
    .replace(/\.[^.]*$/, '')
    .normalize('NFKD')
    .replace(/\p{M}/gu, '')
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '-')
    .slice(0, SLUG)
    .replace(/^-+|-+$/g, '');
  return `${slug || 'job'}-${token}`;
}

function trainingSpec({ place, table, target, features, task, model, settings }: TrainingChoice): object {
  return {
    dataset: { uri: table.uri },
    target,
    ...(features.length > 0 ? { features } : {}),
    ...(task ? { task } : {}),
    model: { type: model, ...(Object.keys(settings).length > 0 ? { hyperparameters: settings } : {}) },
    placement: place === 'Cloud' ? 'Spot' : 'Cluster',
  };
}

const predictionSpec = ({ place, table, model, column }: PredictionChoice): object => ({
  modelRef: model.ref,
  data: { uri: table.uri },
  predictionColumn: column,
  placement: place === 'Cloud' ? 'Lambda' : 'Cluster',
});
