// Runs one pod on this node: volumes (kept up to date while it runs), init containers one by one, containers side by side, restarts
// by policy with a growing wait, and its end. Reports each change as the pod's status. kubelet.ts owns one worker for each pod.
import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Cancel, Clock } from '../../../cloud/clock.ts';
import { type LeashedProcess, spawnLeashed } from '../../process/leash.ts';
import type { KubeObject } from '../api.ts';
import { parseQuantity } from '../schema/quantity.ts';
import {
  ConfigError,
  findImage,
  type ImageRunner,
  prepareLaunch,
  type ReadObject,
  writeVolumes,
} from './environment.ts';
import { podIdentity, type TokenIssuer } from './identity.ts';
import { watchMemory } from './memory.ts';
import { type Container, type PodSpec, podSpec } from './pod.ts';
import { type Condition, ended, podStatus, type Terminated, type Tracked, willRestart } from './status.ts';

const DEFAULT_GRACE_SECONDS = 30;
const BACKOFF_MS = 10_000;
const LONGEST_BACKOFF_MS = 300_000;
/** Wait before looking again for an image or a ConfigMap that isn't there. */
const CONFIG_RETRY_MS = 2000;
/** The same for what a volume is made of, at first: a Secret often comes a moment after its pod. */
const FIRST_VOLUME_RETRY_MS = 100;
/** How often Secrets, ConfigMaps and tokens that are mounted are brought up to date. */
const RESYNC_MS = 3000;

export interface PodWorkerOptions {
  readonly clock: Clock;
  readonly images: Readonly<Record<string, ImageRunner>>;
  /** Of this pod alone; removed at the end. */
  readonly folder: string;
  /** Where a container's output goes, appended. */
  logFile(container: string): string;
  readonly read: ReadObject;
  /** Signs the tokens of pods whose ServiceAccount names an IAM role. */
  readonly tokens?: TokenIssuer;
  report(status: Record<string, unknown>): void;
}

interface Slot {
  readonly container: Container;
  tracked: Tracked;
  process?: LeashedProcess;
}

export class PodWorker {
  readonly pod: KubeObject;
  readonly #spec: PodSpec;
  readonly #options: PodWorkerOptions;
  readonly #init: Slot[];
  readonly #main: Slot[];
  readonly #startTime: string;
  readonly #wakers = new Set<() => void>();
  #conditions: Condition[] = [];
  #failure: { reason: string; message: string } | undefined;
  #stopping = false;
  #deadline: Cancel | undefined;
  #resync: Cancel | undefined;
  #syncing: Promise<void> | undefined;
  #identity: Readonly<Record<string, string>> = {};
  /** Resolves when no process is left and the last status has been reported. */
  readonly done: Promise<void>;

