// What an attempt on the cluster is made of: the Job and the Secret, as tables.
import { expect } from 'chai';
import type { Ticket } from '../../../../cloud/contract/contract.generated.ts';
import type { Attempt, TrainingJob } from '../../../../crds/crds.generated.ts';
import { labelValue } from '../../../../operator/cluster/pods.ts';
import { clusterId, isClusterId, ticketSecret, workerJob } from '../../../../operator/training/cluster/manifest.ts';

const NOW = Date.parse('2026-11-24T10:00:00Z');
const UID = '0f6e1c3a-4d2b-4c59-8a51-5a9f3d1f2b7c';
const FACTS = {
  image: 'spotlearn/worker:1',
  installation: 'ours',
  bucket: 'bucket',
  region: 'eu-central-1',
  workerRoleId: 'AROAEXAMPLEEXAMPLE01',
  logGroup: '/aws/ec2/ml-training',
  now: NOW,
};
const attempt: Attempt = { number: 2, batch: 'b'.repeat(32), market: 'cluster', requestedAt: '2026-11-24T09:58:00Z' };
const job = (spec: object = {}, status: object = {}, name = 'my.job'): TrainingJob =>
  ({
    metadata: { namespace: 'ml-user-7', name, uid: UID },
    spec: { target: 'class', model: { type: 'ridge' }, placement: 'Cluster', ...spec },
    status,
  }) as TrainingJob;

interface Rendered {
  spec: {
    activeDeadlineSeconds: number;
    template: {
      metadata: { labels: Record<string, string> };
      spec: {
        affinity?: unknown;
        containers: {
          command?: unknown;
          args?: unknown;
          env: { name: string; value: string }[];
          resources: { requests: Record<string, string>; limits: Record<string, string> };
          securityContext: object;
          volumeMounts: { name: string; mountPath: string }[];
        }[];
        volumes: object[];
      };
    };
  };
}
const rendered = (spec: object = {}, status: object = {}): Rendered =>
  workerJob(job(spec, status), attempt, FACTS) as unknown as Rendered;
const container = (of: Rendered) =>
  of.spec.template.spec.containers[0] as NonNullable<Rendered['spec']['template']['spec']['containers'][0]>;
const environment = (of: Rendered) => Object.fromEntries(container(of).env.map(({ name, value }) => [name, value]));

