import { expect } from 'chai';
import { podPhase, podStatus, type Tracked } from '../../../../local/kubernetes/kubelet/status.ts';
import type { PodSpec } from '../../../../local/kubernetes/kubelet/pod.ts';

const AT = '2026-01-01T00:00:00Z';
const exited = (exitCode: number): Tracked => ({
  state: { terminated: { exitCode, reason: 'x', finishedAt: AT } },
  restarts: 0,
});
const running: Tracked = { state: { running: { startedAt: AT } }, restarts: 0 };
const waiting: Tracked = { state: { waiting: { reason: 'ContainerCreating' } }, restarts: 0 };

function spec(restartPolicy: PodSpec['restartPolicy'], containers = 1, init = 0): PodSpec {
  const make = (count: number) => Array.from({ length: count }, (_, index) => ({ name: `c${index}`, image: 'i' }));
  return { restartPolicy, containers: make(containers), initContainers: make(init) };
}

describe('the phase of a pod', () => {
  const phase = (policy: PodSpec['restartPolicy'], containers: Tracked[], init: Tracked[] = []) =>
    podPhase({ spec: spec(policy, containers.length, init.length), init, containers, startTime: AT, now: AT });

  for (const [policy, containers, expected] of [
    ['Never', [waiting], 'Pending'],
    ['Never', [running], 'Running'],
    ['Never', [running, exited(1)], 'Running'],
    ['Never', [exited(0), exited(0)], 'Succeeded'],
    ['Never', [exited(0), exited(1)], 'Failed'],
    ['OnFailure', [exited(0)], 'Succeeded'],
    ['OnFailure', [exited(1)], 'Running'],
    ['Always', [exited(0)], 'Running'],
    [undefined, [exited(1)], 'Running'],
  ] as const) {
    const states = containers.map(({ state }) => JSON.stringify(state)).join(', ');
    it(`is ${expected} with policy ${policy ?? 'unset'} and ${states}`, () =>
      expect(phase(policy, [...containers])).to.equal(expected));
  }

  it('waits for init containers, and fails with them when they may not be repeated', () => {
    expect(phase('Never', [waiting], [running])).to.equal('Pending');
    expect(phase('Never', [waiting], [exited(1)])).to.equal('Failed');
    expect(phase('OnFailure', [waiting], [exited(1)])).to.equal('Pending');
  });
});

describe('the status of a pod', () => {
  const status = (containers: Tracked[], more: object = {}) =>
    podStatus({ spec: spec('Never', containers.length), init: [], containers, startTime: AT, now: AT, ...more }) as {
      phase: string;
      reason?: string;
      conditions: { type: string; status: string; reason?: string; message?: string; lastTransitionTime: string }[];
    };
  const condition = (from: ReturnType<typeof status>, type: string) => from.conditions.find((one) => one.type === type);

  it('is ready while everything runs', () => expect(condition(status([running]), 'Ready')?.status).to.equal('True'));
  it('names what is not ready', () =>
    expect(condition(status([running, waiting]), 'Ready')).to.include({
      status: 'False',
      message: 'containers with unready status: [c1]',
    }));
  it('is completed in the end', () =>
    expect(condition(status([exited(0)]), 'Ready')).to.include({ status: 'False', reason: 'PodCompleted' }));
  it('is what failed it', () => {
    const failure = { reason: 'DeadlineExceeded', message: 'm' };
    expect(status([running], { failure })).to.include({ phase: 'Failed', ...failure });
  });
  it('keeps the time of the last transition', () => {
    const oldConditions = [{ type: 'PodScheduled', status: 'True', lastTransitionTime: 'then' }];
    expect(condition(status([running], { oldConditions }), 'PodScheduled')?.lastTransitionTime).to.equal('then');
  });
});
