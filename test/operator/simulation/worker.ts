// One worker in virtual time, with trainer/'s manners: waits five minutes for its ticket, beats, reads control.json with each beat,
// asks for a Spot notice every five seconds, saves itself between two steps when it is time or when it must leave, and writes
// result.json last. What it computes is computation.ts; what it really did is its Deed, for invariants.ts.
import { createHash } from 'node:crypto';
import type { Cancel } from '../../../cloud/clock.ts';
import type { Control, Heartbeat, Manifest, Result, Ticket } from '../../../cloud/contract/contract.generated.ts';
import {
  CHECKPOINT_FOLDER,
  CONTROL,
  HEARTBEAT,
  instanceFolder,
  RESULT,
  RESULT_FOLDER,
  TICKET,
} from '../../../cloud/keys.ts';
import type { ManualClock } from '../clock.ts';
import { manifestOf, ROLE_ID } from '../worker.ts';
import type { SimulatedBucket } from './bucket.ts';
import { firstState, nextState, type State } from './computation.ts';
import type { Machine } from './compute.ts';

const TICKET_POLL_MS = 2_000;
const TICKET_WAIT_MS = 300_000;
const NOTICE_POLL_MS = 5_000;
/** A link that has expired: the ticket is read again, for a newer one. */
const REFUSED_PAUSE_MS = 5_000;
const MOST_REFUSALS = 60;
const PREPARE_MS = 2_000;
const EXPORT_MS = 2_000;
/** From the worker's end to the machine's. */
const SHUTDOWN_MS = 2_000;

/** What one attempt really did. */
export interface Deed {
  readonly uid: string;
  readonly attempt: number;
  readonly machine: string;
  readonly stepMs: number;
  readonly resumedFrom: number;
  readonly beganAt: number;
  /** Steps computed and the last one saved. */
  step: number;
  saved: number;
  /** Exit code; undefined: it was killed, or still works. */
  exitCode?: number;
  state: State;
}

/** How a training is to behave: read out of hyperparameters that a random forest really has, since others are not admitted. */
interface Course {
  readonly steps: number;
  readonly stepMs: number;
  /** Attempts up to this one end by the user's error, after half of the steps. */
  readonly failsUntil: number;
}

export interface WorkerOptions {
  readonly machine: Machine;
  readonly clock: ManualClock;
  readonly bucket: SimulatedBucket;
  /** The store does not answer the worker. */
  readonly storeAway: () => boolean;
  readonly log: (line: string) => void;
  readonly onDeed: (deed: Deed) => void;
  /** The machine's own end. */
  readonly onOver: () => void;
}

export class Worker {
  readonly #options: WorkerOptions;
  readonly #place: string;
  readonly #timers = new Set<Cancel>();
  #deed: Deed | undefined;
  #ticket: Ticket | undefined;
  #course: Course = { steps: 1, stepMs: 1000, failsUntil: 0 };
  #stage: Heartbeat['stage'] = 'Starting';
  #sequence = 0;
  #checkpoint: Heartbeat['checkpoint'] = null;
  #checkpointAt = 0;
  #lookedAt = 0;
  #refusals = 0;
  #halt: 30 | 31 | undefined;
  #savesFirst = true;
  /** To save itself once: a rebalance recommendation. */
  #asked: boolean | undefined;
  #generation = 0;
  #dead = false;

  constructor(options: WorkerOptions) {
    this.#options = options;
    this.#place = instanceFolder(ROLE_ID, options.machine.id);
  }

  start(): void {
    this.#await(this.#options.clock.now() + TICKET_WAIT_MS);
  }

