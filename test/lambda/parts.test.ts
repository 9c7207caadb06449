import { setImmediate } from 'node:timers/promises';
import { expect } from 'chai';
import type http from 'node:http';
import sinon from 'sinon';
import { etagOf, refuse, startStorage, type Storage } from '../../bench/prediction/storage.ts';
import type { PredictionFailure } from '../../lambda/failure.ts';
import { BLOCK_BYTES, Parts, type PartUrls } from '../../lambda/parts.ts';

const PART = 2 * BLOCK_BYTES;
const LEAST = 200_000;

describe('the parts of the output', () => {
  let storage: Storage;
  beforeEach(async () => {
    storage = await startStorage();
  });
  afterEach(() => storage.close());

  const urls = (count: number): PartUrls =>
    Array.from({ length: count }, (_, i) => ({ number: i + 7, url: `${storage.url}/part/${i + 7}?X-Amz-Signature=s` }));
  const parts = (count: number) => new Parts(urls(count), PART, LEAST);
  const output = Buffer.from(Array.from({ length: 4 * PART + LEAST + 100 }, (_, i) => 32 + (i % 91)));
  const stored = (count: number) =>
    Buffer.concat(Array.from({ length: count }, (_, i) => storage.objects.get(`/part/${i + 7}`) ?? Buffer.alloc(0)));

  async function writeAll(sink: Parts, bytes: Buffer, piece = 7777): Promise<void> {
    const reused = Buffer.alloc(piece);
    for (let at = 0; at < bytes.length; at += piece) {
      const length = bytes.copy(reused, 0, at);
      await sink.write(reused.subarray(0, length));
      reused.fill(0); // may be overwritten once `write` resolves
    }
  }

  /** One invocation; what it needs at most at once does not depend on when its parts arrive. */
  async function filled(): Promise<void> {
    const sink = parts(1);
    await sink.write(output.subarray(0, PART));
    await sink.end();
    await sink.discard();
  }

  for (const [bytes, sizes] of [
    [0, []],
    [1, [1]],
    [LEAST, [LEAST]],
    [PART, [PART]],
    [PART + LEAST - 1, [PART + LEAST - 1]],
    [PART + LEAST, [PART, LEAST]],
    [2 * PART + LEAST - 1, [PART, PART + LEAST - 1]],
    [4 * PART + LEAST + 100, [PART, PART, PART, PART, LEAST + 100]],
  ] as const) {
    it(`are ${sizes.join(' + ') || 'none'} bytes for ${bytes} bytes, none too small for S3`, async () => {
      const sink = parts(9);
      await writeAll(sink, output.subarray(0, bytes));
      const answer = await sink.end();
      expect(answer.bytes).to.equal(bytes);
      expect((answer.parts ?? []).map((part) => part.bytes)).to.deep.equal(sizes);
      expect(stored(sizes.length).equals(output.subarray(0, bytes))).to.equal(true);
      for (const { number, etag } of answer.parts ?? []) {
        expect(etag).to.equal(etagOf(storage.objects.get(`/part/${number}`)!));
      }
      expect('parts' in answer).to.equal(bytes > 0);
    });
  }

  it('are put two at a time, and who writes waits for them', async () => {
    const waiting: (() => void)[] = [];
    storage.intercept = (request, response) => {
      waiting.push(() => receive(request, response, storage));
      return true;
    };
    const sink = parts(9);
    let written = 0;
    const writing = (async () => {
      for (; written < output.length; written += 10_000) await sink.write(output.subarray(written, written + 10_000));
    })();
    await until(() => waiting.length === 2);
    for (let i = 0; i < 50; i++) await setImmediate();
    expect(waiting, 'no third part while two are on their way').to.have.length(2);
    expect(written, 'two parts, and one buffer that is full').to.be.at.most(3 * PART + LEAST);
    storage.intercept = () => false;
    for (const go of waiting) go();
    await writing;
    const answer = await sink.end();
    expect(answer.parts).to.have.length(5);
    expect(stored(5).equals(output)).to.equal(true);
  });

  it('take the memory of parts that were sent, also of an earlier invocation', async () => {
    await filled();
    const taken = sinon.spy(Buffer, 'allocUnsafeSlow');
    try {
      await filled();
      expect(taken.args.filter(([bytes]) => bytes === BLOCK_BYTES)).to.deep.equal([]);
    } finally {
      taken.restore();
    }
  });

  it('are put again when the storage is busy, or the connection breaks in the middle', async () => {
    const sent = new Map<string, number>();
    storage.intercept = (request, response) => {
      const time = (sent.get(request.url!) ?? 0) + 1;
      sent.set(request.url!, time);
      if (time > 1) return false;
      if (sent.size % 2 === 0) return refuse(response, 503, 'SlowDown');
      request.once('data', () => request.socket.destroy());
      return true;
    };
    const sink = parts(9);
    await writeAll(sink, output);
    const answer = await sink.end();
    expect([...sent.values()]).to.deep.equal([2, 2, 2, 2, 2]);
    expect(answer.parts!.map(({ number }) => number)).to.deep.equal([7, 8, 9, 10, 11]);
    expect(stored(5).equals(output)).to.equal(true);
  });

  it('leave the same when they are put twice', async () => {
    for (let time = 0; time < 2; time++) {
      const sink = parts(9);
      await writeAll(sink, output, time === 0 ? 7777 : 333_333);
      const answer = await sink.end();
      expect(answer.parts!.map((part) => part.etag)).to.deep.equal(
        [0, 1, 2, 3, 4].map((i) => etagOf(output.subarray(i * PART, i === 4 ? output.length : (i + 1) * PART))),
      );
    }
  });

  const failureOf = async (sink: Parts): Promise<PredictionFailure> => {
    const failure = await writeAll(sink, output).then(
      () =>
        sink.end().then(
          () => undefined,
          (error: unknown) => error,
        ),
      (error: unknown) => error,
    );
    await sink.discard();
    return failure as PredictionFailure;
  };

  it('say when there are too few of them', async () => {
    const failure = await failureOf(parts(4));
    expect(failure).to.include({ type: 'OutOfParts', retryable: false });
    expect(failure.message).to.equal('The predictions need more than the 4 parts set aside for them.');
  });

  it('say that a link has expired, as something to try again with another', async () => {
    storage.intercept = (_request, response) => refuse(response, 403, 'AccessDenied', 'Request has expired');
    const failure = await failureOf(parts(9));
    expect(failure).to.include({ type: 'WriteFailed', retryable: true });
    expect(failure.message)
      .to.match(/could not be stored: 403 AccessDenied \(the link has expired\)/)
      .and.not.match(/http/);
  });

  it('end the writing early when one cannot be put', async () => {
    storage.intercept = (request, response) =>
      request.url!.startsWith('/part/8') && refuse(response, 403, 'AccessDenied');
    expect(await failureOf(parts(9))).to.include({ type: 'WriteFailed', retryable: false });
    expect(storage.objects.has('/part/11')).to.equal(false);
  });

  it('are broken off when they are not wanted any more', async () => {
    let broken = 0;
    storage.intercept = (request) => {
      request.resume().once('close', () => broken++);
      return true; // never answered
    };
    const sink = parts(9);
    await sink.write(output.subarray(0, PART + LEAST));
    await until(() => storage.requests.length === 1);
    await sink.discard();
    await until(() => broken === 1);
  });
});

/** Takes the body as the storage would, and says it has it. */
function receive(request: http.IncomingMessage, response: http.ServerResponse, storage: Storage): void {
  const chunks: Buffer[] = [];
  request.on('data', (chunk: Buffer) => chunks.push(chunk));
  request.once('end', () => {
    const bytes = Buffer.concat(chunks);
    storage.objects.set(request.url!.split('?')[0]!, bytes);
    response.writeHead(200, { etag: etagOf(bytes) }).end();
  });
}

/** Fails by mocha's time limit. */
async function until(met: () => boolean): Promise<void> {
  while (!met()) await setImmediate();
}
