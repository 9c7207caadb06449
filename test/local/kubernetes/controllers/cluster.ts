// A store and its in-process API with the controllers running on it, for the tests of controllers: no kubelet, the tests
// say themselves what pods do.
import { pino } from 'pino';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Clock, systemClock } from '../../../../cloud/clock.ts';
import type { Api, KubeObject, ResourceRef } from '../../../../local/kubernetes/api.ts';
import { startControllers } from '../../../../local/kubernetes/controllers/start.ts';
import { startKubernetes } from '../../../../local/kubernetes/server.ts';

export const PODS = { group: '', plural: 'pods' };
export const CONFIG_MAPS = { group: '', plural: 'configmaps' };
export const NAMESPACES = { group: '', plural: 'namespaces' };
export const JOBS = { group: 'batch', plural: 'jobs' };

/** Real time that a test can put forward: timers due by then fire at once. */
export class ShiftedClock implements Clock {
  #shiftMs = 0;
  readonly #system = systemClock({ unref: true });
  readonly #timers = new Set<{ due: number; run: () => void }>();

  now(): number {
    return Date.now() + this.#shiftMs;
  }

  after(delayMs: number, run: () => void): () => void {
    const timer = { due: this.now() + delayMs, run };
    this.#timers.add(timer);
    const cancel = this.#system.after(delayMs, () => this.#fire(timer));
    return () => {
      this.#timers.delete(timer);
      cancel();
    };
  }

  advance(ms: number): void {
    this.#shiftMs += ms;
    for (const timer of [...this.#timers]) if (timer.due <= this.now()) this.#fire(timer);
  }

  #fire(timer: { due: number; run: () => void }): void {
    if (this.#timers.delete(timer)) timer.run();
  }
}

export class TestCluster {
  readonly api: Api;
  readonly clock: ShiftedClock;
  readonly #close: () => Promise<void>;

  constructor(api: Api, clock: ShiftedClock, close: () => Promise<void>) {
    this.api = api;
    this.clock = clock;
    this.#close = close;
  }

  static async start(): Promise<TestCluster> {
    const folder = await mkdtemp(join(tmpdir(), 'controllers-'));
    const clock = new ShiftedClock();
    const server = await startKubernetes({ stateDir: folder, clock, controllers: false });
    const stop = await startControllers(server.api, clock, pino({ level: 'silent' }));
    return new TestCluster(server.api, clock, async () => {
      await stop();
      await server.close();
      await rm(folder, { recursive: true, force: true });
    });
  }

  close(): Promise<void> {
    return this.#close();
  }

  get(resource: ResourceRef, namespace: string | undefined, name: string): KubeObject | undefined {
    return this.api.get(resource, namespace, name);
  }

  /** Waits until `probe` is true; the controllers need a few turns of the event loop. */
  async until(what: string, probe: () => boolean): Promise<void> {
    const end = Date.now() + 5000;
    while (!probe()) {
      if (Date.now() > end) throw new Error(`Not within 5 s: ${what}`);
      await sleep(5);
    }
  }

  async configMap(
    namespace: string,
    name: string,
    owners: KubeObject[] = [],
    more: Record<string, unknown> = {},
  ): Promise<KubeObject> {
    const ownerReferences = owners.map(({ apiVersion, kind, metadata }) => ({
      apiVersion,
      kind,
      name: metadata.name,
      uid: metadata.uid,
      ...more,
    }));
    return this.api.create(CONFIG_MAPS, { metadata: { namespace, name, ownerReferences } });
  }

  async setPhase(pod: KubeObject, phase: string, more: Record<string, unknown> = {}): Promise<void> {
    const current = this.get(PODS, pod.metadata.namespace, pod.metadata.name);
    if (current === undefined) throw new Error(`${pod.metadata.name} is gone`);
    await this.api.updateStatus(PODS, { ...current, status: { ...current.status, phase, ...more } });
  }
}
