// Placement Cluster for predictions through the whole operator, everything real but the image: Job controller, kubelet, the prediction
// handler as a program, presigned URLs of the local S3. Small tables, tables in pieces, deletion in the middle.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createHash } from 'node:crypto';
import {
  CreateBucketCommand,
  GetObjectCommand,
  ListMultipartUploadsCommand,
  ListObjectsV2Command,
  PutObjectCommand,
} from '@aws-sdk/client-s3';
import { expect } from 'chai';
import { pino } from 'pino';
import { manifestOf, number } from '../../bench/prediction/manifest.ts';
import { linearModel } from '../../bench/prediction/onnxmodel.ts';
import { bucketOf } from '../../cloud/bucket.ts';
import type { Clients } from '../../cloud/clients.ts';
import { presignGet, presignPart, presignPut } from '../../cloud/presign.ts';
import { condition } from '../../crds/conditions.ts';
import type { PredictionJobStatus } from '../../crds/crds.generated.ts';
import { type Kubelet, startKubelet } from '../../local/kubernetes/kubelet.ts';
import { nodeSettings, PREDICTION_IMAGE } from '../../local/stack/node.ts';
import type { KubeObject } from '../../operator/runtime/kubernetes.ts';
import { SILENT } from '../../operator/runtime/logging.ts';
import { JOBS, PREDICTION_JOBS, SECRETS } from '../../operator/runtime/resources.ts';
import { startOperator, type Operator } from '../../operator/start.ts';
import { REGION, Stand } from '../local/aws/stand.ts';
import { eventually, startCluster, type Cluster } from './cluster.ts';
import { World } from './world.ts';

const CLUSTER = { placement: 'Cluster', modelRef: 'linear' };
const HANDLER = new URL('../../lambda/main.ts', import.meta.url).pathname;

