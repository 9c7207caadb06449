import { expect } from 'chai';
import type { PredictionDone } from '../../../cloud/contract/contract.generated.ts';
import { DEFAULT_PREFIXES } from '../../../cloud/keys.ts';
import type { PredictionJob } from '../../../crds/crds.generated.ts';
import type { Invoker, Work } from '../../../operator/prediction/invoker.ts';
import type { Model } from '../../../operator/prediction/model.ts';
import type { PredictionOptions } from '../../../operator/prediction/options.ts';
import { Pace } from '../../../operator/prediction/pace.ts';
import { Run } from '../../../operator/prediction/run.ts';
import { FakeBucket } from '../aws.ts';
import { ManualClock } from '../clock.ts';

const MIB = 1024 * 1024;
const BYTES = 24 * MIB;
const ROW_BYTES = 64;
const STATISTICS = { features: {} } as unknown as PredictionDone['statistics'];

/** As the handler would, of rows of 64 bytes with two more each. */
function answer({ event, name }: Work): PredictionDone {
  const [start = 0, end = 0] = name.split('-').map(Number);
  const rows = (end - start) / ROW_BYTES;
  const bytes = end - start + 2 * rows;
  const { number = 0 } = event.output.parts?.[0] ?? {};
  return {
    success: true,
    predictions_s3_uri: event.output.uri,
    num_predictions: rows,
    execution_time_ms: 100,
    bytes,
    counts: { age: { missing: rows, invalid: 0, unknown: 0 } },
    summary: { good: rows },
    statistics: STATISTICS,
    parts: [{ number, bytes, etag: `"${name}"` }],
    range: { start, end },
    quotes: { start: 'outside', end: 'outside' },
  };
}

describe('A run of a table in chunks', () => {
  it('keeps of answers what joins the pieces; what they counted waits in the bucket', async () => {
    const bucket = new FakeBucket();
    const clock = new ManualClock();
    const invoker = {
      invoke: (work: Work) =>
        Promise.resolve({ is: 'done', answer: answer(work), billed: { usd: 0.001, seconds: 1, memoryMib: 1769 } }),
      end: () => Promise.resolve(),
      ...{ chunkSeconds: 20, timeoutSeconds: 300, urlSeconds: 900 },
      mostParts: () => 1_000,
      costUsd: () => 0.01,
    } as Invoker;
    const sign = (key: string) => Promise.resolve(`https://bucket/${key}`);
    const options = {
      ...{ bucket, clock, splitRows: 10_000, presignGet: sign, presignPut: sign, presignPart: sign },
      places: { bucket: 'bucket', ...DEFAULT_PREFIXES },
      metrics: { chunk: () => undefined },
      enqueue: () => undefined,
    } as unknown as PredictionOptions;
    const job = {
      metadata: { name: 'scores', namespace: 'ml-user-1', uid: 'u-1' },
      spec: { modelRef: 'm', data: { uri: 's3://bucket/datasets/user_1/data.csv' }, maxParallel: 4 },
    } as PredictionJob;
    const table = { bytes: BYTES, etag: '"e"', rowBytes: ROW_BYTES, addedBytes: 2, packed: false, splittable: true };
    const model = { id: 'm', folder: 'models/user_1/m/', uri: '', manifestSha256: '', onnxSha256: '' } as Model;
    const pace = new Pace({ ceiling: 10 });
    const run = new Run({ job, invoker, pace, limitUsd: 1, options, found: { model, table }, onRoom: () => undefined });
    for (let turn = 0; turn < 1_000 && !run.ended && !run.error; turn++)
      await new Promise((resolve) => setImmediate(resolve));
    expect(run.error).to.equal(undefined);
    if (run.ended?.is !== 'done') throw new Error(`it ended as ${JSON.stringify(run.ended)}`);
    const { plan, merged } = run.ended;
    expect(plan.chunks.length).to.be.above(2);
    expect(merged.rows).to.equal(BYTES / ROW_BYTES);
    for (const { statistics, counts, summary } of merged.answers)
      expect({ statistics, counts, summary }).to.deep.equal({ statistics: undefined, counts: {}, summary: {} });
    const records = [...bucket.objects].filter(([key]) => key.endsWith('.record.json'));
    expect(records).to.have.length(plan.chunks.length);
    for (const [key, { body }] of records)
      expect(new TextDecoder().decode(body), key).to.include('"statistics":').and.include('"good":');
    run.stop();
    expect(clock.pending).to.equal(0);
  });
});
