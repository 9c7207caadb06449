// Attacks with a user's kubeconfig: every request beyond the own namespace, statuses forged in every way there is to write one, finalizers. The
// API server says no and writes it down.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import type { PredictionJob, TrainingJob } from '../../crds/crds.generated.ts';
import { FINALIZER, namespaceOf } from '../../crds/objects.ts';
import { PREDICTION_JOBS, TRAINING_JOBS } from '../../operator/runtime/resources.ts';
import { eventually } from '../operator/cluster.ts';
import { People } from './people.ts';
import { allowed, forbidden, prediction, send, training, type Reply, type Request } from './rights.ts';
import { attackTold, type Recorder } from './tally.ts';

const MERGE = 'application/merge-patch+json';
const JSON_PATCH = 'application/json-patch+json';

/** What a thief would write into the status of a job of his own. */
const FORGERIES: readonly {
  readonly what: string;
  readonly kind: 'training' | 'prediction';
  status(you: string, theirs: TrainingJob): object;
}[] = [
  {
    what: 'the other’s model',
    kind: 'training',
    status: (you) => ({ phase: 'Succeeded', model: { id: 'secret', uri: `s3://bucket/models/user_${you}/secret/` } }),
  },
  {
    what: 'the other’s identity',
    kind: 'training',
    status: (_, { metadata }) => ({ origin: { uid: metadata?.uid, createdAt: metadata?.creationTimestamp } }),
  },
  {
    what: 'the other’s instance',
    kind: 'training',
    status: (_, { status }) => ({
      phase: 'Running',
      instanceId: status?.instanceId,
      attempts: [
        { number: 1, batch: 'b', market: 'spot', requestedAt: '2026-01-01T00:00:00Z', instanceId: status?.instanceId },
      ],
    }),
  },
  { what: 'no cost', kind: 'training', status: () => ({ cost: { actualUsd: 0, reservedUsd: 0 } }) },
  { what: 'success', kind: 'training', status: () => ({ phase: 'Succeeded', metrics: { r2: 1 } }) },
  {
    what: 'that it was admitted',
    kind: 'training',
    status: () => ({ phase: 'Queued', startTime: '2026-01-01T00:00:00Z', dataset: { bytes: 1, etag: 'x' } }),
  },
  {
    what: 'the other’s result',
    kind: 'prediction',
    status: (you) => ({ phase: 'Succeeded', outputUri: `s3://bucket/predictions/user_${you}/uid/predictions.csv` }),
  },
  {
    what: 'the other’s picture',
    kind: 'prediction',
    status: (you) => ({ phase: 'Succeeded', pictureUri: `s3://bucket/predictions/user_${you}/uid/picture.png` }),
  },
  {
    what: 'the other’s model',
    kind: 'prediction',
    status: (you) => ({
      phase: 'Running',
      model: { id: 'secret', uri: `s3://bucket/models/user_${you}/secret/`, task: 'regression' },
    }),
  },
];

