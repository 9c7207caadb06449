// A small kubelet and scheduler in one: binds pending pods to its node and runs their containers as child processes. Works
// against the embedded API and a real one alike, over HTTPS with a kubeconfig. Nothing it starts outlives it (leash.ts).
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { type Logger, pino } from 'pino';
import { stderr } from '../../cloud/log.ts';
import { type Clock, systemClock } from '../../cloud/clock.ts';
import type { KubeObject } from './api.ts';
import { isCode, KubeClient } from './kubelet/client.ts';
import type { ImageRunner, ReadObject } from './kubelet/environment.ts';
import type { TokenIssuer } from './kubelet/identity.ts';
import { startLogServer } from './kubelet/logs.ts';
import { heartbeat, NODE_NAME, registerNode } from './kubelet/node.ts';
import { isTerminal, podSpec } from './kubelet/pod.ts';
import { PodWorker } from './kubelet/pod-worker.ts';
import { podStatus, type Tracked } from './kubelet/status.ts';

/** How long pods may take when the kubelet itself stops. */
const SHUTDOWN_GRACE_SECONDS = 5;
const STATUS_TRIES = 5;

export interface KubeletOptions {
  /** Path of a kubeconfig. */
  readonly kubeconfig: string;
  /** Default `spotlearn-local`. */
  readonly nodeName?: string;
  /** What stands for an image (`name` or `name:tag`); pods with other images wait with ImagePullBackOff. */
  readonly images: Readonly<Record<string, ImageRunner>>;
  /** Signs the tokens of pods whose ServiceAccount names an IAM role; without it they get none. */
  readonly tokens?: TokenIssuer | undefined;
  /** For volumes and logs; created when missing. */
  readonly folder: string;
  readonly clock?: Clock;
  readonly logger?: Logger;
}

export interface Kubelet {
  readonly nodeName: string;
  /** Ends all pods (their status says so) and takes the node off the cluster. */
  close(): Promise<void>;
}

export async function startKubelet(options: KubeletOptions): Promise<Kubelet> {
  const kubelet = new PodRunner(options, await KubeClient.fromKubeconfig(options.kubeconfig));
  await kubelet.start();
  return kubelet;
}

class PodRunner implements Kubelet {
  readonly nodeName: string;
  readonly #client: KubeClient;
  readonly #options: KubeletOptions;
  readonly #clock: Clock;
  readonly #logger: Logger;
  readonly #workers = new Map<string, PodWorker>();
  readonly #binding = new Set<string>();
  readonly #ending = new Set<string>();
  readonly #writes = new Map<string, Promise<void>>();
  readonly #stop = new AbortController();
  #following: Promise<void> | undefined;
  #closeLogs: (() => Promise<void>) | undefined;

  constructor(options: KubeletOptions, client: KubeClient) {
    this.nodeName = options.nodeName ?? NODE_NAME;
    this.#options = options;
    this.#client = client;
    this.#clock = options.clock ?? systemClock({ unref: true });
    this.#logger = options.logger ?? pino({ level: 'warn' }, stderr());
  }

