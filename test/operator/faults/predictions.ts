// Predictions under the kill matrix (kill.ts): every way a chunk can go wrong, and an operator that meets its doom at any call that changes
// the world. The result must be the table with its predictions, byte for byte, or the job says why there is none; nothing is left behind.
import type { LedgerEntry } from '../../../cloud/ledger/entries.ts';
import type { PredictionEvent } from '../../../cloud/contract/contract.generated.ts';
import { invocationCost } from '../../../cloud/prices.ts';
import type { PredictionJob } from '../../../crds/crds.generated.ts';
import { condition } from '../../../crds/conditions.ts';
import { API_VERSION, namespaceOf } from '../../../crds/objects.ts';
import { DEFAULT_PREFIXES } from '../../../cloud/keys.ts';
import { keyOwners } from '../../../operator/collection/owners.ts';
import { collectPredictions } from '../../../operator/collection/predictions.ts';
import { collectUploads } from '../../../operator/collection/uploads.ts';
import { SILENT } from '../../../operator/runtime/logging.ts';
import { PREDICTION_JOBS } from '../../../operator/runtime/resources.ts';
import { Doom, type Side } from '../doom.ts';
import { Rows } from '../simulation/rows.ts';
import { Serving, type ServingOptions } from '../simulation/serving.ts';
import { Simulation } from '../simulation/simulation.ts';
import { manifestOf, ROLE_ID } from '../worker.ts';
import { succession } from './kill.ts';

const USER = '7';
const DATA = `datasets/user_${USER}/rows.csv`;
const TIMEOUT_SECONDS = 300;
const LIMIT_SECONDS = 3_600;
/** For what late invocations may still do, and the operator's own cleaning. */
const AFTERMATH_SECONDS = 120;
/** Nobody knows that there is another of each. */
const DOUBLED = 'each doubled';
/** Then every link has expired, and an operator that lived on has cleaned up after the last invocation. */
const LINKS_SECONDS = TIMEOUT_SECONDS + 120 + 300;

export interface PredictionScenario extends Omit<ServingOptions, 'rows'> {
  readonly name: string;
  /** Of the table; 64 KiB each. */
  readonly rows: number;
  readonly spec?: object;
  readonly plot?: (story: PredictionStory) => void;
  /** Phase, or `gone`; Succeeded by default. */
  readonly ends?: string;
  /** In the message of a job that failed. */
  readonly says?: RegExp;
}

export interface PredictionOutcome {
  readonly calls: readonly string[];
  readonly invocations: number;
  readonly violations: readonly string[];
}

/** One job, from its creation to its end. */
export class PredictionStory {
  readonly sim = new Simulation({
    seed: 11,
    configuration: { splitRows: 10, functionTimeoutSeconds: TIMEOUT_SECONDS },
  });
  readonly rows: Rows;
  readonly serving: Serving;
  job: PredictionJob | undefined;
  gone = false;
  #succeeded = false;
  readonly #scenario: PredictionScenario;

  constructor(scenario: PredictionScenario) {
    this.#scenario = scenario;
    this.rows = Rows.of(scenario.rows);
    this.serving = new Serving(this.sim, { ...scenario, rows: this.rows });
    this.sim.api.onChange((plural, { type, object }) => {
      if (plural !== 'predictionjobs') return;
      this.job = object as PredictionJob;
      this.gone ||= type === 'DELETED';
      this.#succeeded ||= this.job.status?.phase === 'Succeeded';
    });
  }

