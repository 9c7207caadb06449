// The handler on chunks of a table, over HTTP, as the operator uses it: ranges in, parts out, answers in the storage.
import { gzipSync } from 'node:zlib';
import { expect } from 'chai';
import sinon from 'sinon';
import { eventFor, OUTPUT } from '../../../bench/prediction/invocation.ts';
import { manifestOf, number } from '../../../bench/prediction/manifest.ts';
import { linearModel } from '../../../bench/prediction/onnxmodel.ts';
import { refuse, startStorage, type Storage } from '../../../bench/prediction/storage.ts';
import type {
  PredictionAnswer,
  PredictionDone,
  PredictionEvent,
  PredictionFailed,
} from '../../../cloud/contract/contract.generated.ts';
import { close, handler } from '../../../lambda/handler.ts';
import { expectContract } from '../contract.ts';

const manifest = manifestOf({ columns: [number('a'), number('b')], width: 2 });
const onnx = linearModel([2, 1], [0]);
const KIB = 1024;

describe('the prediction handler on a chunk', () => {
  let storage: Storage;
  let chunks = 0;

  beforeEach(async () => {
    chunks = 0;
    storage = await startStorage();
    sinon.stub(process.stderr, 'write').returns(true);
  });
  afterEach(async () => {
    sinon.restore();
    await close();
    await storage.close();
  });

  const table = (rows: number, text = '"x,y\n""z"""') =>
    `a,b,c\n${Array.from({ length: rows }, (_, i) => `${i},${i % 7},${text}\n`).join('')}`;
  const partUrls = (first: number, last: number) =>
    Array.from({ length: last - first + 1 }, (_, i) => ({
      number: first + i,
      url: `${storage.url}/part/${first + i}`,
    }));

  /** An event for [start, end) of the data, with ten parts of its own. */
  function chunkEvent(data: Buffer | string, start: number, end: number, rest: Partial<PredictionEvent['data']> = {}) {
    const event = eventFor(storage, { manifest, onnx, data });
    const chunk = chunks++;
    return {
      ...event,
      job: { ...event.job, chunk },
      data: { ...event.data, range: { start, end }, ...rest },
      output: { uri: event.output.uri, parts: partUrls(10 * chunk + 1, 10 * chunk + 10), header: start === 0 },
    } satisfies PredictionEvent;
  }

  async function answered(event: unknown): Promise<PredictionAnswer> {
    const answer = await handler(event);
    expectContract(answer);
    return answer;
  }
  async function done(event: unknown): Promise<PredictionDone> {
    const answer = await answered(event);
    if (!answer.success) throw new Error(`${answer.error_type}: ${answer.error}`);
    return answer;
  }
  async function failed(event: unknown): Promise<PredictionFailed> {
    const answer = await answered(event);
    expect(answer.success).to.equal(false);
    return answer as PredictionFailed;
  }
  const partsOf = (answer: PredictionDone) =>
    (answer.parts ?? []).map((part) => storage.objects.get(`/part/${part.number}`)!.toString()).join('');

  async function whole(data: Buffer | string): Promise<string> {
    await done(eventFor(storage, { manifest, onnx, data }));
    return storage.objects.get(OUTPUT)!.toString();
  }

  it('puts parts that are the whole one after the other, and says how each was read', async () => {
    const data = table(20_000);
    const wanted = await whole(data);
    const cuts = [0, 100_001, 100_003, 222_222, data.length];
    let output = '';
    let rows = 0;
    let before: PredictionDone | undefined;
    for (const [i, start] of cuts.slice(0, -1).entries()) {
      const answer = await done(chunkEvent(data, start, cuts[i + 1]!));
      expect(answer.quotes!.start).to.equal(before?.quotes?.end ?? 'outside');
      expect(answer.range!.start).to.equal(before?.range?.end ?? 0);
      expect(answer).to.not.have.property('etag');
      output += partsOf(answer);
      rows += answer.num_predictions;
      before = answer;
    }
    expect(output === wanted).to.equal(true);
    expect(rows).to.equal(20_000);
    expect(before!.range!.end).to.equal(data.length);
  });

  it('reads the head, its own bytes and little more', async () => {
    const data = table(60_000);
    const event = chunkEvent(data, 300_000, 500_000);
    storage.requests.length = 0;
    await done(event);
    const reads = storage.requests.filter(({ path }) => path.startsWith('/datasets'));
    expect(reads.map(({ headers }) => headers.range)).to.deep.equal([
      'bytes=0-65535',
      `bytes=299999-${500_000 + 64 * KIB - 1}`,
    ]);
    for (const { headers } of reads) expect(headers['if-match']).to.equal(event.data.etag);
  });

  it('reads on for a last row that goes far beyond its end, each time more', async () => {
    const long = `7,7,"${'l\n'.repeat(150_000)}"\n`;
    const data = `${table(10)}${long}${table(50_000).slice(6)}`;
    const start = table(10).length;
    storage.requests.length = 0;
    const answer = await done(chunkEvent(data, start - 5, start + 5));
    expect(partsOf(answer)).to.equal(`${long.slice(0, -1)},21\n`);
    expect(answer.quotes).to.deep.equal({ start: 'inside', end: 'inside' });
    const lengths = storage.requests
      .map(({ headers }) => /^bytes=(\d+)-(\d+)$/.exec(headers.range ?? ''))
      .filter((range) => range !== null)
      .map(([, from, to]) => Math.round((Number(to) - Number(from)) / KIB));
    expect(lengths).to.deep.equal([64, 64, 64, 128, 256]);
  });

  it('puts no part where no row begins', async () => {
    const answer = await done(chunkEvent(`a,b,c\n1,2,"${'x\n'.repeat(100)}"\n3,4,5\n`, 20, 40));
    expect(answer).to.include({ num_predictions: 0, bytes: 0 });
    expect(answer).to.not.have.any.keys('parts', 'etag');
    expect(answer.quotes).to.deep.equal({ start: 'inside', end: 'inside' });
    expect(answer.range).to.deep.equal({ start: 213, end: 213 });
    expect([...storage.objects.keys()].filter((path) => path.startsWith('/part'))).to.deep.equal([]);
  });

  it('reads its first byte as it is told, be it wrong', async () => {
    const data = `a,b,c\n1,2,"x\n3,4,y\n5"\n5,6,"z"\n7,8,9\n`;
    const inside = 14;
    expect(partsOf(await done(chunkEvent(data, inside, data.length, { quotes: 'inside' })))).to.equal(
      '5,6,"z",16\n7,8,9,22\n',
    );
    const wrong = await failed(chunkEvent(data, inside, data.length, { quotes: 'outside' }));
    expect(wrong).to.deep.include({ row: 1, quotes: { start: 'outside' } });
    const within = await done(chunkEvent(data, 3, data.length, { quotes: 'inside' }));
    expect(within.quotes, 'known from the head, whatever was said').to.deep.equal({ start: 'outside', end: 'outside' });
  });

  it('names a bad row by its place in the chunk, and how it was read', async () => {
    const data = table(5000).replace('\n4000,', '\n4000;');
    const start = data.indexOf('\n3990,') + 1;
    const answer = await failed(chunkEvent(data, start, data.length));
    expect(answer).to.deep.include({
      error_type: 'InvalidData',
      error: 'Row 11 has 2 cells where the header has 3.',
      row: 11,
      problem: 'has 2 cells where the header has 3',
      quotes: { start: 'outside' },
      retryable: false,
    });
  });

  it('leaves the prediction of bad rows empty when asked, and counts them', async () => {
    const event = chunkEvent('a,b,c\n1,2,3\n4,5\n6,\0,7\n8,9,0\n', 12, 28, { quotes: 'outside' });
    const answer = await done({ ...event, on_bad_row: 'empty' });
    expect(partsOf(answer)).to.equal('4,5,\n6,\0,7,\n8,9,0,25\n');
    expect(answer).to.deep.include({
      num_predictions: 3,
      bad_rows: 2,
      first_bad_row: { row: 1, problem: 'has 2 cells where the header has 3' },
    });
  });

  it('sees the same header in a chunk and in the whole, be it longer than what is looked at', async () => {
    const names = Array.from({ length: 9000 }, (_, i) => `column ${i}`);
    const row = `1,2${',x'.repeat(9000)}\n`;
    const data = `a,b,${names.join(',')}\n${row.repeat(3)}`;
    const wanted = await whole(data);
    const cut = data.length - row.length - 3;
    const first = await done(chunkEvent(data, 0, cut));
    const second = await done(chunkEvent(data, cut, data.length));
    expect(partsOf(first) + partsOf(second) === wanted).to.equal(true);
  });

  it('does it again with the same outcome, at the same time too', async () => {
    const event = chunkEvent(table(9000), 100_000, 150_000);
    const answers = await Promise.all([done(event), done(event)]);
    const again = await done(event);
    for (const answer of answers) {
      expect({ ...answer, execution_time_ms: 0 }).to.deep.equal({ ...again, execution_time_ms: 0 });
    }
  });

  it('refuses parts of what cannot be split', async () => {
    const packed = gzipSync(table(9000));
    const answer = await failed(chunkEvent(packed, 100, packed.length));
    expect(answer).to.include({ error_type: 'InvalidData' });
    expect(answer.error).to.match(/gzip/);
    const event = eventFor(storage, { manifest, onnx, data: packed });
    await done({ ...event, data: { ...event.data, range: { start: 0, end: packed.length } } });
    expect(storage.objects.get(OUTPUT)!.toString() === (await whole(table(9000)))).to.equal(true);
  });

  describe('on a bad line', () => {
    it('goes on within its range where a broken download stopped', async () => {
      const data = table(60_000);
      const wanted = partsOf(await done(chunkEvent(data, 400_000, 700_000)));
      let broken = 0;
      storage.intercept = (request, response) => {
        if (!/^bytes=399999-/.test(request.headers.range ?? '') || broken++ > 0) return false;
        response.writeHead(206, { 'content-length': 400_000, 'content-range': `bytes 399999-799998/${data.length}` });
        response.write(data.slice(399_999, 500_001), () => setTimeout(() => response.destroy(), 20));
        return true;
      };
      expect(partsOf(await done(chunkEvent(data, 400_000, 700_000)))).to.equal(wanted);
    });

    it('says that the data changed when it does so in the middle', async () => {
      const event = chunkEvent(table(60_000), 400_000, 700_000);
      let asked = 0;
      storage.intercept = (request, response) => {
        if (!request.headers.range || asked++ !== 1) return false;
        response.writeHead(206, {
          'content-length': 365_537,
          'content-range': `bytes 399999-765535/${event.data.bytes}`,
        });
        response.write(table(60_000).slice(399_999, 450_000), () => {
          storage.put('/datasets/data.csv', 'another table');
          setTimeout(() => response.destroy(), 20);
        });
        return true;
      };
      expect(await failed(event)).to.include({ error_type: 'DataChanged', retryable: false });
    });

    it('believes no range but the one it asked for, of no object but the one it knows', async () => {
      const event = chunkEvent(table(9000), 100_000, 150_000);
      const send = (headers: Record<string, string>, status = 206) => {
        storage.intercept = (request, response) => {
          if (!/^bytes=99999-/.test(request.headers.range ?? '')) return false;
          response.writeHead(status, headers).end('x');
          return true;
        };
      };
      const { bytes } = event.data;
      send({ 'content-range': `bytes 5-5/${bytes}` });
      expect(await failed(event)).to.include({ error_type: 'ReadFailed', retryable: true });
      send({});
      expect(await failed(event)).to.include({ error_type: 'ReadFailed', retryable: true });
      send({ 'content-range': `bytes 99999-99999/${bytes + 1}` });
      expect(await failed(event)).to.include({ error_type: 'DataChanged', retryable: false });
      send({}, 200);
      expect(await failed(event)).to.include({ error_type: 'ReadFailed', retryable: false });
      send({}, 416);
      expect(await failed(event)).to.include({ error_type: 'DataChanged', retryable: false });
    });

    it('says when it has too few parts, when one cannot be put, and puts none after it', async () => {
      const event = chunkEvent(`a,b,c\n${`1,2,${'x'.repeat(1000)}\n`.repeat(11_000)}`, 0, 11_000_000);
      const few = { ...event, output: { ...event.output, parts: event.output.parts.slice(0, 1) } };
      expect(await failed(few)).to.include({ error_type: 'OutOfParts', retryable: false });
      storage.intercept = (request, response) =>
        request.method === 'PUT' && refuse(response, 403, 'AccessDenied', 'Request has expired');
      expect(await failed(event)).to.include({ error_type: 'WriteFailed', retryable: true });
    });
  });

  describe('that is to put its answer too', () => {
    const withAnswer = (event: PredictionEvent): PredictionEvent => ({
      ...event,
      answer: { url: `${storage.url}/answer?X-Amz-Signature=secret` },
    });
    const put = () => JSON.parse(storage.objects.get('/answer')!.toString()) as PredictionAnswer;

    it('puts what it answers, after the predictions', async () => {
      const answer = await done(withAnswer(chunkEvent(table(100), 0, 500)));
      expect(put()).to.deep.equal(answer);
      const puts = storage.requests.filter(({ method }) => method === 'PUT').map(({ path }) => path);
      expect(puts).to.deep.equal(['/part/1', '/answer']);
    });

    it('puts failures, even of an event that is wrong otherwise', async () => {
      const event = withAnswer(chunkEvent('a,b,c\n1\n', 0, 7));
      expect(put.length).to.equal(0);
      expect(await failed(event)).to.deep.equal(put());
      expect(await failed({ ...event, version: 2 })).to.deep.equal(put());
      expect(put()).to.include({ error_type: 'InvalidEvent' });
    });

    it('answers all the same when it cannot', async () => {
      storage.intercept = (request, response) =>
        request.url!.startsWith('/answer') && refuse(response, 403, 'AccessDenied');
      await done(withAnswer(chunkEvent(table(100), 0, 500)));
      const [line] = (process.stderr.write as sinon.SinonStub).firstCall.args as [string];
      expect(JSON.parse(line)).to.include({ answer: 'The answer could not be stored: 403 AccessDenied.' });
      expect(line).to.not.match(/secret/);
    });
  });

  it('refuses row groups of a CSV', async () => {
    const event = eventFor(storage, { manifest, onnx, data: 'a,b\n1,2\n' });
    const answer = await failed({ ...event, data: { ...event.data, rowGroups: { start: 0, end: 1 } } });
    expect(answer).to.include({ error_type: 'InvalidEvent', retryable: false });
    expect(answer.error).to.match(/not a Parquet file/);
  });
});
