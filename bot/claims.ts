// What was announced of a job is written into the job before it is sent, with the optimistic lock, so that neither a restart nor a
// second bot announces it twice. Used by notifications.ts.
import { failed, type KubeObject, type Kubernetes } from './kubernetes/client.ts';
import { NOTIFIED_ANNOTATION, PICTURES_ANNOTATION } from './jobs.ts';
import type { Claim } from './outbox.ts';
import { isTraining, type Job } from './wording/lists.ts';

type Annotations = Readonly<Record<string, string>>;
const OWED = 'owed';
const SENT = 'sent';

const kindOf = (job: Job) => (isTraining(job) ? 'TrainingJob' : 'PredictionJob');
const annotationsOf = (job: Job): Annotations => job.metadata?.annotations ?? {};
export const isNotified = (job: Job): boolean => annotationsOf(job)[NOTIFIED_ANNOTATION] !== undefined;
/** Its end was announced, its pictures were not yet sent. */
export const owesPictures = (job: Job): boolean => annotationsOf(job)[PICTURES_ANNOTATION] === OWED;

export class Claims {
  readonly #kubernetes: Kubernetes;

  constructor(kubernetes: Kubernetes) {
    this.#kubernetes = kubernetes;
  }

  /** True for the one who may announce the end; false when it was announced, or the job is gone. Pictures are owed from now on. */
  end(job: Job): Promise<boolean> {
    const has = job.status?.phase === 'Succeeded' && (isTraining(job) || job.status.pictureUri !== undefined);
    const pictures: Annotations = has ? { [PICTURES_ANNOTATION]: OWED } : {};
    return this.#write(job, (now) => !isNotified(now), { [NOTIFIED_ANNOTATION]: job.status?.phase ?? '', ...pictures });
  }

  pictures(job: Job): Claim {
    const from = async (value: string, to: string) => {
      const now = await this.#now(job);
      const holds = (one: Job) => annotationsOf(one)[PICTURES_ANNOTATION] === value;
      return now !== undefined && this.#write(now, holds, { [PICTURES_ANNOTATION]: to });
    };
    return { take: () => from(OWED, SENT), giveBack: async () => void (await from(SENT, OWED)) };
  }

  async #write(job: Job, may: (now: Job) => boolean, annotations: Annotations): Promise<boolean> {
    for (let now: Job | undefined = job; now !== undefined && may(now); now = await this.#now(job)) {
      const { name = '', namespace, uid, resourceVersion } = now.metadata ?? {};
      const patch = { metadata: { uid, resourceVersion, annotations } };
      try {
        await this.#kubernetes.patch<KubeObject>(kindOf(job), name, patch, { namespace });
        return true;
      } catch (error) {
        if (failed(error, 'NotFound')) return false;
        if (!failed(error, 'Conflict')) throw error;
      }
    }
    return false;
  }

  /** Undefined when it is gone, also when another has its name. */
  async #now(job: Job): Promise<Job | undefined> {
    const { name = '', namespace, uid } = job.metadata ?? {};
    try {
      const now = await this.#kubernetes.get<Job>(kindOf(job), name, { namespace });
      return now.metadata?.uid === uid ? ({ ...now, kind: job.kind } as Job) : undefined;
    } catch (error) {
      if (failed(error, 'NotFound')) return undefined;
      throw error;
    }
  }
}
