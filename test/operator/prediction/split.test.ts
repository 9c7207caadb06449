// A table of 12 MB through the whole operator with everything real but Lambda's sandbox: the embedded Kubernetes API, the local S3 under the
// operator's own policy, presigned ranges and parts, the handler. Line breaks in quotes stand wherever a chunk may begin.
import {
  CreateBucketCommand,
  GetObjectCommand,
  ListMultipartUploadsCommand,
  PutObjectCommand,
} from '@aws-sdk/client-s3';
import { createHash } from 'node:crypto';
import { expect } from 'chai';
import sinon from 'sinon';
import { manifestOf, number } from '../../../bench/prediction/manifest.ts';
import { linearModel } from '../../../bench/prediction/onnxmodel.ts';
import { bucketOf } from '../../../cloud/bucket.ts';
import type { Clients } from '../../../cloud/clients.ts';
import type { PredictionEvent } from '../../../cloud/contract/contract.generated.ts';
import { presignGet, presignPart, presignPut } from '../../../cloud/presign.ts';
import { operatorPolicy } from '../../../infra/policies/operator.ts';
import { close, handler } from '../../../lambda/handler.ts';
import { localInstallation } from '../../../local/stack/installation.ts';
import { SILENT } from '../../../operator/runtime/logging.ts';
import { startOperator, type Operator } from '../../../operator/start.ts';
import { ACCOUNT, REGION, Stand } from '../../local/aws/stand.ts';
import { eventually, startCluster, type Cluster } from '../cluster.ts';
import { World } from '../world.ts';

const installation = {
  ...localInstallation('lt-00000000000000001'),
  region: REGION,
  accountId: ACCOUNT,
  bucket: 'bucket',
};
const manifest = manifestOf({ columns: [number('a'), number('b')], width: 2 });
const ROWS = 30_000;

/** prediction = 2·a + b; every row of about 400 bytes has a cell with a line break and doubled quotes in it. */
function table(): { data: Buffer; predicted: Buffer } {
  const text = 'x'.repeat(180);
  const rows = Array.from({ length: ROWS }, (_, at) => `${at},${at % 7},"${text}\n""${text}"""`);
  return {
    data: Buffer.from(`a,b,text\n${rows.join('\n')}\n`),
    predicted: Buffer.from(`a,b,text,prediction\n${rows.map((row, at) => `${row},${2 * at + (at % 7)}`).join('\n')}\n`),
  };
}

describe('A table in chunks, through the operator and the handler', function () {
  this.timeout(60_000);
  const { data, predicted } = table();
  const events: PredictionEvent[] = [];
  let cluster: Cluster;
  let stand: Stand;
  let world: World;
  let operator: Operator;

  before(async () => {
    sinon.stub(process.stderr, 'write').returns(true);
    stand = await Stand.start({
      roles: [{ name: installation.roles.operator, policies: [operatorPolicy(installation)] }],
    });
    cluster = await startCluster();
    world = new World(cluster);
    const s3 = stand.s3();
    await s3.send(new CreateBucketCommand({ Bucket: 'bucket' }));
    const put = (Key: string, Body: Buffer | string) => s3.send(new PutObjectCommand({ Bucket: 'bucket', Key, Body }));
    const onnx = linearModel([2, 1], [0]);
    const file = { name: 'model.onnx', size: onnx.length, sha256: createHash('sha256').update(onnx).digest('hex') };
    const folder = `models/user_${world.userId}/model/`;
    await put(`${folder}model.onnx`, onnx);
    await put(`${folder}manifest.json`, JSON.stringify({ ...manifest, files: [file] }));
    await put(`datasets/user_${world.userId}/big.csv`, data);
    world.functions.handler = async (event) => {
      events.push(event as PredictionEvent);
      const answer = await handler(event);
      return { requestId: `r-${events.length}`, answer, report: { billedMs: 100, memoryMib: 1769, usedMib: 90 } };
    };
    const session = stand.aws.iam.issueSession(installation.roles.operator, 'operator', 3600);
    const [own, presigning] = [stand.s3(session), stand.s3(session, { requestChecksumCalculation: 'WHEN_REQUIRED' })];
    const clients = { s3: async () => own, presigning: async () => presigning } as unknown as Clients;
    operator = await startOperator({
      configuration: world.configuration({ region: REGION }),
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
    await operator.leading;
    await world.account();
  });
  after(async () => {
    await world.close();
    await operator.close();
    await cluster.close();
    await stand.close();
    await close();
    sinon.restore();
  });

  it('becomes one object, byte for byte, and nothing else is left', async () => {
    await world.predict('big', { data: { uri: `s3://bucket/datasets/user_${world.userId}/big.csv` } });
    const { status, metadata } = await world.predicted('big', 'Succeeded');
    expect(events.map(({ data: { range } }) => range?.start))
      .to.include(0)
      .and.have.length.above(1);
    expect(status).to.deep.include({ rows: ROWS, progress: { percent: 100 } });
    expect(status.chunks?.done).to.equal(status.chunks?.total).and.be.above(1);
    const folder = `predictions/user_${world.userId}/${metadata?.uid}/`;
    const result = await stand.s3().send(new GetObjectCommand({ Bucket: 'bucket', Key: `${folder}predictions.csv` }));
    const bytes = await result.Body?.transformToByteArray();
    expect(predicted.equals(bytes ?? Buffer.alloc(0))).to.equal(true);
    await eventually(async () => (await world.prediction('big')).metadata?.finalizers === undefined);
    const { Uploads } = await stand.s3().send(new ListMultipartUploadsCommand({ Bucket: 'bucket' }));
    expect(Uploads ?? []).to.deep.equal([]);
  });
});
