// The story of `npm start -- --interruptions N`: examples/04-interruptions.yaml is applied twice, as an administrator would; one of the
// two loses its instance N times, in turn with a notice, without a word and by a rebalance recommendation. Tells what happens
// (narration.ts), then shows `kubectl describe` and whether the models are the same.
import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { isDeepStrictEqual, promisify } from 'node:util';
import { parse, stringify } from 'yaml';
import { showUsd } from '../../cloud/prices.ts';
import type { Account, Attempt, TrainingJob } from '../../crds/crds.generated.ts';
import { accountName, API_VERSION, namespaceOf } from '../../crds/objects.ts';
import { KubeApiError, KubeClient } from '../kubernetes/kubelet/client.ts';
import { StartFailure } from '../stack/failure.ts';
import type { Stack } from '../stack/stack.ts';
import { CloudOwner } from './cloud.ts';
import { tellings } from './narration.ts';
import { round, type Row, type Screen } from './screen.ts';

const EXAMPLES = new URL('../../examples/', import.meta.url);
const USER_ID = '1001';
const POLL_MS = 200;
const ACCOUNT_MS = 75_000;
const TRAINING_MS = 20 * 60_000;
/** The first interruption comes at this percent; the last, when there are several, before the sum. */
const FIRST_PERCENT = 15;
const SPREAD_PERCENT = 70;
/** EC2 gives 120 s; two figures fewer make a story. Long enough for any checkpoint here. */
const NOTICE_SECONDS = 20;

/** What is done to the instance, in this order again and again. */
const FATES = [
  [
    'interrupt',
    { noticeSeconds: NOTICE_SECONDS },
    `EC2 gives notice: it takes the instance back in ${NOTICE_SECONDS} s`,
  ],
  ['kill', {}, 'the instance vanishes without a word'],
  ['rebalance', {}, 'EC2 recommends a rebalance: the instance is at higher risk'],
] as const;

export interface StorySummary {
  readonly job: string;
  readonly attempts: readonly Attempt[];
  readonly interruptions: number;
  readonly lostSeconds: number;
  readonly costUsd: { readonly actual: number; readonly lost: number; readonly onDemand: number };
  readonly metrics: Readonly<Record<string, number>>;
  /** Whether the metrics are those of the training that was left in peace, to the last bit. */
  readonly sameMetrics: boolean;
  readonly seconds: number;
}

type Teller = Pick<Screen, 'heading' | 'step' | 'progress' | 'text' | 'table'>;

export const exampleTraining = (): TrainingJob =>
  parse(readFileSync(new URL('04-interruptions.yaml', EXAMPLES), 'utf8')) as TrainingJob;

/** Rejects with StartFailure when the training, or the one beside it, does not succeed. */
export async function playStory(
  stack: Stack,
  manifest: TrainingJob,
  interruptions: number,
  screen: Teller,
  stopped: AbortSignal,
): Promise<StorySummary> {
  const api = await KubeClient.fromKubeconfig(stack.addresses.kubeconfig);
  try {
    return await new Story(stack, api, screen, stopped).play(manifest, interruptions);
  } finally {
    api.close();
  }
}

class Story {
  readonly #stack: Stack;
  readonly #api: KubeClient;
  readonly #cloud: CloudOwner;
  readonly #screen: Teller;
  readonly #stopped: AbortSignal;

  constructor(stack: Stack, api: KubeClient, screen: Teller, stopped: AbortSignal) {
    this.#stack = stack;
    this.#api = api;
    this.#cloud = new CloudOwner(stack.access);
    this.#screen = screen;
    this.#stopped = stopped;
  }