  async start(): Promise<void> {
    await mkdir(join(this.#options.folder, 'logs'), { recursive: true, mode: 0o700 });
    const logs = await startLogServer(this.#options.folder, this.#clock.now(), (...place) => this.#findLog(...place));
    this.#closeLogs = () => logs.close();
    await registerNode(this.#client, this.nodeName, logs.port, this.#clock.now());
    heartbeat(this.#client, this.nodeName, this.#clock, this.#stop.signal, (error) =>
      this.#logger.warn({ error: String(error) }, 'heartbeat failed'),
    );
    const listener = {
      changed: (pod: KubeObject) => this.#changed(pod),
      deleted: (pod: KubeObject) => this.#gone(pod),
    };
    this.#following = this.#client.follow('/api/v1/pods', listener, this.#stop.signal, (error) =>
      this.#logger.warn({ error: String(error) }, 'watch of pods broke'),
    );
  }

  async close(): Promise<void> {
    this.#stop.abort();
    await this.#following;
    await Promise.all(
      [...this.#workers.values()].map((worker) => worker.stop(Math.min(worker.graceSeconds, SHUTDOWN_GRACE_SECONDS))),
    );
    await Promise.all(this.#writes.values());
    await this.#closeLogs?.();
    await this.#quietly(this.#client.call('DELETE', `/api/v1/nodes/${this.nodeName}`));
    this.#client.close();
  }

  #changed(pod: KubeObject): void {
    const { uid } = pod.metadata;
    const { nodeName, schedulerName = 'default-scheduler', schedulingGates = [] } = podSpec(pod);
    if (nodeName === undefined || nodeName === '') {
      const ours = schedulerName === 'default-scheduler' && schedulingGates.length === 0;
      if (ours && pod.metadata.deletionTimestamp === undefined) void this.#bind(pod);
    } else if (nodeName === this.nodeName) {
      if (pod.metadata.deletionTimestamp !== undefined) void this.#end(pod);
      else if (this.#workers.has(uid) || isTerminal(pod)) return;
      else if (pod.status?.['phase'] === 'Running' && podSpec(pod).restartPolicy === 'Never') this.#lost(pod);
      else this.#begin(pod);
    }
  }

  /** Removed without waiting for us. */
  #gone(pod: KubeObject): void {
    const worker = this.#workers.get(pod.metadata.uid);
    if (worker === undefined || this.#ending.has(pod.metadata.uid)) return;
    void worker.stop(0).then(() => this.#forget(worker));
  }

  async #bind(pod: KubeObject): Promise<void> {
    const { uid, name, namespace } = pod.metadata;
    if (this.#binding.has(uid)) return;
    this.#binding.add(uid);
    const target = { apiVersion: 'v1', kind: 'Node', name: this.nodeName };
    const binding = { apiVersion: 'v1', kind: 'Binding', metadata: { name, namespace }, target };
    await this.#quietly(this.#client.call('POST', `${podPath(pod)}/binding`, binding));
    this.#binding.delete(uid);
  }

  #begin(pod: KubeObject): void {
    const { uid } = pod.metadata;
    const worker = new PodWorker(pod, {
      clock: this.#clock,
      images: this.#options.images,
      folder: join(this.#options.folder, 'pods', uid),
      logFile: (container) => this.#logFile(pod, container),
      read: (kind, name) => this.#read(pod, kind, name),
      ...(this.#options.tokens ? { tokens: this.#options.tokens } : {}),
      report: (status) => this.#report(pod, status),
    });
    this.#workers.set(uid, worker);
    worker.done.catch((error: unknown) => {
      this.#logger.error({ pod: pod.metadata.name, error: String(error) }, 'pod could not be run');
      this.#report(pod, { phase: 'Failed', reason: 'UnexpectedAdmissionError', message: String(error) });
    });
  }

  /** It ran under a kubelet that died, and its processes with it. */
  #lost(pod: KubeObject): void {
    const at = new Date(this.#clock.now()).toISOString().replace(/\.\d+Z$/, 'Z');
    const message = 'The container ended together with the kubelet that ran it';
    const exit = { exitCode: 137, reason: 'ContainerStatusUnknown', message, finishedAt: at };
    const lost = (): Tracked => ({ state: { terminated: exit }, restarts: 0 });
    const init = (podSpec(pod).initContainers ?? []).map(
      (): Tracked => ({ state: { terminated: { ...exit, exitCode: 0 } }, restarts: 0 }),
    );
    const containers = podSpec(pod).containers.map(lost);
    this.#report(
      pod,
      podStatus({
        spec: podSpec(pod),
        init,
        containers,
        startTime: typeof pod.status?.['startTime'] === 'string' ? pod.status['startTime'] : at,
        now: at,
      }),
    );
  }

  async #end(pod: KubeObject): Promise<void> {
    const { uid } = pod.metadata;
    if (this.#ending.has(uid)) return;
    this.#ending.add(uid);
    const worker = this.#workers.get(uid);
    if (worker !== undefined) {
      await worker.stop(pod.metadata.deletionGracePeriodSeconds ?? worker.graceSeconds).catch(() => undefined);
      await this.#writes.get(uid);
      await this.#forget(worker);
    }
    const body = { apiVersion: 'v1', kind: 'DeleteOptions', gracePeriodSeconds: 0, preconditions: { uid } };
    await this.#quietly(this.#client.call('DELETE', podPath(pod), body));
    this.#ending.delete(uid);
  }

  async #forget(worker: PodWorker): Promise<void> {
    this.#workers.delete(worker.pod.metadata.uid);
    await worker.removeFolder();
  }

  /** Statuses go out in order, one at a time for each pod; of those that wait only the newest matters. */
  readonly #newest = new Map<string, Record<string, unknown>>();
  #report(pod: KubeObject, status: Record<string, unknown>): void {
    const { uid } = pod.metadata;
    this.#newest.set(uid, status);
    if (this.#writes.has(uid)) return;
    const write = async () => {
      for (let next = this.#newest.get(uid); next !== undefined; next = this.#newest.get(uid)) {
        this.#newest.delete(uid);
        await this.#writeStatus(pod, next);
      }
      this.#writes.delete(uid);
    };
    this.#writes.set(uid, write());
  }

  async #writeStatus(pod: KubeObject, status: Record<string, unknown>): Promise<void> {
    // The uid keeps a namesake's status safe.
    const patch = { metadata: { uid: pod.metadata.uid }, status };
    for (let tries = 1; ; tries += 1) {
      try {
        await this.#client.call('PATCH', `${podPath(pod)}/status`, patch, 'application/merge-patch+json');
        return;
      } catch (error) {
        if (isCode(error, 404) || isCode(error, 409) || isCode(error, 422) || tries === STATUS_TRIES) {
          if (!isCode(error, 404))
            this.#logger.warn({ pod: pod.metadata.name, error: String(error) }, 'status not written');
          return;
        }
        await new Promise<void>((resolve) => void this.#clock.after(200 * tries, resolve));
      }
    }
  }

  async #read(pod: KubeObject, kind: Parameters<ReadObject>[0], name: string): Promise<KubeObject | undefined> {
    try {
      return await this.#client.call(
        'GET',
        `/api/v1/namespaces/${pod.metadata.namespace}/${kind}/${encodeURIComponent(name)}`,
      );
    } catch (error) {
      if (isCode(error, 404)) return undefined;
      throw error;
    }
  }

  #logFile(pod: KubeObject, container: string): string {
    const { namespace, name, uid } = pod.metadata;
    return join(this.#options.folder, 'logs', `${namespace}_${name}_${uid}_${container}.log`);
  }

  #findLog(namespace: string, name: string, container: string): { file: string; growing(): boolean } | undefined {
    const worker = [...this.#workers.values()].find(
      ({ pod }) => pod.metadata.namespace === namespace && pod.metadata.name === name,
    );
    if (worker === undefined) return undefined;
    let over = false;
    void worker.done.then(() => (over = true)).catch(() => (over = true));
    return { file: this.#logFile(worker.pod, container), growing: () => !over };
  }

  async #quietly(call: Promise<unknown>): Promise<void> {
    await call.catch((error: unknown) => {
      if (!isCode(error, 404) && !isCode(error, 409)) this.#logger.warn({ error: String(error) }, 'call failed');
    });
  }
}

function podPath(pod: KubeObject): string {
  return `/api/v1/namespaces/${pod.metadata.namespace}/pods/${pod.metadata.name}`;
}
