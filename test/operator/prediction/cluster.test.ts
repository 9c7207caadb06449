// Chunks on the cluster, on the embedded API: first with pods that the test plays, for each way a pod can go, then the whole way – Job,
// pod, the real handler, its answer in the bucket.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { pino } from 'pino';
import { eventFor, OUTPUT } from '../../../bench/prediction/invocation.ts';
import { manifestOf, number } from '../../../bench/prediction/manifest.ts';
import { linearModel } from '../../../bench/prediction/onnxmodel.ts';
import { startStorage, type Storage } from '../../../bench/prediction/storage.ts';
import type { Clock } from '../../../cloud/clock.ts';
import type { PredictionAnswer, PredictionEvent } from '../../../cloud/contract/contract.generated.ts';
import { ConfigurationError } from '../../../cloud/errors.ts';
import type { PredictionJob } from '../../../crds/crds.generated.ts';
import { API_VERSION } from '../../../crds/objects.ts';
import { type Kubelet, startKubelet } from '../../../local/kubernetes/kubelet.ts';
import { nodeSettings, PREDICTION_IMAGE } from '../../../local/stack/node.ts';
import { chunkJobName } from '../../../operator/prediction/cluster-job.ts';
import { ClusterInvoker, type ClusterInvokerOptions } from '../../../operator/prediction/cluster.ts';
import type { Work } from '../../../operator/prediction/invoker.ts';
import { KubernetesError, type KubeObject } from '../../../operator/runtime/kubernetes.ts';
import { SILENT } from '../../../operator/runtime/logging.ts';
import { JOBS, NAMESPACES, PODS, PREDICTION_JOBS, SECRETS } from '../../../operator/runtime/resources.ts';
import { FakeBucket } from '../aws.ts';
import { eventually, startCluster, type Cluster } from '../cluster.ts';

const NAMESPACE = 'ml-user-7';
const answerKey = (job: PredictionJob, name: string): string =>
  `predictions/user_7/${job.metadata?.uid}/.job/${name}.answer.json`;
const EVENT = {
  version: 1,
  output: { url: 'https://bucket/out?X-Amz-Signature=secret' },
} as unknown as PredictionEvent;
const DONE: PredictionAnswer = {
  success: true,
  predictions_s3_uri: 's3://bucket/p',
  num_predictions: 3,
  execution_time_ms: 1500,
  bytes: 10,
  counts: {},
  summary: {},
};
const REFUSED: PredictionAnswer = { success: false, error: 'no', error_type: 'InvalidData', retryable: false };

/** The machine's time, with no long waits. */
const hasty = (aheadMs = 0): Clock => ({
  now: () => Date.now() + aheadMs,
  after: (ms, run) => {
    const timer = setTimeout(run, Math.min(ms, 20));
    return () => clearTimeout(timer);
  },
});