  async play(doom: Doom): Promise<PredictionOutcome> {
    const { sim } = this;
    try {
      await sim.account(USER);
      this.#furnish();
      await succession(sim, doom);
      this.#scenario.plot?.(this);
      await sim.user.create(PREDICTION_JOBS, this.#spec());
      const stuck = await sim
        .until(() => this.ended, LIMIT_SECONDS, 'the end of the prediction')
        .then(
          (): string[] => [],
          (error: unknown) => [`${(error as Error).message} ${this.job?.status?.phase}: ${this.job?.status?.message}`],
        );
      await sim.pass(AFTERMATH_SECONDS);
      const left = this.#remains();
      if (!this.#late(doom)) stuck.push(...left);
      else if (doom.isStruck || this.#scenario.name === DOUBLED) await this.#collected();
      else await sim.pass(LINKS_SECONDS);
      return {
        calls: doom.calls,
        invocations: this.serving.served.length,
        violations: [...stuck, ...this.#violations(doom)],
      };
    } finally {
      await sim.close();
    }
  }

  /** Somebody may act after the end: an invocation that nobody waits for, or a leader that was held. */
  #late(doom: Doom): boolean {
    // The very call that was held may be an invocation.
    if (isHeld(doom)) this.serving.faults.length = 0;
    return isHeld(doom) || this.serving.begun > this.serving.awaited;
  }

  get ended(): boolean {
    if (this.gone) return true;
    const { phase = '' } = this.job?.status ?? {};
    return ['Succeeded', 'Failed'].includes(phase) && this.#scenario.ends !== 'gone';
  }

  /** Does something once, as soon as the API server has the job so. */
  when(holds: (job: PredictionJob) => boolean, act: () => void | Promise<unknown>): void {
    const end = this.sim.api.onChange((plural, { object }) => {
      if (plural !== 'predictionjobs' || !holds(object as PredictionJob)) return;
      end();
      queueMicrotask(() => void act());
    });
  }
  async remove(): Promise<void> {
    await this.sim.user.delete(PREDICTION_JOBS, 'job', { namespace: namespaceOf(USER) });
  }
  overwriteTable(): void {
    this.sim.bucket.set(DATA, 'age,sum,text\n1,2,3\n');
  }

  #furnish(): void {
    const folder = `models/user_${USER}/model/`;
    const file = { name: 'model.onnx', size: 4, sha256: 'a'.repeat(64) };
    this.sim.bucket.set(`${folder}model.onnx`, 'onnx');
    this.sim.bucket.set(`${folder}manifest.json`, manifestOf([file]));
    this.sim.bucket.set(DATA, this.rows.bytes, `"table-${this.rows.count}"`);
  }

  #spec(): PredictionJob {
    return {
      apiVersion: API_VERSION,
      kind: 'PredictionJob',
      metadata: { name: 'job', namespace: namespaceOf(USER) },
      spec: { modelRef: 'model', data: { uri: `s3://bucket/${DATA}` }, ...this.#scenario.spec },
    } as unknown as PredictionJob;
  }

  #violations(doom: Doom): string[] {
    const { ends = 'Succeeded' } = this.#scenario;
    const phase = this.gone ? 'gone' : (this.job?.status?.phase ?? 'new');
    const found = phase === ends ? [] : [`it is ${phase} (${this.job?.status?.message}) instead of ${ends}`];
    const says = this.#scenario.says;
    if (says && !says.test(this.job?.status?.message ?? '')) found.push(`it says ${this.job?.status?.message}`);
    return [
      ...found,
      ...this.#result(ends),
      ...this.#remains(),
      ...this.#money(isHeld(doom)),
      ...this.serving.faults,
      ...this.sim.api.complaints.map((complaint) => `a real API server would object: ${complaint}`),
    ];
  }

  get #folder(): string {
    return `predictions/user_${USER}/${this.job?.metadata?.uid}/`;
  }

  #result(ends: string): string[] {
    const result = this.sim.bucket.objects.get(`${this.#folder}predictions.csv`)?.body;
    if (ends !== 'Succeeded') return result && !this.#succeeded ? ['a result was left behind'] : [];
    if (!result) return ['there is no result'];
    const right = this.rows.predicted(0, this.rows.count, true);
    const { rows, progress, conditions } = this.job?.status ?? {};
    return [
      ...(right.equals(result) ? [] : ['the result is not the table with its predictions']),
      ...(rows === this.rows.count && progress?.percent === 100 ? [] : [`${rows} rows, ${progress?.percent} %`]),
      ...(condition(conditions, 'Complete')?.status === 'True' ? [] : ['it is not Complete']),
      ...(this.sim.bucket.objects.has(`${this.#folder}summary.json`) ? [] : ['there is no summary']),
    ];
  }

  #remains(): string[] {
    const { bucket } = this.sim;
    const work = bucket.keys(`${this.#folder}.job/`);
    return [
      ...work.map((key) => `${key} was left behind`),
      ...[...bucket.open.values()].map(({ key }) => `an upload of ${key} was left open`),
      ...(!this.gone && this.job?.metadata?.finalizers?.length ? ['it still has its finalizer'] : []),
    ];
  }

  /** The collector's passes of the next day: what late invocations and zombies left is theirs. */
  async #collected(): Promise<void> {
    const { bucket, clock } = this.sim;
    const folders = { ...DEFAULT_PREFIXES, workerRoleId: ROLE_ID };
    const given = {
      ...{ bucket, folders, logger: SILENT, onCollected: () => {} },
      owners: () => keyOwners([], this.gone || !this.job ? [] : [this.job], folders),
      running: () => new Set<string>(),
      clock: { now: () => clock.now() + 25 * 3_600_000, after: () => () => {} },
    };
    await collectPredictions(given);
    await collectUploads(given);
  }

  /** One entry at most, and not more than what Lambda bills; a leader that was held takes what it gives up for as long as it was away. */
  #money(held: boolean): string[] {
    const { bucket } = this.sim;
    const entries = bucket.keys(`ledger/user_${USER}/`).map((key) => bucket.json<LedgerEntry>(key));
    const usd = entries.reduce((sum, entry) => sum + (entry?.usd ?? 0), 0);
    const { billedSeconds, served } = this.serving;
    const each = held ? invocationCost(TIMEOUT_SECONDS * 1000, 1769) : 1e-6;
    const most = invocationCost(billedSeconds * 1000, 1769) + served.length * each;
    return [
      ...(entries.length > 1 ? [`${entries.length} entries in the ledger`] : []),
      ...(usd > most ? [`$${usd} in the ledger, and Lambda bills $${most}`] : []),
      ...(served.length > 0 && usd === 0 && billedSeconds > 0 ? ['nothing in the ledger'] : []),
    ];
  }
}

