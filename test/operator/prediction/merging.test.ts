import { createHash } from 'node:crypto';
import { expect } from 'chai';
import type { PredictionDone } from '../../../cloud/contract/contract.generated.ts';
import type { Merged } from '../../../operator/prediction/merged.ts';
import { complete, etagOf } from '../../../operator/prediction/merging.ts';
import type { Plan } from '../../../operator/prediction/plan.ts';
import { FakeBucket, failure } from '../aws.ts';

const KEY = 'predictions/user_1/u/predictions.csv';
const md5 = (bytes: Uint8Array | string): string => createHash('md5').update(bytes).digest('hex');

describe('Completing the upload of a result', () => {
  let bucket: FakeBucket;
  let plan: Plan;
  let merged: Merged;
  const bodies = ['first,', 'second,', 'third'].map((text) => new TextEncoder().encode(text));

  beforeEach(async () => {
    bucket = new FakeBucket();
    bucket.leastPartBytes = 1;
    const id = await bucket.createUpload(KEY);
    const parts = bodies.map((body, at) => ({
      number: at + 1,
      etag: bucket.setPart(id, at + 1, body),
      bytes: body.length,
    }));
    const chunk = (at: number) => ({ start: at * 10, end: at * 10 + 10, firstPart: at + 1, lastPart: at + 1 });
    plan = { upload: { id, partBytes: 5 }, chunks: [0, 1, 2].map(chunk) } as unknown as Plan;
    const answers = parts.map((part) => ({ parts: [part] }) as unknown as PredictionDone);
    merged = { parts, bytes: 18, rows: 3, badRows: 0, answers };
  });
  const completed = (kms = false) => complete(bucket, { key: KEY, plan, merged, kms });

  it('makes one object of the right size and ETag', async () => {
    expect(await completed()).to.deep.equal({ is: 'completed' });
    expect(new TextDecoder().decode(bucket.objects.get(KEY)?.body)).to.equal('first,second,third');
    expect(bucket.open.size).to.equal(0);
  });

  it('finds it done when it was done before, by whoever', async () => {
    await completed();
    expect(await completed()).to.deep.equal({ is: 'completed' });
  });

  it('finds it done when the answer was lost', async () => {
    bucket.after('completeUpload', failure('notFound'));
    expect(await completed()).to.deep.equal({ is: 'completed' });
  });

  it('names the chunks whose parts were written over, or are gone', async () => {
    const id = plan.upload?.id ?? '';
    bucket.setPart(id, 2, new TextEncoder().encode('other'));
    bucket.open.get(id)?.parts?.delete(3);
    expect(await completed()).to.deep.equal({ is: 'overwritten', chunks: new Set(['10-20', '20-30']) });
    expect(bucket.objects.has(KEY)).to.equal(false);
  });

  it('tries again later when a part is written over between the look and the completion', async () => {
    bucket.before('completeUpload', failure('precondition', false));
    const error = await completed().catch((thrown: unknown) => thrown);
    expect(error).to.include({ kind: 'precondition', retryable: true });
    expect(await completed()).to.deep.equal({ is: 'completed' });
  });

  it('refuses an object that is not what its parts add up to', async () => {
    await completed();
    bucket.set(KEY, 'something else', '"0123456789abcdef0123456789abcdef-3"');
    const found = await completed();
    expect(found).to.include({ is: 'inconsistent' });
    expect(found.is === 'inconsistent' && found.message).to.match(/14 bytes .* instead of 18/);
    bucket.objects.delete(KEY);
    expect(await completed()).to.include({ is: 'inconsistent' });
  });

  it('asks only for size and number of parts where ETags are no MD5s', async () => {
    await completed();
    bucket.set(KEY, 'first,second,third', '"anything-3"');
    expect(await completed()).to.include({ is: 'inconsistent' });
    expect(await completed(true)).to.deep.equal({ is: 'completed' });
    bucket.set(KEY, 'first,second,third', '"anything-2"');
    expect(await completed(true)).to.include({ is: 'inconsistent' });
  });

  it('computes the ETag as S3 does', () => {
    const parts = bodies.map((body) => ({ etag: `"${md5(body)}"` }));
    const joined = Buffer.concat(bodies.map((body) => Buffer.from(md5(body), 'hex')));
    expect(etagOf(parts)).to.equal(`${md5(joined)}-3`);
  });
});