  constructor(pod: KubeObject, options: PodWorkerOptions) {
    this.pod = pod;
    this.#spec = podSpec(pod);
    this.#options = options;
    this.#startTime = this.#stamp();
    const hasInit = (this.#spec.initContainers?.length ?? 0) > 0;
    const slot =
      (reason: string) =>
      (container: Container): Slot => ({ container, tracked: { state: { waiting: { reason } }, restarts: 0 } });
    this.#init = (this.#spec.initContainers ?? []).map(slot('PodInitializing'));
    this.#main = this.#spec.containers.map(slot(hasInit ? 'PodInitializing' : 'ContainerCreating'));
    this.done = this.#run().finally(async () => {
      this.#deadline?.();
      this.#resync?.();
      this.#resync = undefined;
      await this.#syncing;
    });
  }

  /** SIGTERM, and SIGKILL after the grace; resolves when everything has ended. */
  async stop(graceSeconds: number): Promise<void> {
    this.#stopping = true;
    for (const wake of [...this.#wakers]) wake();
    const running = [...this.#init, ...this.#main].flatMap((slot) =>
      slot.process?.exit === undefined ? (slot.process ?? []) : [],
    );
    await Promise.all(running.map((process) => process.terminate(graceSeconds * 1000)));
    await this.done;
  }

  get graceSeconds(): number {
    return this.#spec.terminationGracePeriodSeconds ?? DEFAULT_GRACE_SECONDS;
  }

  async removeFolder(): Promise<void> {
    await rm(this.#options.folder, { recursive: true, force: true });
  }

  async #run(): Promise<void> {
    const { activeDeadlineSeconds } = this.#spec;
    if (activeDeadlineSeconds !== undefined) {
      this.#deadline = this.#options.clock.after(activeDeadlineSeconds * 1000, () => {
        this.#failure = {
          reason: 'DeadlineExceeded',
          message: 'Pod was active on the node longer than the specified deadline',
        };
        void this.stop(this.graceSeconds);
      });
    }
    this.#report();
    await this.#prepareVolumes();
    this.#keepVolumes();
    for (const slot of this.#init) {
      await this.#keepRunning(slot, true);
      if (ended(slot.tracked)?.exitCode !== 0) return this.#report();
    }
    for (const slot of this.#main) this.#set(slot, { state: { waiting: { reason: 'ContainerCreating' } } });
    await Promise.all(this.#main.map((slot) => this.#keepRunning(slot, false)));
    this.#report();
  }

  async #writeVolumes(): Promise<void> {
    const { read, tokens, clock } = this.#options;
    await writeVolumes(this.pod, this.#volumes, read);
    this.#identity = await podIdentity(this.pod, tokens, this.#volumes, read, clock.now());
  }

  async #prepareVolumes(): Promise<void> {
    await mkdir(this.#volumes, { recursive: true, mode: 0o700 });
    for (let waitMs = FIRST_VOLUME_RETRY_MS; !this.#stopping; waitMs = Math.min(waitMs * 2, CONFIG_RETRY_MS)) {
      try {
        return await this.#writeVolumes();
      } catch (error) {
        if (!(error instanceof ConfigError)) throw error;
        const message = `MountVolume.SetUp failed: ${error.message}`;
        for (const slot of [...this.#init, ...this.#main])
          slot.tracked = { ...slot.tracked, state: { waiting: { reason: 'ContainerCreating', message } } };
        this.#report();
        await this.#wait(waitMs);
      }
    }
  }

  /** What can't be read now stays as it is, as in a real pod. */
  #keepVolumes(): void {
    const again = () => {
      this.#resync = this.#options.clock.after(RESYNC_MS, () => {
        this.#syncing = this.#writeVolumes()
          .catch(() => undefined)
          .finally(() => this.#resync && again());
      });
    };
    again();
  }

  get #volumes(): string {
    return join(this.#options.folder, 'volumes');
  }

  /** Until it ends for good. An init container that succeeded is not run again whatever the policy. */
  async #keepRunning(slot: Slot, init: boolean): Promise<void> {
    while (!this.#stopping) {
      const exit = await this.#once(slot);
      if (exit === undefined) continue;
      if (this.#stopping) return;
      const again = init ? exit.exitCode !== 0 && this.#spec.restartPolicy !== 'Never' : willRestart(this.#spec, exit);
      if (!again) return;
      const { restarts } = slot.tracked;
      const waitMs = restarts === 0 ? 0 : Math.min(BACKOFF_MS * 2 ** (restarts - 1), LONGEST_BACKOFF_MS);
      if (waitMs > 0) {
        const message = `back-off ${waitMs / 1000}s restarting failed container=${slot.container.name}`;
        this.#set(slot, {
          state: { waiting: { reason: 'CrashLoopBackOff', message } },
          lastState: { terminated: exit },
        });
        await this.#wait(waitMs);
        if (this.#stopping) return this.#set(slot, { state: { terminated: exit } });
      }
      this.#set(slot, { lastState: { terminated: exit }, restarts: restarts + 1 });
    }
    if (ended(slot.tracked) === undefined) this.#set(slot, { state: { terminated: this.#neverStarted() } });
  }

  /** Undefined: it could not be started and shall be tried again. */
  async #once(slot: Slot): Promise<Terminated | undefined> {
    const { container } = slot;
    const runner = findImage(this.#options.images, container.image);
    if (runner === undefined) {
      const message = `no local runner is known for image ${JSON.stringify(container.image)}`;
      this.#set(slot, { state: { waiting: { reason: 'ImagePullBackOff', message } } });
      return this.#wait(CONFIG_RETRY_MS);
    }
    let child: LeashedProcess;
    try {
      const launch = await prepareLaunch(
        this.pod,
        container,
        runner,
        this.#volumes,
        this.#options.read,
        this.#identity,
      );
      if (this.#stopping) return undefined;
      const output = { append: this.#options.logFile(container.name) };
      const cwd = launch.cwd ?? this.#options.folder;
      child = spawnLeashed(launch.command, launch.args, { env: launch.env, cwd, stdout: output, stderr: output });
    } catch (error) {
      if (!(error instanceof ConfigError)) throw error;
      this.#set(slot, { state: { waiting: { reason: 'CreateContainerConfigError', message: error.message } } });
      return this.#wait(CONFIG_RETRY_MS);
    }
    slot.process = child;
    return this.#follow(slot, child);
  }

  async #follow(slot: Slot, child: LeashedProcess): Promise<Terminated> {
    const startedAt = this.#stamp();
    const containerID = `process://${child.pid}`;
    this.#set(slot, { state: { running: { startedAt } }, containerID });
    let outOfMemory = false;
    const limit = parseQuantity(slot.container.resources?.limits?.['memory'] ?? '');
    const unwatch =
      limit === undefined
        ? undefined
        : watchMemory(child.pid, Number(limit.value), () => {
            outOfMemory = true;
            child.signal('SIGKILL', 'group');
          });
    const { code, signal } = await child.exited;
    unwatch?.();
    const exitCode = code ?? 128 + signalNumber(signal);
    const reason = outOfMemory ? 'OOMKilled' : exitCode === 0 ? 'Completed' : 'Error';
    const exit: Terminated = { exitCode, reason, startedAt, finishedAt: this.#stamp(), containerID };
    this.#set(slot, { state: { terminated: exit } });
    return exit;
  }

  #neverStarted(): Terminated {
    return {
      exitCode: 137,
      reason: 'ContainerStatusUnknown',
      message: 'The container was stopped before it started',
      finishedAt: this.#stamp(),
    };
  }

  async #wait(ms: number): Promise<undefined> {
    if (this.#stopping) return undefined;
    await new Promise<void>((resolve) => {
      const wake = () => {
        cancel();
        this.#wakers.delete(wake);
        resolve();
      };
      const cancel = this.#options.clock.after(ms, wake);
      this.#wakers.add(wake);
    });
    return undefined;
  }

  #set(slot: Slot, change: Partial<Tracked>): void {
    slot.tracked = { ...slot.tracked, ...change };
    this.#report();
  }

  #report(): void {
    const status = podStatus({
      spec: this.#spec,
      init: this.#init.map(({ tracked }) => tracked),
      containers: this.#main.map(({ tracked }) => tracked),
      startTime: this.#startTime,
      now: this.#stamp(),
      ...(this.#failure === undefined ? {} : { failure: this.#failure }),
      oldConditions: this.#conditions,
    });
    this.#conditions = status['conditions'] as Condition[];
    this.#options.report(status);
  }

  #stamp(): string {
    return new Date(this.#options.clock.now()).toISOString().replace(/\.\d+Z$/, 'Z');
  }
}

const SIGNALS: Partial<Record<NodeJS.Signals, number>> = {
  SIGHUP: 1,
  SIGINT: 2,
  SIGQUIT: 3,
  SIGABRT: 6,
  SIGKILL: 9,
  SIGSEGV: 11,
  SIGPIPE: 13,
  SIGTERM: 15,
};

function signalNumber(signal: NodeJS.Signals | null): number {
  return (signal === null ? undefined : SIGNALS[signal]) ?? 0;
}