const isHeld = ({ side, at }: Doom): boolean => at !== Infinity && (side === 'moved' || side === 'paused');

export const undoomed = (scenario: PredictionScenario): Promise<PredictionOutcome> =>
  new PredictionStory(scenario).play(new Doom());

/** What is in flight when the first operator dies is invoked again, once. */
export async function doomed(
  scenario: PredictionScenario,
  at: number,
  side: Side,
  right: PredictionOutcome,
): Promise<PredictionOutcome> {
  const outcome = await new PredictionStory(scenario).play(new Doom(at, side));
  const violations = [...outcome.violations];
  if (outcome.calls.length < at) violations.push('the call was not reached');
  const most = 2 * right.invocations + 2;
  if (outcome.invocations > most) violations.push(`${outcome.invocations} invocations instead of ${right.invocations}`);
  return { ...outcome, violations };
}

/** Three chunks of about 6 MiB. */
const SPLIT = 288;
const first =
  (fate: ReturnType<NonNullable<ServingOptions['fate']>>): ServingOptions['fate'] =>
  (_, nth, event) =>
    nth === 1 && (event.data.range?.start ?? 0) > 0 ? fate : undefined;
const isLarge = ({ data }: PredictionEvent): boolean => (data.range?.end ?? 0) - (data.range?.start ?? 0) > 11_000_000;

const deletedWhen = (phase: string): PredictionScenario => ({
  name: `deleted when ${phase}`,
  rows: SPLIT,
  ends: 'gone',
  plot: (story) =>
    story.when(
      ({ status }) => status?.phase === phase,
      () => story.remove(),
    ),
});

export const PREDICTIONS: readonly PredictionScenario[] = [
  { name: 'a small table', rows: 12 },
  { name: 'three chunks', rows: SPLIT },
  { name: 'three chunks by events', rows: SPLIT, spec: { invocationType: 'Event' } },
  {
    name: 'chunks that misread their first byte',
    rows: SPLIT,
    reading: (truth) => (truth === 'inside' ? 'outside' : 'inside'),
  },
  { name: 'each throttled at first', rows: SPLIT, fate: (_, nth) => (nth === 1 ? 'throttled' : undefined) },
  { name: 'each lost at first', rows: SPLIT, fate: (_, nth) => (nth === 1 ? 'lost' : undefined) },
  { name: 'each done and unheard', rows: SPLIT, fate: (_, nth) => (nth === 1 ? 'unheard' : undefined) },
  { name: 'each killed in the middle', rows: SPLIT, fate: (_, nth) => (nth === 1 ? 'killed' : undefined) },
  { name: DOUBLED, rows: SPLIT, fate: () => 'doubled' },
  { name: 'answers after the time-out', rows: SPLIT, fate: first('late') },
  {
    name: 'a misreading that is done late, over the right parts',
    rows: SPLIT,
    reading: (truth) => (truth === 'inside' ? 'outside' : 'inside'),
    // The last chunk takes longer, so that the parts are written over before they are merged.
    fate: (name, nth, { data }) => {
      const isLast = data.range?.end === data.bytes;
      if (name.includes('inside')) return isLast && nth === 1 ? 'killed' : undefined;
      return name.startsWith('0-') || isLast ? undefined : 'haunted';
    },
  },
  {
    name: 'events that are lost',
    rows: SPLIT,
    spec: { invocationType: 'Event' },
    fate: (_, nth) => (nth === 1 ? 'lost' : undefined),
  },
  {
    name: 'out of memory, halved',
    rows: 376,
    spec: { chunkBytes: 12_582_912 },
    fate: (_, __, event) => (isLarge(event) ? 'memory' : undefined),
  },
  {
    name: 'a bad row',
    rows: SPLIT,
    badRow: 150,
    ends: 'Failed',
    says: /^Row 151 is bad\.$/,
  },
  {
    name: 'the table changed meanwhile',
    rows: SPLIT,
    ends: 'Failed',
    says: /DataChanged/,
    plot: (story) =>
      story.sim.when(
        () => story.serving.served.length > 0,
        () => story.overwriteTable(),
      ),
  },
  {
    name: 'not enough money',
    rows: SPLIT,
    spec: { budget: { maxCostUsd: 0.00865 } },
    fate: (_, nth) => (nth < 4 ? 'killed' : undefined),
    ends: 'Failed',
    says: /could pass the \$0\.0086 this job may spend/,
  },
  { name: 'deleted by its own ttl', rows: 12, spec: { ttlSecondsAfterFinished: 0 }, ends: 'gone' },
  {
    name: 'deleted before it is accepted',
    rows: 12,
    ends: 'gone',
    plot: (story) =>
      story.when(
        ({ metadata, status }) => metadata?.finalizers !== undefined && status?.phase === undefined,
        () => story.remove(),
      ),
  },
  deletedWhen('Running'),
  deletedWhen('Merging'),
  deletedWhen('Succeeded'),
];
