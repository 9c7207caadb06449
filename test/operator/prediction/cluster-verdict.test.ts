// What came of a chunk on the cluster, and what its Job is made of: tables.
import { expect } from 'chai';
import fc from 'fast-check';
import type { PredictionAnswer, PredictionEvent } from '../../../cloud/contract/contract.generated.ts';
import type { PredictionJob } from '../../../crds/crds.generated.ts';
import type { BatchJob } from '../../../operator/cluster/jobs.ts';
import { chunkJob, chunkJobName, eventSecret, PREDICTION_UID_LABEL } from '../../../operator/prediction/cluster-job.ts';
import { verdict } from '../../../operator/prediction/cluster-verdict.ts';

const UID = '0f6e1c3a-4d2b-4c59-8a51-5a9f3d1f2b7c';
const FACTS = { image: 'registry.example/handler:1', installation: 'spotlearn', memoryMib: 1024 };
const job = (name = 'my.job'): PredictionJob => ({
  apiVersion: 'spotlearn.io/v1alpha1',
  kind: 'PredictionJob',
  metadata: { namespace: 'ml-user-7', name, uid: UID },
  spec: { modelRef: 'model', data: { uri: 's3://bucket/datasets/user_7/a.csv' } } as PredictionJob['spec'],
});

const done: PredictionAnswer = {
  success: true,
  predictions_s3_uri: 's3://bucket/p',
  num_predictions: 3,
  execution_time_ms: 1500,
  bytes: 10,
  counts: {},
  summary: {},
};
const refused: PredictionAnswer = { success: false, error: 'Row 2 is bad.', error_type: 'InvalidData', row: 2 };
const ended = (type: string, reason?: string): BatchJob => ({
  spec: {},
  status: { conditions: [{ type, status: 'True', ...(reason ? { reason } : {}) }] },
});
const FAILED = ended('Failed', 'BackoffLimitExceeded');

describe('What came of a chunk on the cluster', () => {
  const billed = { usd: 0, seconds: 0, memoryMib: 1024 };
  for (const [what, given, expected] of [
    ['stored predictions', [ended('Complete'), undefined, done], 'done'],
    ['stored predictions, though the pod was killed after that', [FAILED, 'OOMKilled', done], 'done'],
    ['stored predictions, though the Job is gone', [undefined, undefined, done], 'done'],
    ['a refusal', [FAILED, 'ExitCode1', refused], 'failed'],
    ['a refusal of a Job that is gone', [undefined, undefined, refused], 'failed'],
    ['memory, by the kernel', [FAILED, 'OOMKilled', undefined], 'exhausted'],
    ['memory, by Node', [FAILED, 'ExitCode134', undefined], 'exhausted'],
    ['memory, whatever an earlier pod said', [FAILED, 'OOMKilled', refused], 'exhausted'],
    ['time', [FAILED, 'DeadlineExceeded', undefined], 'exhausted'],
    ['no room', [ended('Failed', 'DeadlineExceeded'), undefined, undefined], 'throttled'],
    ['an eviction', [FAILED, 'Evicted', undefined], 'lost'],
    ['a pod that ended well and said nothing', [ended('Complete'), undefined, undefined], 'lost'],
    ['a Job that somebody deleted', [undefined, undefined, undefined], 'lost'],
  ] as const satisfies [string, [BatchJob | undefined, string | undefined, PredictionAnswer | undefined], string][])
    it(`is told from ${what}`, () => {
      const [one, reason, answer] = given;
      expect(verdict(one, reason, answer, 1024).is).to.equal(expected);
    });

  it('costs nothing and took as long as the handler says', () => {
    expect(verdict(ended('Complete'), undefined, done, 1024).billed).to.deep.equal({ ...billed, seconds: 1.5 });
    expect(verdict(FAILED, 'Evicted', undefined, 1024).billed).to.deep.equal(billed);
  });

  it('is said in words that help', () => {
    const said = (...given: Parameters<typeof verdict>) => {
      const invoked = verdict(...given);
      return 'message' in invoked ? invoked.message : '';
    };
    expect(said(FAILED, 'OOMKilled', undefined, 1024)).to.equal('The pod ran out of its 1024 MiB of memory.');
    expect(said(FAILED, 'DeadlineExceeded', undefined, 1024)).to.equal('The pod was not done in 15 minutes.');
    expect(said(ended('Failed', 'DeadlineExceeded'), undefined, undefined, 1024)).to.match(/no room/);
    expect(said(FAILED, 'ImagePullBackOff', undefined, 1024)).to.equal('The pod gave no answer (ImagePullBackOff).');
    expect(said(undefined, undefined, undefined, 1024)).to.equal('The pod gave no answer (its Job was deleted).');
  });

  it('is never a success without stored predictions', () => {
    const reasons = fc.option(fc.constantFrom('OOMKilled', 'DeadlineExceeded', 'Evicted', 'ExitCode1', 'Failed'), {
      nil: undefined,
    });
    const jobs = fc.option(fc.constantFrom(FAILED, ended('Complete'), ended('Failed', 'DeadlineExceeded')), {
      nil: undefined,
    });
    fc.assert(
      fc.property(jobs, reasons, fc.constantFrom(undefined, refused), (one, reason, answer) => {
        expect(verdict(one, reason, answer, 512).is).to.not.equal('done');
      }),
    );
  });
});