describe('An invoker on the cluster', function () {
  this.timeout(20_000);
  let cluster: Cluster;
  let bucket: FakeBucket;
  let stop: AbortController;
  before(async () => {
    cluster = await startCluster();
    await cluster.client.create(NAMESPACES, { metadata: { name: NAMESPACE } });
  });
  after(() => cluster.close());
  beforeEach(() => {
    bucket = new FakeBucket();
    stop = new AbortController();
  });
  afterEach(() => stop.abort());

  const invoker = (more: Partial<ClusterInvokerOptions> = {}): ClusterInvoker =>
    new ClusterInvoker({
      kubernetes: cluster.client,
      bucket,
      clock: hasty(),
      logger: SILENT,
      image: PREDICTION_IMAGE,
      installation: 'spotlearn',
      memoryMib: 1024,
      ...more,
    });
  async function predictionJob(name: string): Promise<PredictionJob> {
    return cluster.client.create<PredictionJob>(PREDICTION_JOBS, {
      apiVersion: API_VERSION,
      kind: 'PredictionJob',
      metadata: { name, namespace: NAMESPACE },
      spec: { modelRef: 'm', data: { uri: 's3://bucket/datasets/user_7/a.csv' }, placement: 'Cluster' },
    } as PredictionJob);
  }
  const workOf = (job: PredictionJob, name = '0-10', event = EVENT): Work => ({
    job,
    event,
    name,
    answerKey: answerKey(job, name),
    again: false,
  });
  const idOf = ({ job, name }: Work): string => chunkJobName(job.metadata?.uid ?? '', name);
  const begin = async (name: string, by = invoker()) => {
    const work = workOf(await predictionJob(name));
    const invoked = by.invoke(work, stop.signal);
    invoked.catch(() => undefined);
    const pod = await podOf(work);
    return { work, id: idOf(work), pod, invoked };
  };
  const podsOf = async (work: Work) => {
    const labelSelector = `batch.kubernetes.io/job-name=${idOf(work)}`;
    return (await cluster.client.list<KubeObject>(PODS, { labelSelector }, NAMESPACE)).items;
  };
  const podOf = (work: Work) => eventually(async () => (await podsOf(work))[0]);
  const setPod = (pod: KubeObject, status: object) =>
    cluster.client.mergePatch(
      PODS,
      pod.metadata?.name ?? '',
      { status },
      { namespace: NAMESPACE, subresource: 'status' },
    );
  const failPod = (pod: KubeObject, reason: string, exitCode = 137) =>
    setPod(pod, {
      phase: 'Failed',
      containerStatuses: [{ name: 'handler', state: { terminated: { exitCode, reason } } }],
    });
  const gone = (id: string) =>
    eventually(
      async () =>
        (await cluster.client.get(JOBS, id, NAMESPACE).catch(() => 'gone')) === 'gone' && Promise.resolve(true),
    );

  it('makes a Job and its event, and resolves with the answer when the Job is done', async () => {
    const { work, id, pod, invoked } = await begin('done');
    const secret = await cluster.client.get<KubeObject & { data: Record<string, string> }>(SECRETS, id, NAMESPACE);
    expect(JSON.parse(Buffer.from(secret.data['event.json'] ?? '', 'base64').toString())).to.deep.equal(EVENT);
    expect(JSON.stringify(await cluster.client.get(JOBS, id, NAMESPACE))).to.not.contain('Signature');
    bucket.set(work.answerKey, DONE);
    await setPod(pod, { phase: 'Succeeded' });
    expect(await invoked).to.deep.equal({
      is: 'done',
      answer: DONE,
      billed: { usd: 0, seconds: 1.5, memoryMib: 1024 },
    });
    await gone(id);
    await eventually(async () => (await cluster.client.get(SECRETS, id, NAMESPACE).catch(() => 'gone')) === 'gone');
  });

  it('follows the Job that an earlier leader made', async () => {
    const { work, pod, invoked } = await begin('followed');
    stop.abort();
    expect(await invoked.catch((error: Error) => error.name)).to.equal('AbortError');
    stop = new AbortController();
    const again = invoker().invoke(work, stop.signal);
    bucket.set(work.answerKey, DONE);
    await setPod(pod, { phase: 'Succeeded' });
    expect(await again).to.include({ is: 'done' });
    expect((await podsOf(work)).map(({ metadata }) => metadata?.uid)).to.not.include.members(['another']);
  });

  it('takes an answer that is there already, and makes no pod', async () => {
    const work = workOf(await predictionJob('there'));
    bucket.set(work.answerKey, DONE);
    expect(await invoker().invoke(work, stop.signal)).to.include({ is: 'done' });
    expect(await podsOf(work)).to.deep.equal([]);
  });

  it('tries again with another pod, and does not take the first refusal for its answer', async () => {
    const first = await begin('again');
    bucket.set(first.work.answerKey, { ...REFUSED, error_type: 'ReadFailed', retryable: true });
    await failPod(first.pod, 'Error', 1);
    expect(await first.invoked).to.deep.include({ is: 'failed' });
    await gone(first.id);
    const second = invoker().invoke(first.work, stop.signal);
    const pod = await eventually(async () =>
      (await podsOf(first.work)).find(({ metadata }) => metadata?.uid !== first.pod.metadata?.uid),
    );
    expect(bucket.objects.has(first.work.answerKey)).to.equal(false);
    await failPod(pod, 'Evicted');
    expect(await second).to.deep.include({ is: 'lost', message: 'The pod gave no answer (Evicted).' });
  });

  for (const retryable of [true, false])
    it(`knows a failure that an earlier leader did not read (retryable: ${retryable})`, async () => {
      const { work, id, pod } = await begin(`unread-${retryable}`);
      stop.abort();
      stop = new AbortController();
      const answer = { ...REFUSED, retryable };
      bucket.set(work.answerKey, answer);
      await failPod(pod, 'Error', 1);
      expect(await invoker().invoke(work, stop.signal)).to.deep.include({ is: 'failed', answer });
      await gone(id);
    });

  it('gives its links longer than a Job can last, and takes no more of them than a Secret holds', async () => {
    const by = invoker();
    expect(by.urlSeconds).to.be.greaterThan(3600);
    expect(by.timeoutSeconds).to.be.lessThan(by.urlSeconds).and.greaterThan(by.chunkSeconds);
    expect(by.costUsd()).to.equal(0);
    const url = `https://bucket/${'x'.repeat(2_000)}`;
    const parts = Array.from({ length: by.mostParts() }, (_, at) => ({ number: at + 1, url }));
    const event = { ...EVENT, output: { uri: 's3://bucket/p', parts } };
    expect(JSON.stringify(event).length).to.be.lessThan(2 ** 20);
    const work = workOf(await predictionJob('parts'), '0-10', event);
    const invoked = by.invoke(work, stop.signal);
    bucket.set(work.answerKey, DONE);
    await setPod(await podOf(work), { phase: 'Succeeded' });
    expect(await invoked).to.include({ is: 'done' });
  });

  it('knows a pod that the kernel ended for want of memory', async () => {
    const { pod, invoked } = await begin('memory');
    await failPod(pod, 'OOMKilled');
    expect(await invoked).to.include({ is: 'exhausted', what: 'memory' });
  });

  it('knows a pod that ran out of time', async () => {
    const { pod, invoked } = await begin('time');
    await setPod(pod, { phase: 'Failed', reason: 'DeadlineExceeded' });
    expect(await invoked).to.include({ is: 'exhausted', what: 'time' });
  });

  it('says that a Job was deleted by somebody', async () => {
    const { id, invoked } = await begin('deleted');
    await cluster.client.delete(JOBS, id, { namespace: NAMESPACE });
    expect(await invoked).to.include({ is: 'lost', message: 'The pod gave no answer (its Job was deleted).' });
  });

  it('does not wait an hour for an image that is not there', async () => {
    let ahead = 0;
    const clock = { ...hasty(), now: () => Date.now() + ahead };
    const { id, pod, invoked } = await begin('imageless', invoker({ clock }));
    await setPod(pod, {
      phase: 'Pending',
      containerStatuses: [{ name: 'handler', state: { waiting: { reason: 'ImagePullBackOff' } } }],
    });
    ahead = 61_000;
    expect(await invoked).to.include({ is: 'lost', message: 'The pod gave no answer (ImagePullBackOff).' });
    await gone(id);
  });

  it('looks at all chunks with one list a look', async () => {
    const lists: string[] = [];
    const { client } = cluster;
    const counted = {
      create: client.create.bind(client),
      get: client.get.bind(client),
      delete: client.delete.bind(client),
      list: ((resource, query, namespace) => {
        lists.push(resource.plural);
        return client.list(resource, query, namespace);
      }) as typeof client.list,
    };
    let ticks = 0;
    const clock: Clock = {
      now: () => Date.now(),
      after: (_, run) => {
        ticks += 1;
        return hasty().after(0, run);
      },
    };
    const by = invoker({ kubernetes: counted, clock });
    const job = await predictionJob('many');
    const works = Array.from({ length: 20 }, (_, at) => workOf(job, `${at}-${at + 1}`));
    const all = Promise.all(works.map((work) => by.invoke(work, stop.signal)));
    for (const work of works) {
      const pod = await podOf(work);
      bucket.set(work.answerKey, DONE);
      await setPod(pod, { phase: 'Succeeded' });
    }
    for (const { is } of await all) expect(is).to.equal('done');
    expect(lists.filter((one) => one !== 'jobs')).to.deep.equal([]);
    expect(lists.length).to.be.at.most(ticks);
  });

  it('goes on when the API server is away for a while, and gives up where it has no rights', async () => {
    let failures: KubernetesError[] = [];
    const list: typeof cluster.client.list = (...given) => {
      const failure = failures.shift();
      return failure ? Promise.reject(failure) : cluster.client.list(...given);
    };
    const { client } = cluster;
    const kubernetes = {
      create: client.create.bind(client),
      get: client.get.bind(client),
      delete: client.delete.bind(client),
      list,
    };
    const away = await begin('away', invoker({ kubernetes }));
    failures = [new KubernetesError('Unreachable', 'away'), new KubernetesError('Server', '500')];
    bucket.set(away.work.answerKey, DONE);
    await setPod(away.pod, { phase: 'Succeeded' });
    expect(await away.invoked).to.include({ is: 'done' });
    const denied = await begin('denied', invoker({ kubernetes }));
    failures = [new KubernetesError('Forbidden', 'no rights')];
    expect(await denied.invoked.catch((error: KubernetesError) => error.kind)).to.equal('Forbidden');
  });

  it('ends all Jobs of a prediction and of no other', async () => {
    const by = invoker();
    const one = await begin('ended', by);
    const other = await begin('other', by);
    await by.end(one.work.job);
    await by.end(one.work.job);
    expect(await one.invoked).to.include({ is: 'lost' });
    await gone(one.id);
    expect(await cluster.client.get(JOBS, other.id, NAMESPACE)).to.be.an('object');
  });

  it('goes with its PredictionJob', async () => {
    const { work, id } = await begin('owned');
    await cluster.client.delete(PREDICTION_JOBS, 'owned', { namespace: NAMESPACE });
    await gone(id);
    await eventually(async () => (await podsOf(work)).length === 0);
  });

  it('says what is missing where there is no image', async () => {
    const none = invoker({ image: undefined });
    expect(none.unavailable).to.match(/SPOTLEARN_PREDICTION_CONTAINER_IMAGE.*placement Lambda/);
    expect(invoker().unavailable).to.equal(undefined);
    const work = workOf(await predictionJob('none'));
    const failure = await none.invoke(work, stop.signal).catch((error: unknown) => error);
    expect(failure).to.be.instanceOf(ConfigurationError);
  });

  describe('with the real handler', () => {
    const manifest = manifestOf({ columns: [number('a'), number('b')], width: 2 });
    let storage: Storage;
    let kubelet: Kubelet;
    let folder: string;
    before(async () => {
      folder = await mkdtemp(join(tmpdir(), 'prediction-cluster-'));
      storage = await startStorage();
      kubelet = await startKubelet({
        ...nodeSettings(storage.url, '', new URL('../../../lambda/main.ts', import.meta.url).pathname),
        tokens: undefined,
        kubeconfig: cluster.server.kubeconfigPath,
        folder,
        logger: pino({ level: 'silent' }),
      });
    });
    after(async () => {
      await kubelet.close();
      await storage.close();
      await rm(folder, { recursive: true, force: true });
    });
    /** The bucket as the operator sees it: the same storage. */
    const stored = {
      get: async (key: string) => {
        const body = storage.objects.get(`/${key}`);
        return body && { body, etag: '""' };
      },
      delete: async (key: string) => void storage.objects.delete(`/${key}`),
    };
    const work = async (name: string, data: string): Promise<Work> => {
      const job = await predictionJob(name);
      const answer = { url: `${storage.url}/${answerKey(job, '0-10')}` };
      const onnx = linearModel([2, 1], [0]);
      return workOf(job, '0-10', eventFor(storage, { manifest, onnx, data, rest: { answer } }));
    };

    it('predicts a table', async () => {
      const invoked = await invoker({ bucket: stored }).invoke(await work('real', 'a,b\n1,2\n3,4\n'), stop.signal);
      expect(invoked).to.include({ is: 'done' });
      expect(invoked).to.have.nested.property('answer.num_predictions', 2);
      expect(storage.objects.get(OUTPUT)?.toString()).to.equal('a,b,prediction\n1,2,4\n3,4,10\n');
    });

    it('says what is wrong with one', async () => {
      const invoked = await invoker({ bucket: stored }).invoke(await work('bad', 'a,b\n1,2\n3\n'), stop.signal);
      expect(invoked).to.include({ is: 'failed' });
      expect(invoked).to.have.nested.property('answer.error_type', 'InvalidData');
    });
  });
});