describe('A prediction on the cluster', function () {
  this.timeout(60_000);
  let cluster: Cluster;
  let stand: Stand;
  let kubelet: Kubelet;
  let world: World;
  let operator: Operator;
  let folder: string;
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'prediction-cluster-'));
    [stand, cluster] = await Promise.all([Stand.start(), startCluster()]);
    world = new World(cluster);
    await stand.s3().send(new CreateBucketCommand({ Bucket: 'bucket' }));
    kubelet = await startKubelet({
      ...nodeSettings(stand.aws.url, '', HANDLER),
      tokens: undefined,
      kubeconfig: cluster.server.kubeconfigPath,
      folder,
      logger: pino({ level: 'silent' }),
    });
    operator = await operate({ predictionContainerImage: PREDICTION_IMAGE, cloudEnabled: false, splitRows: 1_000 });
    await world.account();
    await storeModel();
  });
  after(async () => {
    await world.close();
    await operator.close();
    await kubelet.close();
    await cluster.close();
    await stand.close();
    await rm(folder, { recursive: true, force: true });
  });

  async function operate(more: Parameters<World['configuration']>[0]): Promise<Operator> {
    const clients = {
      s3: async () => stand.s3(),
      presigning: async () => stand.s3(undefined, { requestChecksumCalculation: 'WHEN_REQUIRED' }),
    } as unknown as Clients;
    const started = await startOperator({
      configuration: world.configuration({ region: REGION, ...more }),
      connection: cluster.connection,
      logger: SILENT,
      aws: {
        bucket: bucketOf(clients, 'bucket'),
        compute: world.compute,
        functions: world.functions,
        notices: world.notices,
        presignGet: (key, seconds) => presignGet(clients, 'bucket', key, seconds),
        presignPut: (key, seconds) => presignPut(clients, 'bucket', key, seconds),
        presignPart: (key, part, seconds) => presignPart(clients, 'bucket', key, part, seconds),
      },
    });
    await started.leading;
    return started;
  }

  const put = (Key: string, Body: string | Uint8Array) =>
    stand.s3().send(new PutObjectCommand({ Bucket: 'bucket', Key, Body }));
  async function text(uri: string): Promise<string> {
    const Key = uri.replace('s3://bucket/', '');
    return (
      (await (await stand.s3().send(new GetObjectCommand({ Bucket: 'bucket', Key }))).Body?.transformToString()) ?? ''
    );
  }
  /** target = 2·a + b, as a training leaves it. */
  async function storeModel(): Promise<void> {
    const onnx = linearModel([2, 1], [0]);
    const sha256 = createHash('sha256').update(onnx).digest('hex');
    const manifest = {
      ...manifestOf({ columns: [number('a'), number('b')], width: 2 }),
      files: [{ name: 'model.onnx', size: onnx.length, sha256 }],
    };
    const at = `models/user_${world.userId}/linear/`;
    await put(`${at}model.onnx`, onnx);
    await put(`${at}manifest.json`, JSON.stringify(manifest));
  }
  async function predict(name: string, table: string, spec: object = {}): Promise<void> {
    const key = `datasets/user_${world.userId}/${name}.csv`;
    await put(key, table);
    await world.predict(name, { ...CLUSTER, data: { uri: `s3://bucket/${key}` }, ...spec });
  }
  const until = (name: string, done: (status: PredictionJobStatus) => unknown) =>
    eventually(async () => {
      const { status = {} } = await world.prediction(name);
      if (status.phase === 'Failed' && !done(status)) throw new Error(status.message);
      return done(status) ? status : undefined;
    }, 40_000);
  const jobs = async () => (await cluster.client.list<KubeObject>(JOBS, {}, world.namespace)).items;
  const noneLeft = () => eventually(async () => (await jobs()).length === 0);

  it('predicts a small table for nothing, though the cloud is switched off, and names a row that cannot be read', async () => {
    await predict('small', 'a,b\n1,2\n3,4\n');
    await predict('bad', 'a,b\n1,2\n3\n');
    const status = await until('small', ({ phase }) => phase === 'Succeeded');
    expect(status).to.deep.include({ rows: 2 });
    expect(status.cost).to.include({ actualUsd: 0, estimatedUsd: 0, reservedUsd: 0 });
    expect(await text(status.outputUri ?? '')).to.equal('a,b,prediction\n1,2,4\n3,4,10\n');
    const failed = await until('bad', ({ phase }) => phase === 'Failed');
    expect(failed.message).to.match(/^Row 2 /);
    expect(condition(failed.conditions, 'Failed')).to.include({ reason: 'InvalidData' });
    expect(world.functions.events).to.deep.equal([]);
    await noneLeft();
    await eventually(
      async () => (await cluster.client.list<KubeObject>(SECRETS, {}, world.namespace)).items.length === 0,
    );
  });

  it('predicts a table in pieces, a Job each, and puts them together', async () => {
    const filler = 'x'.repeat(1_000);
    const rows = Array.from({ length: 12_000 }, (_, at) => `${at},${at % 7},"${filler}${at % 3 ? ',' : '\n'}"`);
    await predict('pieces', `a,b,note\n${rows.join('\n')}\n`, { chunkBytes: 5 * 2 ** 20 });
    const made = await eventually(async () => {
      const all = await jobs();
      return all.length === 2 && all.map(({ metadata }) => metadata?.name);
    });
    expect(new Set(made).size).to.equal(2);
    const status = await until('pieces', ({ phase }) => phase === 'Succeeded');
    expect(status.rows).to.equal(12_000);
    expect(status.chunks).to.include({ total: 2, done: 2 });
    const expected = rows.map((row, at) => `${row},${2 * at + (at % 7)}`);
    expect(await text(status.outputUri ?? '')).to.equal(`a,b,note,prediction\n${expected.join('\n')}\n`);
    await noneLeft();
  });

  it('leaves nothing when it is deleted in the middle', async () => {
    const row = `1,2,${'x'.repeat(2_000)}\n`;
    await predict('deleted', `a,b,note\n${row.repeat(6_000)}`, { chunkBytes: 5 * 2 ** 20 });
    const [{ metadata }] = (await eventually(async () => {
      const made = await jobs();
      return made.length > 0 && made;
    })) as [KubeObject];
    const { uid } = (await world.prediction('deleted')).metadata ?? {};
    expect(metadata?.ownerReferences?.[0]).to.include({ kind: 'PredictionJob', uid });
    await cluster.client.delete(PREDICTION_JOBS, 'deleted', { namespace: world.namespace });
    await eventually(async () => (await world.prediction('deleted').catch(() => undefined)) === undefined);
    await noneLeft();
    const s3 = stand.s3();
    const { Uploads = [] } = await s3.send(new ListMultipartUploadsCommand({ Bucket: 'bucket' }));
    expect(Uploads).to.deep.equal([]);
    const Prefix = `predictions/user_${world.userId}/${uid}/`;
    const left = await s3.send(new ListObjectsV2Command({ Bucket: 'bucket', Prefix }));
    expect((left.Contents ?? []).map(({ Key }) => Key)).to.deep.equal([]);
  });
});

describe('A prediction on the cluster of an installation without its image', function () {
  this.timeout(20_000);
  it('is refused before anything, and says what remains', async () => {
    const cluster = await startCluster();
    const world = new World(cluster);
    try {
      await world.operate();
      await world.account();
      world.model('model');
      await world.predict('imageless', { placement: 'Cluster' });
      const { status } = await world.predicted('imageless', 'Failed');
      expect(condition(status.conditions, 'Failed')).to.include({ status: 'True', reason: 'PlacementUnavailable' });
      expect(status.message).to.match(
        /no prediction image.*\(SPOTLEARN_PREDICTION_CONTAINER_IMAGE\).*placement Lambda/,
      );
      expect((await cluster.client.list<KubeObject>(JOBS, {}, world.namespace)).items).to.deep.equal([]);
    } finally {
      await world.close();
      await cluster.close();
    }
  });
});