describe('The Job of a chunk', () => {
  const made = chunkJob(job(), '0-100', FACTS);
  interface PodSpec {
    automountServiceAccountToken: boolean;
    serviceAccountName?: string;
    activeDeadlineSeconds: number;
    containers: { args: string[]; command?: string[]; env: { name: string; value: string }[]; resources: object }[];
    volumes: object[];
  }
  const { spec } = made.spec['template'] as { spec: PodSpec };
  const [container] = spec.containers;

  it('is named by its work, the same each time, and belongs to the PredictionJob', () => {
    expect(made.metadata?.name)
      .to.equal(chunkJobName(UID, '0-100'))
      .and.match(/^prediction-[0-9a-f-]+$/);
    expect(made.metadata?.name?.length).to.be.at.most(63);
    expect(chunkJobName(UID, '0-100-inside')).to.not.equal(made.metadata?.name);
    expect(made.metadata).to.deep.include({
      namespace: 'ml-user-7',
      annotations: { 'spotlearn.io/job-name': 'my.job' },
      ownerReferences: [
        {
          apiVersion: 'spotlearn.io/v1alpha1',
          kind: 'PredictionJob',
          name: 'my.job',
          uid: UID,
          controller: true,
          blockOwnerDeletion: false,
        },
      ],
    });
    expect(made.metadata?.labels).to.include({
      [PREDICTION_UID_LABEL]: UID,
      'spotlearn.io/user': '7',
      'spotlearn.io/installation': 'spotlearn',
      'spotlearn.io/job': 'my.job',
    });
    // What is listed as instances of trainings, and collected when no training owns it.
    expect(made.metadata?.labels).to.not.have.property('spotlearn.io/job-uid');
  });

  it('has no rights in the cluster or at AWS', () => {
    expect(spec.automountServiceAccountToken).to.equal(false);
    expect(spec).to.not.have.property('serviceAccountName');
    expect(container?.env.map(({ name }) => name)).to.deep.equal(['TMPDIR', 'HOME']);
    expect(container).to.deep.include({
      securityContext: {
        allowPrivilegeEscalation: false,
        readOnlyRootFilesystem: true,
        capabilities: { drop: ['ALL'] },
      },
    });
  });

  it('runs one pod once, with a limit of time and of memory, and counts against the quota', () => {
    expect(made.spec).to.include({ backoffLimit: 0, completions: 1, parallelism: 1, activeDeadlineSeconds: 3600 });
    expect(spec.activeDeadlineSeconds).to.equal(900);
    expect(container?.resources).to.deep.equal({
      requests: { cpu: '1', memory: '512Mi' },
      limits: { memory: '1024Mi' },
    });
    const small = chunkJob(job(), '0-1', { ...FACTS, memoryMib: 128 }).spec['template'] as { spec: PodSpec };
    expect(small.spec.containers[0]?.resources).to.deep.include({ limits: { memory: '512Mi' } });
  });

  it('carries the event in a Secret of the Job, and no word of it in the Job', () => {
    const event = {
      version: 1,
      data: { url: 'https://bucket/x?X-Amz-Signature=secret' },
    } as unknown as PredictionEvent;
    const secret = eventSecret({ name: 'n', namespace: 'ml-user-7', uid: 'job' }, 'spotlearn', event);
    expect(secret.metadata?.ownerReferences?.[0]).to.include({ kind: 'Job', name: 'n', uid: 'job' });
    expect(JSON.parse(Buffer.from(secret.data['event.json'] ?? '', 'base64').toString())).to.deep.equal(event);
    expect(container?.args).to.deep.equal(['/var/run/spotlearn/event.json']);
    expect(container).to.not.have.property('command');
    expect(spec.volumes[0]).to.deep.equal({
      name: 'file',
      secret: { secretName: made.metadata?.name, defaultMode: 0o440 },
    });
  });

  it('is the same whatever a job is called, but for labels, annotation and owner', () => {
    fc.assert(
      fc.property(fc.string({ maxLength: 80 }), fc.string(), (name, chunk) => {
        const one = chunkJob(job(name), chunk, FACTS);
        expect(one.metadata?.name).to.match(/^[a-z0-9-]{1,63}$/);
        expect((one.spec['template'] as { spec: PodSpec }).spec.containers).to.deep.equal(spec.containers);
        for (const label of Object.values(one.metadata?.labels ?? {}))
          expect(label).to.match(/^([A-Za-z0-9]([\w.-]{0,61}[A-Za-z0-9])?)?$/);
      }),
    );
  });
});
