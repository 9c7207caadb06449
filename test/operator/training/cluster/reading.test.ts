// A Job read as an instance: what its status means, as tables.
import { expect } from 'chai';
import { type BatchJob, failedByItsPod, podReason } from '../../../../operator/cluster/jobs.ts';
import { instanceFrom } from '../../../../operator/training/cluster/reading.ts';

const job = (status: BatchJob['status'], metadata: object = {}): BatchJob => ({
  metadata: {
    name: 'cluster-u-1',
    namespace: 'ml-user-7',
    creationTimestamp: '2026-11-24T10:00:00Z',
    labels: {
      'spotlearn.io/installation': 'ours',
      'spotlearn.io/user': '7',
      'spotlearn.io/job-uid': 'u',
      'spotlearn.io/batch': 'b',
    },
    annotations: { 'spotlearn.io/job-name': 'my.job' },
    ...metadata,
  },
  spec: {},
  ...(status ? { status } : {}),
});
const condition = (type: string, reason: string) => ({ conditions: [{ type, status: 'True', reason }] });
const DELETED = { deletionTimestamp: '2026-11-24T10:05:00Z' };

describe('A Job on the cluster is', () => {
  const TABLE: [
    state: string,
    reason: string | undefined,
    when: string,
    status: BatchJob['status'],
    metadata?: object,
  ][] = [
    ['pending', undefined, 'new', undefined],
    ['pending', undefined, 'its pod waits', { active: 1, ready: 0 }],
    ['running', undefined, 'its pod runs', { active: 1, ready: 1 }],
    ['running', undefined, 'its pod is on its grace period', { active: 0, terminating: 1 }],
    [
      'shutting-down',
      undefined,
      'its pod has failed and is being counted',
      { uncountedTerminatedPods: { failed: ['p'] } },
    ],
    [
      'shutting-down',
      undefined,
      'its pod has succeeded and is being counted',
      { uncountedTerminatedPods: { succeeded: ['p'] } },
    ],
    ['shutting-down', undefined, 'its pod has failed', { failed: 1 }],
    ['shutting-down', 'Completed', 'it is about to be complete', condition('SuccessCriteriaMet', 'CompletionsReached')],
    ['shutting-down', 'DeadlineExceeded', 'it is about to fail', condition('FailureTarget', 'DeadlineExceeded')],
    ['shutting-down', 'Deleted', 'it is deleted', { active: 1, ready: 1 }, DELETED],
    ['terminated', 'Completed', 'it is complete', { succeeded: 1, ...condition('Complete', 'CompletionsReached') }],
    ['terminated', 'Failed', 'its pod failed', { failed: 1, ...condition('Failed', 'BackoffLimitExceeded') }],
    ['terminated', 'DeadlineExceeded', 'its deadline was over', condition('Failed', 'DeadlineExceeded')],
    ['terminated', 'Failed', 'it failed without a word', { conditions: [{ type: 'Failed', status: 'True' }] }],
    ['terminated', 'Completed', 'it is complete and deleted', condition('Complete', 'CompletionsReached'), DELETED],
    ['pending', undefined, 'a condition no longer holds', { conditions: [{ type: 'Failed', status: 'False' }] }],
  ];
  for (const [state, reason, when, status, metadata] of TABLE)
    it(`${state} (${reason ?? 'no reason'}) when ${when}`, () => {
      const { state: is, stateReason } = instanceFrom(job(status, metadata));
      expect([is, stateReason]).to.deep.equal([state, reason]);
    });

  it('the instance of its TrainingJob', () => {
    expect(instanceFrom(job({ active: 1, ready: 1 }))).to.deep.equal({
      id: 'cluster-u-1',
      instanceType: 'cluster',
      zone: 'ml-user-7',
      state: 'running',
      market: 'cluster',
      launchedAt: Date.parse('2026-11-24T10:00:00Z'),
      stateReason: undefined,
      batch: 'b',
      jobUid: 'u',
      tags: {
        'spotlearn:installation': 'ours',
        'spotlearn:user': '7',
        'spotlearn:job': 'ml-user-7/my.job',
        'spotlearn:job-uid': 'u',
        'spotlearn:batch': 'b',
      },
    });
    const bare = instanceFrom({ spec: {} });
    expect([bare.id, bare.launchedAt, bare.jobUid, bare.tags['spotlearn:job-uid']]).to.deep.equal([
      '',
      0,
      undefined,
      '',
    ]);
  });

  it('failed for its pod’s reason when it failed by its pod, and for its own otherwise', () => {
    const byPod = job(condition('Failed', 'BackoffLimitExceeded'));
    const byTime = job(condition('Failed', 'DeadlineExceeded'));
    expect([failedByItsPod(byPod), failedByItsPod(byTime)]).to.deep.equal([true, false]);
    expect(instanceFrom(byPod, 'OOMKilled').stateReason).to.equal('OOMKilled');
    expect(instanceFrom(byTime, 'OOMKilled').stateReason).to.equal('DeadlineExceeded');
  });
});

describe('A pod says of its end', () => {
  const ended = (terminated: object) => ({ status: { containerStatuses: [{}, { state: { terminated } }] } });
  const TABLE: [pods: Parameters<typeof podReason>[0], reason: string | undefined][] = [
    [[], undefined],
    [[{}], undefined],
    [[{ status: { containerStatuses: [{ state: {} }] } }], undefined],
    [[{ status: { reason: 'Evicted' } }], 'Evicted'],
    [[ended({ reason: 'OOMKilled', exitCode: 137 })], 'OOMKilled'],
    [[ended({ reason: 'Error', exitCode: 20 })], 'ExitCode20'],
    [[ended({ reason: 'Error' })], 'ExitCodeUnknown'],
    [[{}, ended({ exitCode: 30 })], 'ExitCode30'],
  ];
  for (const [pods, reason] of TABLE)
    it(`${reason ?? 'nothing'} in ${JSON.stringify(pods).slice(0, 90)}`, () =>
      expect(podReason(pods)).to.equal(reason));
});