describe('The Job of an attempt on the cluster', () => {
  it('is named by job and attempt, the same each time, and belongs to the TrainingJob', () => {
    const { metadata, apiVersion, kind } = workerJob(job(), attempt, FACTS);
    expect([apiVersion, kind]).to.deep.equal(['batch/v1', 'Job']);
    expect(metadata).to.deep.equal({
      name: `cluster-${UID}-2`,
      namespace: 'ml-user-7',
      labels: {
        'app.kubernetes.io/name': 'spotlearn-worker',
        'app.kubernetes.io/component': 'training',
        'app.kubernetes.io/managed-by': 'spotlearn-operator',
        'spotlearn.io/installation': 'ours',
        'spotlearn.io/user': '7',
        'spotlearn.io/job': 'my.job',
        'spotlearn.io/job-uid': UID,
        'spotlearn.io/attempt': '2',
        'spotlearn.io/batch': 'b'.repeat(32),
      },
      annotations: { 'spotlearn.io/job-name': 'my.job' },
      ownerReferences: [
        {
          apiVersion: 'spotlearn.io/v1alpha1',
          kind: 'TrainingJob',
          name: 'my.job',
          uid: UID,
          controller: true,
          blockOwnerDeletion: false,
        },
      ],
    });
    // A Job's pods are named after it with six characters more.
    expect(clusterId(UID, 100_000).length).to.be.at.most(57);
    expect([isClusterId(clusterId(UID, 1)), isClusterId('i-0123456789abcdef0')]).to.deep.equal([true, false]);
  });

  it('is one pod and no retry, which may do nothing but train', () => {
    const of = rendered();
    expect(of.spec).to.include({
      backoffLimit: 0,
      completions: 1,
      parallelism: 1,
      ttlSecondsAfterFinished: 600,
      podReplacementPolicy: 'Failed',
    });
    expect(of.spec.template.spec).to.deep.include({
      restartPolicy: 'Never',
      serviceAccountName: 'spotlearn-worker',
      automountServiceAccountToken: false,
      terminationGracePeriodSeconds: 90,
      securityContext: {
        runAsNonRoot: true,
        runAsUser: 65_532,
        runAsGroup: 65_532,
        fsGroup: 65_532,
        seccompProfile: { type: 'RuntimeDefault' },
      },
      volumes: [
        { name: 'file', secret: { secretName: `cluster-${UID}-2`, defaultMode: 0o440 } },
        { name: 'scratch', emptyDir: {} },
      ],
    });
    expect(container(of).securityContext).to.deep.equal({
      allowPrivilegeEscalation: false,
      readOnlyRootFilesystem: true,
      capabilities: { drop: ['ALL'] },
    });
  });

  it('tells the worker who it is and where its ticket lies, and names its role session after it', () => {
    const id = `cluster-${UID}-2`;
    expect(environment(rendered())).to.deep.equal({
      SPOTLEARN_BUCKET: 'bucket',
      SPOTLEARN_ROLE_ID: 'AROAEXAMPLEEXAMPLE01',
      SPOTLEARN_INSTANCE_ID: id,
      SPOTLEARN_TICKET_FILE: '/var/run/spotlearn/ticket.json',
      SPOTLEARN_LOG_GROUP: '/aws/ec2/ml-training',
      AWS_REGION: 'eu-central-1',
      AWS_DEFAULT_REGION: 'eu-central-1',
      AWS_ROLE_SESSION_NAME: id,
      TMPDIR: '/tmp',
      HOME: '/tmp',
    });
  });

  it('carries nothing that a user wrote but the job’s checked name', () => {
    const evil = '$(rm -rf /)"\n';
    const spec = { target: evil, features: [evil], model: { type: 'ridge', hyperparameters: { a: evil } } };
    const of = workerJob(job(spec), attempt, FACTS);
    expect(JSON.stringify(of)).to.not.contain('rm -rf');
    expect(container(of as unknown as Rendered)).to.not.have.any.keys('command', 'args');
    const { labels, annotations } =
      workerJob(job({}, {}, `${'a'.repeat(62)}.${'b'.repeat(100)}`), attempt, FACTS).metadata ?? {};
    expect(labels?.['spotlearn.io/job']).to.equal('a'.repeat(62));
    expect(annotations?.['spotlearn.io/job-name']).to.have.length(163);
  });

  const DAY = 86_400 + 300;
  const DEADLINES: [what: string, spec: object, status: object, seconds: number][] = [
    ['a day when the job has none', {}, {}, DAY],
    [
      'what is left of the job’s own',
      { activeDeadlineSeconds: 3600 },
      { startTime: '2026-11-24T09:40:00Z' },
      2400 + 300,
    ],
    ['a day before the job has begun', { activeDeadlineSeconds: 3600 }, {}, DAY],
    ['a minute when nothing is left', { activeDeadlineSeconds: 60 }, { startTime: '2026-11-24T09:00:00Z' }, 360],
    ['a day at most', { activeDeadlineSeconds: 1_000_000 }, { startTime: '2026-11-24T09:00:00Z' }, DAY],
  ];
  for (const [what, spec, status, seconds] of DEADLINES)
    it(`has a deadline some minutes after ${what}`, () => {
      expect(rendered(spec, status).spec.activeDeadlineSeconds).to.equal(seconds);
    });

  const GIB = 2 ** 30;
  const NEEDS: [what: string, spec: object, bytes: number, requests: object, limits: object][] = [
    ['little for a small table', {}, 1000, { cpu: '1', memory: '2048Mi' }, { memory: '2048Mi' }],
    ['more for a large one', {}, GIB, { cpu: '1', memory: '7168Mi' }, { memory: '7168Mi' }],
    [
      'what was asked for',
      { resources: { vcpu: 4, memoryGiB: 0.5, gpu: 1 } },
      GIB,
      { cpu: '4', memory: '512Mi' },
      { memory: '512Mi', 'nvidia.com/gpu': '1' },
    ],
  ];
  for (const [what, spec, bytes, requests, limits] of NEEDS)
    it(`asks the cluster for ${what}`, () => {
      expect(container(rendered(spec, { dataset: { bytes } })).resources).to.deep.equal({ requests, limits });
    });

  it('goes to the types and zones that were asked for, and anywhere else when none were', () => {
    expect(rendered().spec.template.spec.affinity).to.equal(undefined);
    const resources = { instanceTypes: ['m5.large'], zones: ['eu-central-1a', 'eu-central-1b'] };
    expect(rendered({ resources }).spec.template.spec.affinity).to.deep.equal({
      nodeAffinity: {
        requiredDuringSchedulingIgnoredDuringExecution: {
          nodeSelectorTerms: [
            {
              matchExpressions: [
                { key: 'node.kubernetes.io/instance-type', operator: 'In', values: ['m5.large'] },
                { key: 'topology.kubernetes.io/zone', operator: 'In', values: ['eu-central-1a', 'eu-central-1b'] },
              ],
            },
          ],
        },
      },
    });
  });
});

describe('A label', () => {
  const TABLE: [text: string, label: string][] = [
    ['plain-name', 'plain-name'],
    ['-a.b_', 'a.b'],
    ['Müller & Söhne', 'M-ller-S-hne'],
    ['x'.repeat(70), 'x'.repeat(63)],
    [`${'x'.repeat(62)}.y`, 'x'.repeat(62)],
    ['…', ''],
  ];
  for (const [text, label] of TABLE)
    it(`of ${JSON.stringify(text.slice(0, 20))} is ${JSON.stringify(label.slice(0, 20))}`, () =>
      expect(labelValue(text)).to.equal(label));
});

describe('The Secret with a ticket', () => {
  it('is named after its Job and goes with it', () => {
    const ticket = { version: 1, job: { name: 'j' } } as unknown as Ticket;
    const secret = ticketSecret({ id: 'cluster-u-1', namespace: 'ml-user-7', uid: 'job-uid' }, 'ours', ticket);
    expect(secret.metadata?.ownerReferences).to.deep.equal([
      { apiVersion: 'batch/v1', kind: 'Job', name: 'cluster-u-1', uid: 'job-uid', controller: true },
    ]);
    expect([secret.metadata?.name, secret.metadata?.namespace]).to.deep.equal(['cluster-u-1', 'ml-user-7']);
    expect(JSON.parse(Buffer.from(secret.data['ticket.json'] ?? '', 'base64').toString())).to.deep.equal(ticket);
  });
});
