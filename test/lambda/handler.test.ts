// The handler from event to stored object, over HTTP.
import { expect } from 'chai';
import sinon from 'sinon';
import type { PredictionFailed } from '../../cloud/contract/contract.generated.ts';
import { close, handler } from '../../lambda/handler.ts';
import { type Asked, eventFor, OUTPUT, stored } from '../../bench/prediction/invocation.ts';
import { manifestOf, number } from '../../bench/prediction/manifest.ts';
import { forestModel, integerModel, linearModel, logisticModel } from '../../bench/prediction/onnxmodel.ts';
import { refuse, startStorage, type Storage } from '../../bench/prediction/storage.ts';

// prediction = 2·a + b
const manifest = manifestOf({ columns: [number('a'), number('b', { impute: 100 })], width: 2 });
const onnx = linearModel([2, 1], [0]);
const doubled: Asked = { manifest, onnx, data: 'a,b\n1,2\n3,4\n' };

describe('the prediction handler', () => {
  let storage: Storage;
  let lines: string[];

  beforeEach(async () => {
    storage = await startStorage();
    lines = [];
    sinon.stub(process.stderr, 'write').callsFake((line) => lines.push(String(line)) > 0);
  });
  afterEach(async () => {
    sinon.restore();
    await close();
    await storage.close();
  });

  const run = async (asked: Asked): Promise<string> => stored(storage, await handler(eventFor(storage, asked)));
  const failure = async (event: unknown): Promise<PredictionFailed> => {
    const answer = await handler(event);
    expect(answer.success).to.equal(false);
    return answer as PredictionFailed;
  };
  const failing = (asked: Partial<Asked>) => failure(eventFor(storage, { ...doubled, ...asked }));

  describe('on a table', () => {
    it('appends a prediction to every row and says what it did', async () => {
      const answer = await handler(eventFor(storage, doubled));
      expect(stored(storage, answer)).to.equal('a,b,prediction\n1,2,4\n3,4,10\n');
      expect(answer).to.deep.include({
        success: true,
        predictions_s3_uri: 's3://bucket/predictions/user_1/out.csv',
        num_predictions: 2,
        bytes: 28,
        counts: {},
        summary: { min: 4, max: 10, mean: 7 },
      });
      expect(answer)
        .to.have.property('etag')
        .that.matches(/^"[0-9a-f]{32}"$/);
      expect(answer).to.have.property('execution_time_ms').that.is.greaterThan(0);
    });

    it('finds columns by name, whatever their order, and ignores others', async () => {
      expect(await run({ ...doubled, data: 'x, b ,"a"\nfoo,2,1\n' })).to.equal('x, b ,"a",prediction\nfoo,2,1,4\n');
    });

    it('keeps the bytes of every row: quotes, blanks, CRLF, semicolons, byte order mark, no last newline', async () => {
      const data = '\ufeff"a";b;c\r\n"1"; 2 ;"x ""y""\r\nz"\r\n3;4;';
      expect(await run({ ...doubled, data })).to.equal(
        '\ufeff"a";b;c;prediction\r\n"1"; 2 ;"x ""y""\r\nz";4\r\n3;4;;10',
      );
    });

    it('passes empty lines and lines of blanks through, before the header too', async () => {
      const data = '\n \na,b\n1,2\n\n  \n3,4\n\n';
      expect(await run({ ...doubled, data })).to.equal('\n \na,b,prediction\n1,2,4\n\n  \n3,4,10\n\n');
    });

    for (const [name, encoding] of [
      ['UTF-16 LE', 'le'],
      ['UTF-16 BE', 'be'],
    ] as const) {
      it(`answers in ${name} when asked in ${name}`, async () => {
        const wide = (text: string) => {
          const bytes = Buffer.from(text, 'utf16le');
          return encoding === 'be' ? bytes.swap16() : bytes;
        };
        const answer = await handler(eventFor(storage, { ...doubled, data: wide('\ufeffa\tb\té😀\n1\t2\tß\n') }));
        expect(stored(storage, answer, 'hex')).to.equal(
          wide('\ufeffa\tb\té😀\tprediction\n1\t2\tß\t4\n').toString('hex'),
        );
      });
    }

    it('reads and writes Windows-1252', async () => {
      const words = manifestOf({
        columns: [{ column: 'größe', kind: 'oneHot', categories: ['5 €', 'ñ'], impute: null }],
        width: 2,
        classes: ['nein', 'für'],
      });
      const asked = {
        manifest: words,
        onnx: linearModel([1, 0, 0, 1], [0, 0]),
        data: Buffer.from('gr\xf6\xdfe,x\n5 \x80,\x93\n\xf1,\n', 'latin1'),
      };
      const answer = await handler(eventFor(storage, asked));
      expect(stored(storage, answer, 'latin1')).to.equal('gr\xf6\xdfe,x,prediction\n5 \x80,\x93,nein\n\xf1,,f\xfcr\n');
    });

    it('takes a cell of 2 MB in its stride', async () => {
      const long = `"${'x,\n'.repeat(700_000)}"`;
      expect(await run({ ...doubled, data: `a,b,c\n1,2,${long}\n` })).to.equal(`a,b,c,prediction\n1,2,${long},4\n`);
    });

    it('counts missing, invalid and unknown cells by column', async () => {
      const mixed = manifestOf({
        columns: [
          number('a', { indicator: true }),
          { column: 'c', kind: 'ordinal', categories: ['x'], unknown: -1, missing: -2 },
        ],
        width: 3,
      });
      const data = 'a,c\n1,x\nNA,y\nfoo,?\n1e999,x\n';
      const answer = await handler(eventFor(storage, { manifest: mixed, onnx: linearModel([1, 10, 100], [0]), data }));
      expect(stored(storage, answer)).to.equal('a,c,prediction\n1,x,1\nNA,y,-90\nfoo,?,-190\n1e999,x,10\n');
      expect(answer).to.have.deep.property('counts', {
        a: { missing: 1, invalid: 2, unknown: 0 },
        c: { missing: 1, invalid: 0, unknown: 1 },
      });
    });
  });

  describe('with classes', () => {
    const classes = manifestOf({ columns: [number('a')], width: 1, classes: ['no, never', 'yes'] });

    it('writes the label of the larger probability, quoted where it must be, and the tally', async () => {
      const answer = await handler(
        eventFor(storage, { manifest: classes, onnx: logisticModel([1], 0), data: 'a,b\n-3,\n3,\n0,\n' }),
      );
      expect(stored(storage, answer)).to.equal('a,b,prediction\n-3,,"no, never"\n3,,yes\n0,,"no, never"\n');
      expect(answer).to.have.deep.property('summary', { 'no, never': 2, yes: 1 });
    });

    it('appends probabilities when asked', async () => {
      const asked = { manifest: classes, onnx: logisticModel([1], 0), data: 'a\n0\n', rest: { probabilities: true } };
      expect(await run(asked)).to.equal(
        'a,prediction,"probability_no, never",probability_yes\n0,"no, never",0.5,0.5\n',
      );
    });

    it('predicts class 1 from the threshold on', async () => {
      const data = 'a\n0\n-0.1\n';
      expect(await run({ manifest: { ...classes, threshold: 0.5 }, onnx: logisticModel([1], 0), data })).to.equal(
        'a,prediction\n0,yes\n-0.1,"no, never"\n',
      );
    });

    it('divides the sums of a forest and lets the first class win a tie', async () => {
      const tree = (yes: number) => [
        { feature: 0, threshold: 0.5, left: 1, right: 2 },
        { weights: [1, 0, 0] },
        { weights: [0, 1 - yes, yes] },
      ];
      const forest = manifestOf({
        columns: [number('a')],
        width: 1,
        classes: ['p', 'q', 'r'],
        type: 'float32',
        divisor: 2,
      });
      const asked = {
        manifest: forest,
        onnx: forestModel([tree(1), tree(0)], 1, 3),
        data: 'a\n0.5\n0.6\n',
        rest: { probabilities: true },
      };
      expect(await run(asked)).to.equal(
        'a,prediction,probability_p,probability_q,probability_r\n0.5,p,1,0,0\n0.6,q,0,0.5,0.5\n',
      );
    });
  });

  describe('on bad data says what is wrong', () => {
    const cases: [string, Buffer | string, string, RegExp][] = [
      ['an empty file', '', 'InvalidData', /empty/],
      ['a file of empty lines', '\n\n', 'InvalidData', /empty/],
      ['a header only', 'a,b\n', 'InvalidData', /no rows/],
      ['missing columns, all at once', 'x,y\n1,2\n', 'MissingColumns', /2 columns.*"a", "b".*"x", "y"/],
      ['a short row', 'a,b\n1,2\n3\n', 'InvalidData', /Row 2 has 1 cell where the header has 2/],
      ['a long row', 'a,b\n1,2,3\n', 'InvalidData', /Row 1 has 3 cells where the header has 2/],
      ['a NUL byte', 'a,b\n1,2\n3,\0\n', 'InvalidData', /Row 2 has a NUL byte/],
      ['a NUL byte in quotes', 'a,b\n1,"\0"\n', 'InvalidData', /Row 1 has a NUL byte/],
      ['a NUL byte in the header', 'a\0,b\n1,2\n', 'InvalidData', /header .* NUL byte/],
      ['an open quote', 'a,b\n1,2\n3,"4\n5,6\n', 'InvalidData', /Row 2 opens a quote that is never closed/],
      ['a PNG', Buffer.from('89504e470d0a1a0a0000', 'hex'), 'InvalidData', /PNG/],
      ['a gzip file', Buffer.from('1f8b0800', 'hex'), 'InvalidData', /gzip/],
      ['a column needed twice', 'a,b,a\n1,2,3\n', 'InvalidData', /more than one column named "a"/],
      [
        'the prediction column being there',
        'a,b,prediction\n1,2,3\n',
        'InvalidData',
        /already has a column named "prediction"/,
      ],
      ['half a UTF-16 character', Buffer.from('fffe610062', 'hex'), 'InvalidData', /UTF-16/],
      ['a lone surrogate', Buffer.from('fffe610000d8', 'hex'), 'InvalidData', /UTF-16/],
      ['a quote open over 16 MB', `a,b\n1,"${'x'.repeat(17 * 1024 * 1024)}`, 'InvalidData', /longer than 16 MiB/],
    ];
    for (const [name, data, type, message] of cases) {
      it(name, async () => {
        const answer = await failing({ data });
        expect(answer.error).to.match(message);
        expect(answer).to.include({ error_type: type, retryable: false });
        expect(storage.objects.has(OUTPUT)).to.equal(false);
      });
    }

    it('a label the file cannot be written with', async () => {
      const chinese = manifestOf({ columns: [number('a')], width: 1, classes: ['中', 'b'] });
      const answer = await failing({
        manifest: chinese,
        onnx: logisticModel([1], 0),
        data: Buffer.from('a,\xff\n1,2\n', 'latin1'),
      });
      expect(answer).to.include({ error_type: 'InvalidData' });
      expect(answer.error).to.match(/Windows-1252/);
    });
  });

  describe('on a bad request', () => {
    it('refuses what is no event, naming every field', async () => {
      for (const event of [undefined, null, 'x', [], {}])
        expect(await failure(event)).to.include({ error_type: 'InvalidEvent' });
      const event = eventFor(storage, doubled);
      const answer = await failure({
        ...event,
        prediction_column_name: '',
        data: { ...event.data, bytes: -1 },
        extra: 1,
      });
      expect(answer.error)
        .to.match(/prediction_column_name must not be empty/)
        .and.match(/data\.bytes/)
        .and.match(/extra is not a known field/);
    });

    it('refuses URLs that are not http(s)', async () => {
      const event = eventFor(storage, doubled);
      for (const url of ['file:///etc/passwd', 'nonsense']) {
        const answer = await failure({ ...event, output: { ...event.output, url } });
        expect(answer).to.include({ error_type: 'InvalidEvent' });
        expect(answer.error).to.match(/output\.url/);
      }
    });

    it('takes a range of all the data as the whole of it', async () => {
      const event = eventFor(storage, doubled);
      const range = { start: 0, end: event.data.bytes };
      const answer = await handler({ ...event, data: { ...event.data, range } });
      expect(stored(storage, answer)).to.equal('a,b,prediction\n1,2,4\n3,4,10\n');
      expect(answer).to.deep.include({ range, quotes: { start: 'outside', end: 'outside' } });
    });

    it('refuses features that leave out what the model needs, takes more than it needs', async () => {
      const answer = await failing({ rest: { feature_columns: ['a'] } });
      expect(answer).to.include({ error_type: 'MissingColumns' });
      expect(answer.error).to.match(/"b"/);
      expect(await run({ ...doubled, rest: { feature_columns: ['b', 'a', 'c'] } })).to.match(/^a,b,prediction/);
    });
  });

  describe('with a bad model', () => {
    const pickle = Buffer.from('80049532000000000000008c0a736b6c6561726e', 'hex');
    const cases: [string, Partial<Asked>, RegExp][] = [
      ['a pickle', { onnx: pickle }, /not an ONNX file/],
      ['an empty file', { onnx: Buffer.alloc(0) }, /not an ONNX file/],
      ['half a model', { onnx: onnx.subarray(0, -20) }, /not an ONNX file/],
      ['a model that onnxruntime cannot load', { onnx: Buffer.from('08093a00', 'hex') }, /onnxruntime cannot load/],
      [
        'other names of input or output',
        { manifest: { ...manifest, onnx: { ...manifest.onnx, input: { ...manifest.onnx.input, name: 'x' } } } },
        /input and output/,
      ],
      [
        'a width that does not fit',
        { manifest: { ...manifest, onnx: { ...manifest.onnx, input: { ...manifest.onnx.input, width: 3 } } } },
        /2 numbers a row, the model takes 3/,
      ],
      ['a model narrower than its manifest', { onnx: linearModel([1], [0]) }, /does not fit its manifest/],
      ['an output of another shape', { onnx: linearModel([1, 2, 3, 4], [0, 0]) }, /another shape/],
      ['an output of integers', { onnx: integerModel(2) }, /another shape|cannot load/],
      ['a manifest of a later version', { manifest: { ...manifest, version: 2 as 1 } }, /version 2/],
      [
        'a manifest that misses a field',
        { manifest: { ...manifest, seed: undefined as unknown as number } },
        /seed is missing/,
      ],
      [
        'classes for a regression',
        { manifest: { ...manifest, target: { name: 't', classes: ['x', 'y'] } } },
        /contradict/,
      ],
      [
        'a threshold for three classes',
        { manifest: { ...manifestOf({ columns: [number('a')], width: 1, classes: ['p', 'q', 'r'] }), threshold: 0.5 } },
        /two classes/,
      ],
      [
        'a scale of 0',
        { manifest: manifestOf({ columns: [number('a', { scale: 0 }), number('b')], width: 2 }) },
        /scaled by 0/,
      ],
      [
        'a category listed twice',
        {
          manifest: manifestOf({
            columns: [{ column: 'a', kind: 'oneHot', categories: ['x', 'x'], impute: null }],
            width: 2,
          }),
        },
        /listed twice/,
      ],
    ];
    for (const [name, asked, message] of cases) {
      it(`refuses ${name}`, async () => {
        const answer = await failing(asked);
        expect(answer).to.include({ error_type: 'ModelRefused', retryable: false });
        expect(answer.error).to.match(message);
      });
    }

    it('refuses files that are not those of the checksum', async () => {
      for (const field of ['sha256', 'manifestSha256']) {
        const event = eventFor(storage, doubled);
        const answer = await failure({ ...event, model: { ...event.model, [field]: '0'.repeat(64) } });
        expect(answer).to.include({ error_type: 'ModelRefused', retryable: false });
        expect(answer.error).to.match(/sha256 differs/);
      }
    });

    it('refuses a manifest that is not JSON', async () => {
      const event = eventFor(storage, doubled);
      const { url, sha256 } = storage.put('/models/other.json', '{');
      expect(
        (await failure({ ...event, model: { ...event.model, manifestUrl: url, manifestSha256: sha256 } })).error,
      ).to.match(/not JSON/);
    });
  });

  describe('on a bad line', () => {
    it('says that the data changed when its ETag did', async () => {
      const event = eventFor(storage, doubled);
      storage.put('/datasets/data.csv', 'a,b\n9,9\n');
      expect(await failure(event)).to.include({ error_type: 'DataChanged', retryable: false });
    });

    it('says that the data is gone or longer than announced', async () => {
      const event = eventFor(storage, doubled);
      expect(await failure({ ...event, data: { ...event.data, bytes: 3 } })).to.include({ error_type: 'DataChanged' });
      storage.objects.delete('/datasets/data.csv');
      expect(await failure(event)).to.include({ error_type: 'DataChanged' });
    });

    it('goes on where a broken download stopped', async () => {
      const rows = Array.from({ length: 20_000 }, (_, i) => `${i},1\n`).join('');
      const event = eventFor(storage, { ...doubled, data: `a,b\n${rows}` });
      const whole = storage.objects.get('/datasets/data.csv')!;
      let broken = 0;
      storage.intercept = (request, response) => {
        if (!request.url!.startsWith('/datasets') || broken++ > 0) return false;
        response.writeHead(200, { 'content-length': whole.length });
        response.write(whole.subarray(0, 70_001), () => setTimeout(() => response.destroy(), 30));
        return true;
      };
      const answer = await handler(event);
      expect(answer).to.include({ success: true, num_predictions: 20_000 });
      const ranges = storage.requests
        .filter(({ path }) => path.startsWith('/datasets'))
        .map(({ headers }) => headers.range);
      expect(ranges).to.have.length(2);
      expect(ranges[1]).to.match(/^bytes=[1-9]\d*-\d+$/);
      expect(stored(storage, answer).split('\n')[20_000]).to.equal('19999,1,39999');
    });

    it('gives up on data that never comes, as something to try again', async () => {
      const event = eventFor(storage, doubled);
      storage.intercept = (request, response) =>
        request.url!.startsWith('/datasets') && refuse(response, 503, 'SlowDown');
      const answer = await failure(event);
      expect(answer).to.include({ error_type: 'ReadFailed', retryable: true });
      expect(answer.error).to.match(/503 SlowDown/);
    });

    it('does not insist when access is denied, but says when a link has expired', async () => {
      const event = eventFor(storage, doubled);
      let message = 'Access Denied';
      storage.intercept = (request, response) =>
        request.url!.startsWith('/datasets') && refuse(response, 403, 'AccessDenied', message);
      expect(await failure(event)).to.include({ error_type: 'ReadFailed', retryable: false });
      message = 'Request has expired';
      const expired = await failure(event);
      expect(expired).to.include({ error_type: 'ReadFailed', retryable: true });
      expect(expired.error).to.match(/expired/);
    });

    it('tries a failed upload again with the same bytes', async () => {
      const event = eventFor(storage, doubled);
      let refusals = 2;
      storage.intercept = (request, response) =>
        request.method === 'PUT' && refusals-- > 0 && refuse(response, 500, 'InternalError');
      expect(stored(storage, await handler(event))).to.equal('a,b,prediction\n1,2,4\n3,4,10\n');
    });

    it('says why predictions could not be stored', async () => {
      const event = eventFor(storage, doubled);
      storage.intercept = (request, response) => request.method === 'PUT' && refuse(response, 403, 'AccessDenied');
      const answer = await failure(event);
      expect(answer).to.include({ error_type: 'WriteFailed', retryable: false });
      storage.intercept = (request) => request.method === 'PUT' && !!request.socket.destroy();
      expect(await failure(event)).to.include({ error_type: 'WriteFailed', retryable: true });
    });

    it('says why a model could not be read', async () => {
      const event = eventFor(storage, doubled);
      storage.intercept = (request, response) =>
        request.url!.startsWith('/models') && refuse(response, 404, 'NoSuchKey');
      expect(await failure(event)).to.include({ error_type: 'ReadFailed', retryable: false });
      storage.intercept = (request) => request.url!.startsWith('/models') && !!request.socket.destroy();
      expect(await failure(event)).to.include({ error_type: 'ReadFailed', retryable: true });
    });
  });

  it('keeps the model for the next invocation and loads another by its checksum', async () => {
    const asks = () => storage.requests.filter(({ path }) => path === '/models/model.onnx').length;
    const event = eventFor(storage, doubled);
    await handler(event);
    await handler(event);
    expect(asks()).to.equal(1);
    expect(await run({ ...doubled, onnx: linearModel([3, 1], [0]) })).to.match(/\n1,2,5\n/);
    expect(await run({ ...doubled, onnx: linearModel([4, 1], [0]) })).to.match(/\n1,2,6\n/);
    expect(asks()).to.equal(3);
    expect(await run(doubled)).to.match(/\n1,2,4\n/);
    expect(asks(), 'two models are kept, the oldest was let go').to.equal(4);
  });

  it('answers a fault of its own without a stack and without what it was about', async () => {
    const event = {
      get version(): number {
        throw new TypeError('secret');
      },
    };
    const answer = await failure(event);
    expect(answer).to.include({ error_type: 'Internal', retryable: true });
    expect(answer.error)
      .to.match(/TypeError/)
      .and.not.match(/secret|\n/);
    expect(JSON.parse(lines[0]!).at).to.be.an('array').that.is.not.empty;
    expect(lines[0]).to.not.match(/secret/);
  });

  it('logs one line an invocation, without URLs, data or stacks', async () => {
    await handler(eventFor(storage, { ...doubled, data: 'a,b\nsecret1,2\n' }));
    await failing({ data: 'a,b\nsecret2\n' });
    await handler({ data: { url: 'https://secret3' } });
    expect(lines).to.have.length(3);
    for (const line of lines) {
      expect(JSON.parse(line)).to.include.keys('level', 'time', 'msg', 'memoryMiB');
      expect(line).to.not.match(/secret|http|Signature|    at /);
    }
  });
});
