import { expect } from 'chai';
import type { PredictionAnswer } from '../../../cloud/contract/contract.generated.ts';
import { FunctionFailure } from '../../../cloud/functions.ts';
import { invocationCost } from '../../../cloud/prices.ts';
import { LambdaInvoker } from '../../../operator/prediction/function.ts';
import type { Invoked, Work } from '../../../operator/prediction/invoker.ts';
import { FakeBucket, FakeFunctions, failure } from '../aws.ts';
import { ManualClock } from '../clock.ts';

const KEY = 'predictions/user_1/u/.job/0-9.answer.json';
const done: PredictionAnswer = {
  success: true,
  predictions_s3_uri: 's3://bucket/out',
  num_predictions: 3,
  execution_time_ms: 1_500,
  bytes: 40,
  counts: {},
  summary: {},
};
const failed = (retryable: boolean): PredictionAnswer => ({
  success: false,
  error: 'It is so.',
  error_type: 'ReadFailed',
  retryable,
});
const report = { billedMs: 2_000, memoryMib: 1_024, usedMib: 90 };
const work = (more: { invocationType?: string; again?: boolean } = {}): Work =>
  ({
    job: { spec: { invocationType: more.invocationType ?? 'RequestResponse' } },
    event: {},
    name: '0-9',
    answerKey: KEY,
    again: more.again ?? false,
  }) as unknown as Work;

describe('A chunk on Lambda', () => {
  let bucket: FakeBucket;
  let functions: FakeFunctions;
  let clock: ManualClock;
  let invoker: LambdaInvoker;
  const { signal } = new AbortController();
  beforeEach(() => {
    bucket = new FakeBucket();
    functions = new FakeFunctions();
    clock = new ManualClock();
    invoker = new LambdaInvoker({
      ...{ functions, bucket, clock },
      functionName: 'f',
      functionMemoryMib: 1_769,
      functionTimeoutSeconds: 300,
    });
  });
  const invoked = (thrown: Error): Promise<Invoked> => {
    functions.handler = () => Promise.reject(thrown);
    return invoker.invoke(work(), signal);
  };

  it('is waited for, and costs what the report says', async () => {
    functions.handler = async () => ({ requestId: 'r', answer: done, report });
    expect(await invoker.invoke(work(), signal)).to.deep.equal({
      is: 'done',
      answer: done,
      billed: { requestId: 'r', usd: invocationCost(2_000, 1_024), seconds: 2, memoryMib: 1_024 },
    });
    // Nothing lies there before the first invocation, so nobody looks.
    expect(bucket.calls).to.deep.equal([]);
  });

  it('tells refusals, throttles, lost answers, and too little time or memory apart', async () => {
    const trouble = (what: FunctionFailure['trouble']) => new FunctionFailure('It failed.', what, 'r', report);
    expect(await invoked(failure('throttled'))).to.deep.include({ is: 'throttled' });
    expect(await invoked(failure('unreachable'))).to.deep.include({ is: 'lost' });
    expect(await invoked(failure('denied'))).to.deep.include({ is: 'lost' });
    expect(await invoked(trouble('FunctionTimedOut'))).to.include({ is: 'exhausted', what: 'time' });
    expect(await invoked(trouble('FunctionOutOfMemory'))).to.include({ is: 'exhausted', what: 'memory' });
    const error = await invoked(trouble('FunctionError'));
    expect(error.is).to.equal('lost');
    expect(error.billed.usd).to.equal(invocationCost(2_000, 1_024));
    functions.handler = async () => ({ requestId: 'r', answer: failed(false), report });
    expect((await invoker.invoke(work(), signal)).is).to.equal('failed');
    functions.handler = async () => ({ requestId: 'r', answer: null, report });
    expect((await invoker.invoke(work(), signal)).is).to.equal('lost');
  });

  it('takes the answer that an earlier invocation left, and charges what the handler measured', async () => {
    bucket.set(KEY, done);
    const found = await invoker.invoke(work({ again: true }), signal);
    expect(functions.events).to.deep.equal([]);
    expect(found).to.deep.equal({
      is: 'done',
      answer: done,
      billed: { usd: invocationCost(1_500, 1_769), seconds: 1.5, memoryMib: 1_769, estimated: true },
    });
  });

  it('does not take a failure that may pass for the answer of the next try', async () => {
    bucket.set(KEY, failed(true));
    functions.handler = async () => ({ requestId: 'r', answer: done, report });
    expect((await invoker.invoke(work({ again: true }), signal)).is).to.equal('done');
    expect(bucket.keys(KEY)).to.deep.equal([]);
    bucket.set(KEY, failed(false));
    expect((await invoker.invoke(work({ again: true }), signal)).is).to.equal('failed');
    expect(functions.events).to.have.length(1);
  });

  it('rejects when it is given up, with nobody’s outcome', async () => {
    const abort = new AbortController();
    functions.handler = (_, given) =>
      new Promise((_resolve, reject) => given?.addEventListener('abort', () => reject(failure('unreachable'))));
    const outcome = invoker.invoke(work(), abort.signal).catch((error: unknown) => error);
    await clock.advance(0);
    abort.abort();
    expect(await outcome).to.be.instanceOf(Error);
  });

  describe('put into Lambda’s queue', () => {
    const later = work({ invocationType: 'Event' });

    it('is looked for in the bucket, by one list for all of the job', async () => {
      functions.handler = () => new Promise(() => {});
      const other = { ...later, answerKey: KEY.replace('0-9', '9-20') };
      const both = Promise.all([later, other].map((one) => invoker.invoke(one, signal)));
      await clock.advance(10_000);
      const looks = bucket.calls.filter((call) => call.startsWith('list'));
      expect(looks).to.have.length(5);
      bucket.set(KEY, done);
      bucket.set(other.answerKey, failed(false));
      await clock.advance(2_000);
      expect((await both).map(({ is }) => is)).to.deep.equal(['done', 'failed']);
      expect((await both).map(({ billed }) => billed.requestId)).to.deep.equal(['later-1', 'later-2']);
      await clock.advance(60_000);
      expect(bucket.calls.filter((call) => call.startsWith('list'))).to.have.length(6);
    });

    it('is lost when nothing came in the time it may take, whatever the bucket says', async () => {
      functions.handler = () => new Promise(() => {});
      bucket.before('list', failure('unreachable'), failure('throttled'));
      const outcome = invoker.invoke(later, signal);
      await clock.advance(419_000);
      expect(functions.events).to.have.length(1);
      await clock.advance(2_000);
      expect((await outcome).is).to.equal('lost');
    });

    it('is no longer looked for when it is given up', async () => {
      functions.handler = () => new Promise(() => {});
      const abort = new AbortController();
      const outcome = invoker.invoke(later, abort.signal).catch(() => 'given up');
      await clock.advance(5_000);
      abort.abort();
      expect(await outcome).to.equal('given up');
      const before = bucket.calls.length;
      await clock.advance(60_000);
      expect(bucket.calls.length).to.be.at.most(before + 1);
    });
  });
});
