// A pod's status from the states of its containers, as a kubelet reports it: phase, conditions, container statuses. Pure.
import type { Container, PodSpec } from './pod.ts';

export type ContainerState =
  | { readonly waiting: { readonly reason: string; readonly message?: string } }
  | { readonly running: { readonly startedAt: string } }
  | { readonly terminated: Terminated };

export interface Terminated {
  readonly exitCode: number;
  readonly reason: string;
  readonly message?: string;
  readonly startedAt?: string;
  readonly finishedAt: string;
  readonly containerID?: string;
}

export interface Tracked {
  readonly state: ContainerState;
  readonly lastState?: ContainerState;
  readonly restarts: number;
  readonly containerID?: string;
}

export interface PodFacts {
  readonly spec: PodSpec;
  readonly init: readonly Tracked[];
  readonly containers: readonly Tracked[];
  readonly startTime: string;
  readonly now: string;
  /** Set when the pod as a whole was ended: DeadlineExceeded, … */
  readonly failure?: { readonly reason: string; readonly message: string };
  readonly oldConditions?: readonly Condition[];
}

export interface Condition {
  readonly type: string;
  readonly status: string;
  readonly lastTransitionTime?: string;
  readonly reason?: string;
  readonly message?: string;
}

export function ended(tracked: Tracked | undefined): Terminated | undefined {
  return tracked !== undefined && 'terminated' in tracked.state ? tracked.state.terminated : undefined;
}

export function willRestart(spec: PodSpec, exit: Terminated): boolean {
  const policy = spec.restartPolicy ?? 'Always';
  return policy === 'Always' || (policy === 'OnFailure' && exit.exitCode !== 0);
}

export function podPhase({
  spec,
  init,
  containers,
  failure,
}: PodFacts): 'Pending' | 'Running' | 'Succeeded' | 'Failed' {
  if (failure !== undefined) return 'Failed';
  const initFailed = init.some((one) => (ended(one)?.exitCode ?? 0) !== 0);
  if (initFailed && spec.restartPolicy === 'Never') return 'Failed';
  if (init.some((one) => ended(one)?.exitCode !== 0)) return 'Pending';
  const exits = containers.map(ended);
  if (exits.every((exit) => exit !== undefined && !willRestart(spec, exit))) {
    return exits.every((exit) => exit?.exitCode === 0) ? 'Succeeded' : 'Failed';
  }
  const started = containers.some((one) => 'running' in one.state || ended(one) !== undefined || one.restarts > 0);
  return started ? 'Running' : 'Pending';
}

export function podStatus(facts: PodFacts): Record<string, unknown> {
  const { spec, init, containers, startTime, failure } = facts;
  const phase = podPhase(facts);
  const over = phase === 'Succeeded' || phase === 'Failed';
  const unready = spec.containers
    .filter((_, index) => !('running' in (containers[index]?.state ?? {})))
    .map(({ name }) => name);
  const notReady = {
    reason: over ? `Pod${phase === 'Succeeded' ? 'Completed' : 'Failed'}` : 'ContainersNotReady',
    message: '',
  };
  const completed = phase === 'Succeeded' ? { reason: 'PodCompleted' } : {};
  const ready = unready.length === 0 && !over;
  const why = ready
    ? {}
    : over
      ? { reason: notReady.reason }
      : { reason: notReady.reason, message: `containers with unready status: [${unready.join(' ')}]` };
  const initialized = init.every((one) => ended(one)?.exitCode === 0);
  const conditions = [
    condition(facts, 'Initialized', initialized, initialized ? completed : { reason: 'ContainersNotInitialized' }),
    condition(facts, 'Ready', ready, why),
    condition(facts, 'ContainersReady', ready, why),
    condition(facts, 'PodScheduled', true, {}),
  ];
  return {
    phase,
    conditions,
    startTime,
    hostIP: '127.0.0.1',
    podIP: '127.0.0.1',
    podIPs: [{ ip: '127.0.0.1' }],
    ...(failure === undefined ? {} : failure),
    ...(init.length === 0
      ? {}
      : { initContainerStatuses: init.map((one, index) => containerStatus(spec.initContainers?.[index], one, true)) }),
    containerStatuses: containers.map((one, index) => containerStatus(spec.containers[index], one, false)),
  };
}

function condition(
  facts: PodFacts,
  type: string,
  value: boolean,
  more: { reason?: string; message?: string },
): Condition {
  const status = value ? 'True' : 'False';
  const old = facts.oldConditions?.find((one) => one.type === type);
  const lastTransitionTime = old?.status === status ? (old.lastTransitionTime ?? facts.now) : facts.now;
  return { type, status, lastTransitionTime, ...more };
}

function containerStatus(
  container: Container | undefined,
  { state, lastState, restarts, containerID }: Tracked,
  init: boolean,
): object {
  const running = 'running' in state;
  return {
    name: container?.name ?? '',
    image: container?.image ?? '',
    imageID: `process://${container?.image ?? ''}`,
    ready: init ? 'terminated' in state && state.terminated.exitCode === 0 : running,
    started: running,
    restartCount: restarts,
    state,
    lastState: lastState ?? {},
    ...(containerID === undefined ? {} : { containerID }),
  };
}