  /** The machine is gone, in whatever the worker did. */
  kill(): void {
    this.#dead = true;
    for (const cancel of this.#timers) cancel();
    this.#timers.clear();
  }

  #after(ms: number, run: () => void): void {
    const cancel = this.#options.clock.after(ms, () => {
      this.#timers.delete(cancel);
      if (!this.#dead) run();
    });
    this.#timers.add(cancel);
  }

  #await(until: number): void {
    const { bucket, clock, storeAway } = this.#options;
    const ticket = storeAway() ? undefined : bucket.json<Ticket>(this.#place + TICKET);
    if (ticket) this.#begin(ticket);
    else if (clock.now() >= until) this.#shutDown();
    else this.#after(TICKET_POLL_MS, () => this.#await(until));
  }

  #begin(ticket: Ticket): void {
    const { clock, bucket, machine, onDeed } = this.#options;
    if (expired(ticket, clock.now()) && this.#refusals < MOST_REFUSALS) {
      this.#refusals += 1;
      const read = () => bucket.json<Ticket>(this.#place + TICKET) ?? ticket;
      return this.#after(REFUSED_PAUSE_MS, () => this.#begin(read()));
    }
    this.#ticket = ticket;
    this.#course = courseOf(ticket);
    this.#checkpointAt = this.#lookedAt = clock.now();
    const resumed = ticket.resume ? this.#resumed(ticket.resume) : undefined;
    const { seed } = ticket.training;
    this.#deed = {
      uid: ticket.job.uid,
      attempt: ticket.job.attempt,
      machine: machine.id,
      stepMs: this.#course.stepMs,
      resumedFrom: resumed?.step ?? 0,
      beganAt: clock.now(),
      step: resumed?.step ?? 0,
      saved: 0,
      state: resumed?.state ?? firstState(ticket.dataset.etag, seed),
    };
    onDeed(this.#deed);
    this.#beats();
    this.#watches();
    this.#after(Math.max(0, Date.parse(ticket.notAfter) - clock.now()), () => (this.#halt ??= 31));
    this.#show('Downloading');
    if (expired(ticket, clock.now())) return this.#end(20);
    this.#after(PREPARE_MS, () => {
      this.#show('Training');
      this.#turn();
    });
  }

  /** The state of a checkpoint; undefined when it is gone: that costs time, not the job. */
  #resumed({ url }: { url: string }): { step: number; state: State } | undefined {
    return this.#options.bucket.json(decodeURIComponent(new URL(url).pathname.slice(1)));
  }

  /** Between two steps. */
  #turn(): void {
    const { clock, log } = this.#options;
    const deed = this.#deed as Deed;
    const { steps, stepMs, failsUntil } = this.#course;
    // As soon as another step like the last could make more than an interval's work unsaved.
    const due = clock.now() - this.#checkpointAt + (clock.now() - this.#lookedAt) > this.#checkpointMs;
    this.#lookedAt = clock.now();
    const asked = this.#asked === true;
    if (asked) this.#asked = false;
    const wanted = this.#halt === undefined ? due || asked : this.#savesFirst;
    if (wanted && deed.step > deed.saved && deed.step > deed.resumedFrom && !this.#save(deed)) return this.#end(20);
    if (this.#halt !== undefined) return this.#end(this.#halt);
    if (deed.attempt <= failsUntil && deed.step >= steps / 2) return this.#end(USER_ERROR);
    if (deed.step >= steps) {
      this.#show('Exporting');
      return this.#after(EXPORT_MS, () => this.#end(0));
    }
    this.#after(stepMs, () => {
      deed.step += 1;
      deed.state = nextState(deed.state, deed.step);
      log(`Training progress: ${Math.floor((100 * deed.step) / steps)}%`);
      this.#turn();
    });
  }

  get #checkpointMs(): number {
    return (this.#ticket?.checkpointSeconds ?? 60) * 1000;
  }

  #save(deed: Deed): boolean {
    const { clock, storeAway } = this.#options;
    if (storeAway()) return false;
    const name = `${CHECKPOINT_FOLDER}${deed.step}.joblib`;
    const body = JSON.stringify({ step: deed.step, state: deed.state });
    this.#put(name, body);
    const pointer = {
      key: this.#place + name,
      step: deed.step,
      at: new Date(clock.now()).toISOString(),
      bytes: body.length,
    };
    this.#put(`${CHECKPOINT_FOLDER}latest.json`, { ...pointer, sha256: sha256(body) });
    this.#checkpoint = pointer;
    this.#checkpointAt = this.#lookedAt = clock.now();
    deed.saved = deed.step;
    return true;
  }

  #beats(): void {
    this.#beat();
    this.#after((this.#ticket?.heartbeatSeconds ?? 5) * 1000, () => this.#beats());
  }

  #watches(): void {
    const { noticeAt, rebalanceAt } = this.#options.machine;
    if (noticeAt !== undefined) this.#halt ??= 30;
    else if (rebalanceAt !== undefined) this.#asked ??= true;
    this.#after(NOTICE_POLL_MS, () => this.#watches());
  }

  #show(stage: Heartbeat['stage']): void {
    this.#stage = stage;
    this.#beat();
  }

  #beat(): void {
    const { bucket, clock, storeAway } = this.#options;
    if (storeAway()) return;
    const control = bucket.json<Control>(this.#place + CONTROL);
    this.#generation = control?.generation ?? 0;
    if (control && control.desired !== 'Run') this.#halt ??= 31;
    if (control?.desired === 'Stop') this.#savesFirst = false;
    const { step = 0 } = this.#deed ?? {};
    const { steps, stepMs } = this.#course;
    const heartbeat: Heartbeat = {
      version: 1,
      sequence: (this.#sequence += 1),
      at: new Date(clock.now()).toISOString(),
      stage: this.#stage,
      step,
      steps,
      percent: (100 * step) / steps,
      etaSeconds: ((steps - step) * stepMs) / 1000,
      metric: null,
      message: `${step} of ${steps} steps`,
      checkpoint: this.#checkpoint,
      memoryMiB: 300,
      cpuPercent: 90,
      controlGeneration: this.#generation,
    };
    this.#put(HEARTBEAT, heartbeat);
  }

  #end(exitCode: number): void {
    const deed = this.#deed as Deed;
    for (const cancel of this.#timers) cancel();
    this.#timers.clear();
    if (!this.#options.storeAway()) this.#put(RESULT, exitCode === 0 ? this.#uploaded(deed) : failedWith(exitCode));
    deed.exitCode = exitCode;
    this.#shutDown();
  }

  #uploaded(deed: Deed): Result {
    const texts = { 'model.onnx': deed.state, 'metrics.json': '{"roc_auc":0.8}' };
    const files = Object.entries(texts).map(([name, text]) => described(name, text));
    const manifest = JSON.stringify(manifestOf(files as Manifest['files']));
    for (const [name, text] of Object.entries({ ...texts, 'manifest.json': manifest }))
      this.#put(RESULT_FOLDER + name, text);
    return {
      ...failedWith(0),
      outcome: 'Succeeded',
      error: null,
      files: [...files, described('manifest.json', manifest)],
      metrics: { roc_auc: 0.8 },
    };
  }

  #shutDown(): void {
    const { clock, onOver } = this.#options;
    clock.after(SHUTDOWN_MS, onOver);
  }

  #put(name: string, body: string | object): void {
    this.#options.bucket.set(this.#place + name, body);
  }
}

const expired = ({ dataset, resume }: Ticket, now: number): boolean =>
  [dataset.url, resume?.url ?? dataset.url].some((url) => now > Number(new URL(url).searchParams.get('until')));

function courseOf({ training: { hyperparameters: given } }: Ticket): Course {
  return {
    steps: Number(given.n_estimators ?? 10),
    stepMs: Number(given.max_depth ?? 3) * 1000,
    failsUntil: Number(given.min_samples_leaf ?? 1) - 1,
  };
}

const USER_ERROR = 10;
const OUTCOMES: Readonly<Record<number, Result['outcome']>> = { 30: 'Interrupted', 31: 'Stopped' };

const failedWith = (exitCode: number): Result => ({
  version: 1,
  outcome: OUTCOMES[exitCode] ?? 'Failed',
  exitCode,
  error: { code: 'Simulated', message: `The worker ended with ${exitCode}.`, hint: 'Nothing to do.' },
  files: [],
  metrics: {},
  seconds: 1,
});

const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex');
const described = (name: string, text: string) => ({ name, size: Buffer.byteLength(text), sha256: sha256(text) });