  async play(manifest: TrainingJob, interruptions: number): Promise<StorySummary> {
    const begun = Date.now();
    await this.#account();
    const table = 'german_credit.csv';
    const uri = await this.#cloud.put(
      this.#stack.bucket,
      `datasets/user_${USER_ID}/${table}`,
      readFileSync(new URL(table, EXAMPLES)),
    );
    this.#screen.step('data set uploaded', uri);
    const name = await this.#apply(manifest, manifest.metadata?.name ?? '');
    const undisturbed = await this.#apply(manifest, 'undisturbed');
    const job = await this.#follow(name, interruptions);
    const { status = {} } = job;
    const other = await this.#ended(undisturbed);
    this.#screen.heading(`kubectl -n ${namespaceOf(USER_ID)} describe tj ${name}`);
    this.#screen.text(await this.#described(name));
    const { attempts = [], cost = {}, metrics = {} } = status;
    const summary: StorySummary = {
      job: name,
      attempts,
      interruptions: status.counts?.interruptions ?? 0,
      lostSeconds: attempts.reduce((sum, { lostSeconds = 0 }) => sum + lostSeconds, 0),
      costUsd: { actual: cost.actualUsd ?? 0, lost: cost.lostUsd ?? 0, onDemand: cost.onDemandUsd ?? 0 },
      metrics,
      sameMetrics: isDeepStrictEqual(metrics, other.status?.metrics),
      seconds: (Date.now() - begun) / 1000,
    };
    this.#screen.table('Summary', rowsOf(summary, other));
    return summary;
  }

  /** Makes the user, unless it is there, and waits for the namespace. */
  async #account(): Promise<void> {
    const path = `/apis/${API_VERSION}/accounts`;
    const manifest: unknown = parse(readFileSync(new URL('00-account.yaml', EXAMPLES), 'utf8'));
    await this.#unlessThere(this.#api.call('POST', path, manifest));
    const account = await this.#until(
      async () => (await this.#api.call('GET', `${path}/${accountName(USER_ID)}`)) as unknown as Account,
      ({ status }) => status?.namespace !== undefined,
      ACCOUNT_MS,
    );
    this.#screen.step('account', `${accountName(USER_ID)}, namespace ${account.status?.namespace ?? ''}`);
  }

  /** Creates a job like the manifest; a name that an earlier run took gets a number. */
  async #apply(manifest: TrainingJob, base: string): Promise<string> {
    for (let count = 1; ; count += 1) {
      const name = count === 1 ? base : `${base}-${count}`;
      const job = { ...manifest, metadata: { ...manifest.metadata, name } };
      if (!(await this.#unlessThere(this.#api.call('POST', this.#path(), job)))) continue;
      this.#screen.step('TrainingJob created', `kubectl -n ${namespaceOf(USER_ID)} describe tj ${name}`);
      return name;
    }
  }

  async #unlessThere(creation: Promise<unknown>): Promise<boolean> {
    try {
      await creation;
      return true;
    } catch (error) {
      if (error instanceof KubeApiError && error.code === 409) return false;
      throw error;
    }
  }

  /** To the end, telling everything, taking instances away in between. */
  async #follow(name: string, interruptions: number): Promise<TrainingJob> {
    let before: TrainingJob['status'];
    let done = 0;
    let ordered: number | undefined;
    const heard = async (job: TrainingJob): Promise<boolean> => {
      const { status = {} } = job;
      for (const [what, words] of tellings(before, status)) this.#screen.step(what, words);
      if (
        ordered !== undefined &&
        (status.attempts ?? []).filter(({ instanceId }) => instanceId !== undefined).length > done
      ) {
        this.#screen.step(
          'replaced',
          `after ${((Date.now() - ordered) / 1000).toFixed(1)} s there is another instance`,
        );
        ordered = undefined;
      }
      const { stage, percent = 0, message = '' } = status.progress ?? {};
      const attempt = status.attempts?.at(-1);
      if (status.phase === 'Running' && stage === 'Training') {
        this.#screen.progress(percent, message);
        const due = FIRST_PERCENT + (SPREAD_PERCENT * done) / interruptions;
        if (done < interruptions && percent >= due && attempt?.leavingAt === undefined) {
          const [method, more, words] = FATES[done % FATES.length] ?? FATES[0];
          done += 1;
          this.#screen.heading(`Interruption ${done} of ${interruptions}: ${words}`);
          ordered = Date.now();
          await this.#cloud.order(method, { instanceId: attempt?.instanceId, ...more });
        }
      }
      before = status;
      return isOver(job);
    };
    const job = await this.#until(() => this.#job(name), heard, TRAINING_MS);
    return succeeded(job);
  }

  async #ended(name: string): Promise<TrainingJob> {
    this.#screen.step('waiting', `for ${name}, the same training left in peace`);
    return succeeded(await this.#until(() => this.#job(name), isOver, TRAINING_MS));
  }

  /** What kubectl says, or the status itself where there is no kubectl. */
  async #described(name: string): Promise<string> {
    const { kubeconfig } = this.#stack.addresses;
    const args = ['--kubeconfig', kubeconfig, '-n', namespaceOf(USER_ID), 'describe', 'tj', name];
    try {
      return (await promisify(execFile)('kubectl', args)).stdout;
    } catch {
      return stringify((await this.#job(name)).status);
    }
  }

  #path = (): string => `/apis/${API_VERSION}/namespaces/${namespaceOf(USER_ID)}/trainingjobs`;

  async #job(name: string): Promise<TrainingJob> {
    return (await this.#api.call('GET', `${this.#path()}/${name}`)) as unknown as TrainingJob;
  }

  async #until<T>(
    read: () => Promise<T>,
    fits: (found: T) => boolean | Promise<boolean>,
    withinMs: number,
  ): Promise<T> {
    const end = Date.now() + withinMs;
    for (;;) {
      if (this.#stopped.aborted) throw new StartFailure('Stopped.');
      const found = await read();
      if (await fits(found)) return found;
      if (Date.now() > end) throw new StartFailure(`Nothing came of it within ${withinMs / 60_000} minutes.`);
      await new Promise((resolve) => setTimeout(resolve, POLL_MS));
    }
  }
}

const isOver = ({ status }: TrainingJob): boolean => ['Succeeded', 'Failed'].includes(status?.phase ?? '');

function succeeded(job: TrainingJob): TrainingJob {
  if (job.status?.phase === 'Succeeded') return job;
  throw new StartFailure(`${job.metadata?.name ?? ''} failed: ${job.status?.message ?? ''}`);
}

function rowsOf(summary: StorySummary, other: TrainingJob): Row[] {
  const { actual, lost, onDemand } = summary.costUsd;
  const attempts = summary.attempts.map(
    ({ number, instanceType = '', zone = '', endReason = '', resumedFromStep }): Row => [
      `attempt ${number}`,
      `${instanceType} in ${zone}${resumedFromStep ? `, after step ${resumedFromStep}` : ''}: ${endReason}`,
    ],
  );
  const metrics = Object.entries(summary.metrics)
    .filter(([name]) => !name.startsWith('baseline_'))
    .map(
      ([name, value]): Row => [name, `${round(value)}   (undisturbed ${round(other.status?.metrics?.[name] ?? NaN)})`],
    );
  return [
    ...attempts,
    ['interruptions', String(summary.interruptions)],
    ['work lost', `${summary.lostSeconds} s, ${showUsd(lost)}`],
    [
      'cost',
      `${showUsd(actual)}; undisturbed ${showUsd(other.status?.cost?.actualUsd ?? 0)}, on demand ${showUsd(onDemand)}`,
    ],
    ...metrics,
    ['the same metrics', summary.sameMetrics ? 'yes, to the last bit' : 'NO'],
    ['took', `${summary.seconds.toFixed(1)} s`],
  ];
}