describe('Attacks with a user’s kubeconfig', function () {
  this.timeout(60_000);
  let people: People;
  before(async () => {
    people = await People.start();
    for (const one of allowed(people.me).slice(0, 2)) expect((await ask(one)).status).to.equal(one.code);
  });
  after(() => people.close());

  const ask = (one: Omit<Request, 'what' | 'code'>): Promise<Reply> => {
    const { url, caPem } = people.cluster.server;
    return send({ url, ca: caPem, token: people.token }, one);
  };
  const own = (plural: string) => `/apis/spotlearn.io/v1alpha1/namespaces/${namespaceOf(people.me)}/${plural}`;

  const inLog = async (uri: string, code: number): Promise<Recorder> => {
    await eventually(() =>
      people.events().some((event) => event.requestURI === uri && event.responseStatus.code === code),
    );
    return 'API server';
  };

  for (const { what } of forbidden('1', '2', 'theirs'))
    it(`whoever ${what} is refused`, async () => {
      const one = forbidden(people.me, people.you, 'theirs').find((request) => request.what === what) as Request;
      await attackTold(
        'requests by kubeconfig',
        () => inLog(one.path, one.code),
        async () => {
          const { status, body } = await ask(one);
          expect(status, JSON.stringify(body)).to.equal(one.code);
        },
      );
    });

  it('leave who it was, what and how it ended, and neither token nor body', async () => {
    const path = `${own('trainingjobs')}/mine/status`;
    const found = await eventually(() =>
      people.events().find(({ requestURI, responseStatus }) => requestURI === path && responseStatus.code === 403),
    );
    const name = `system:serviceaccount:${namespaceOf(people.me)}:spotlearn-user`;
    expect(found).to.deep.include({
      level: 'Metadata',
      verb: 'patch',
      objectRef: {
        resource: 'trainingjobs',
        namespace: namespaceOf(people.me),
        name: 'mine',
        apiGroup: 'spotlearn.io',
        apiVersion: 'v1alpha1',
        subresource: 'status',
      },
      annotations: { 'authorization.k8s.io/decision': 'forbid' },
    });
    expect(found.user?.username).to.equal(name);
    expect(found.responseStatus).to.include({ code: 403, reason: 'Forbidden' });
    expect(found.responseStatus.message).to.contain(`User "${name}" cannot patch resource "trainingjobs/status"`);
    const log = readFileSync(join(people.cluster.server.kubeconfigPath, '..', 'audit.log'), 'utf8');
    expect(log).not.to.contain(people.token);
    expect(log).not.to.contain('actualUsd');
  });

  FORGERIES.forEach((forgery, at) => {
    const { what, kind } = forgery;
    const [resource, make, plural] =
      kind === 'training'
        ? ([TRAINING_JOBS, training, 'trainingjobs'] as const)
        : ([PREDICTION_JOBS, prediction, 'predictionjobs'] as const);
    const name = `forged-${at}`;
    const path = () => `${own(plural)}/${name}`;
    const forged = async () => ({ status: forgery.status(people.you, await people.theirs()) });
    const ways: Record<
      string,
      () => Promise<{ method: string; path: string; body: object; type?: string; code: number }>
    > = {
      'with a new object': async () => ({
        method: 'POST',
        path: own(plural),
        body: make(name, people.me, await forged()),
        code: 201,
      }),
      'by replacing it': async () => {
        const { body } = await ask({ method: 'GET', path: path() });
        return { method: 'PUT', path: path(), body: { ...(body as object), ...(await forged()) }, code: 200 };
      },
      'by a merge patch': async () => ({ method: 'PATCH', path: path(), body: await forged(), type: MERGE, code: 200 }),
      'by a JSON patch': async () => ({
        method: 'PATCH',
        path: path(),
        body: [{ op: 'add', path: '/status', value: (await forged()).status }],
        type: JSON_PATCH,
        code: 200,
      }),
      'by the status itself': async () => ({
        method: 'PATCH',
        path: `${path()}/status`,
        body: await forged(),
        type: MERGE,
        code: 403,
      }),
    };
    for (const [way, request] of Object.entries(ways))
      it(`a status of a ${kind} with ${what}, ${way}, changes nothing`, async () => {
        const one = await request();
        await attackTold(
          'forged statuses',
          () => inLog(one.path, one.code),
          async () => {
            const answer = await ask(one);
            expect([200, 201, 403, 409], JSON.stringify(answer.body)).to.include(answer.status);
            const job = await people.cluster.client.get<TrainingJob | PredictionJob>(
              resource,
              name,
              namespaceOf(people.me),
            );
            expect(JSON.stringify(job.status ?? {})).not.to.contain(`user_${people.you}`);
            expect(job.status ?? {}).not.to.have.any.keys(
              'origin',
              'outputUri',
              'pictureUri',
              'instanceId',
              'attempts',
              'metrics',
            );
            expect(job.status?.phase).not.to.equal('Succeeded');
          },
        );
      });
  });

  it('left the other’s training alone', async () => {
    const { status } = await people.theirs();
    expect(people.world.compute.machines.get(status?.instanceId ?? '')?.state).to.equal('running');
    expect(people.touched()).to.deep.equal([]);
  });

  it('a finalizer taken away from what runs comes back', () =>
    attackTold(
      'finalizers',
      () => inLog(`${own('trainingjobs')}/running`, 200),
      async () => {
        await run('running');
        await ask({
          method: 'PATCH',
          path: `${own('trainingjobs')}/running`,
          body: { metadata: { finalizers: null } },
        });
        await eventually(async () =>
          (await people.world.training('running')).metadata?.finalizers?.includes(FINALIZER),
        );
      },
    ));

  for (const [at, order] of [
    ['deletes, then takes the finalizer', ['DELETE', 'PATCH']],
    ['takes the finalizer, then deletes', ['PATCH', 'DELETE']],
    ['does both at once', ['DELETE', 'PATCH', 'PATCH', 'DELETE', 'PATCH']],
  ].entries() as Iterable<[number, [string, string[]]]>)
    it(`whoever ${order[0]} of what runs saves no money`, async () => {
      const name = `thief-${at}`;
      const path = `${own('trainingjobs')}/${name}`;
      await attackTold(
        'finalizers',
        () => inLog(path, 200),
        async () => {
          const instance = await run(name);
          const { uid = '' } = (await people.world.training(name)).metadata ?? {};
          const requests = order[1].map(
            (method) => () =>
              ask({ method, path, ...(method === 'PATCH' ? { body: { metadata: { finalizers: null } } } : {}) }),
          );
          if (requests.length > 2) await Promise.all(requests.map((request) => request()));
          else for (const request of requests) await request();
          await eventually(async () => {
            await ask({ method: 'PATCH', path, body: { metadata: { finalizers: null } } });
            return (await ask({ method: 'GET', path })).status === 404;
          });
          await eventually(() => people.world.compute.machines.get(instance)?.state === 'terminated');
          await eventually(() =>
            people.world.bucket.keys(`ledger/user_${people.me}/`).some((key) => key.includes(uid)),
          );
        },
      );
    });

  /** Id of the instance of a training of the attacker's that runs. */
  async function run(name: string): Promise<string> {
    await people.world.train(name);
    return people.world.instance(name);
  }
});
