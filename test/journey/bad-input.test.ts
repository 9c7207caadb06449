// What people send instead of a clean table, through the whole running product: in the chat, where a person does it, and through the
// Kubernetes API, where an engineer does. Each gets words that say what to change, nothing crashes, and no money is spent in vain.
import { expect } from 'chai';
import type { PredictionJob, TrainingJob } from '../../crds/crds.generated.ts';
import { wordsOf } from './person.ts';
import { Journey, refusal } from './stack.ts';
import * as tables from './tables.ts';

const { TARGET, ROWS } = tables;
const LONG = 'n'.repeat(300);

/** Files that are refused before anything is launched: what is said of each. */
const UNFIT: readonly (readonly [string, string | Buffer, RegExp])[] = [
  ['an empty file', '', /The file is empty\. Send a CSV file with a header line/],
  ['a header only', `age,town,${TARGET}\n`, /has a header \(3 columns\) but no rows/],
  [
    'one column',
    `${TARGET}\nyes\nno\n`,
    /has only one column \("bought"\)\. A model needs a target and at least one other/,
  ],
  ['a PNG', tables.PNG, /is a PNG picture, not a table\. Save the table as CSV/],
  ['a header line of 2 MB', `${'x'.repeat(2_000_000)},${TARGET}\n1,yes\n2,no\n`, /first line is longer than 64 KB/],
  [
    'duplicate column names',
    `age,age,${TARGET}\n1,2,yes\n3,4,no\n`,
    /"age" stands twice in the header \(columns 1 and 2\)/,
  ],
  ['NUL bytes', Buffer.from(`age,${TARGET}\n1,yes\n\0\0,no\n`), /not text \(it has NUL bytes\)/],
];

/** Odd files that hold a table all the same: they train, and the model predicts for the very same file. */
const ODD: readonly (readonly [string, string | Buffer, string?])[] = [
  ['30 % missing cells', tables.csv(tables.holey())],
  ['Latin-1, semicolons and CRLF', Buffer.from(tables.csv(tables.renamed('age', 'Größe'), ';', '\r\n'), 'latin1')],
  ['UTF-16 and tabs', Buffer.from(`\uFEFF${tables.csv(tables.cells(), '\t')}`, 'utf16le')],
  [
    'quoted newlines, a name of 300 characters and one with braces',
    tables.csv(tables.renamed('visits', '{age} ${x} %s {{y}}', tables.renamed('age', LONG, tables.quotedNewlines()))),
  ],
  [
    'HTML in the name of its target and empty trailing columns',
    tables.csv(tables.emptyTrailing(tables.renamed(TARGET, '<b>"bought" & paid</b>'))),
    '<b>"bought" & paid</b>',
  ],
];

/** Tables only the worker can judge: it ends the job with these words. */
const HOPELESS: readonly (readonly [string, string | Buffer, RegExp])[] = [
  [
    'a target with one class',
    `age,town,${TARGET}\n${'30,Bonn,yes\n41,Ulm,yes\n'.repeat(20)}`,
    /“bought” is 'yes' in every row.*at least two classes/,
  ],
  [
    'a cell of 2 MB',
    `age,note,${TARGET}\n1,${'x'.repeat(2_000_000)},yes\n2,b,no\n`,
    /a cell that ends near line 2 is longer than 1 MB/,
  ],
];

describe('Bad input', function () {
  this.timeout(60_000);
  let journey: Journey;
  let pids: Record<string, number | undefined>;

  before(async function () {
    this.timeout(120_000);
    journey = await Journey.start();
    pids = journey.pids();
  });
  after(async function () {
    this.timeout(30_000);
    await journey?.close();
  });
  afterEach('no program crashed', () => {
    expect(journey.pids()).to.deep.equal(pids);
  });

  describe('before anything is launched', () => {
    let userId: string;
    before(async () => {
      userId = await journey.account();
    });
    afterEach('nothing was launched', async () => {
      expect(await journey.instances()).to.deep.equal([]);
    });

    // Telegram lets a bot say one thing a second to a chat: so all conversations are held at once.
    let conversations: Promise<{ readonly refused: string; readonly then: string }>[];
    before(() => {
      conversations = UNFIT.map(async ([, body]) => {
        const person = await journey.person('Bea');
        await person.toData();
        const refused =
          body.length === 0
            ? await person.say(await journey.put(person.userId, 'table.csv', body), 'cannot be used')
            : await person.upload('table.csv', body, 'cannot be used');
        const then = await person.upload('good.csv', tables.plain(), 'Which column');
        return { refused: wordsOf(refused), then: wordsOf(then) };
      });
      for (const one of conversations) one.catch(() => undefined);
    });

    UNFIT.forEach(([what, body, words], at) => {
      it(`the API says what is wrong with ${what}`, async () => {
        const uri = await journey.put(userId, `unfit-${at}.csv`, body);
        await journey.train(userId, `unfit-${at}`, { dataset: { uri }, target: TARGET });
        const job = await journey.trained(userId, `unfit-${at}`);
        expectFailure(job, 'InvalidData', words);
        expect(job.status?.cost?.actualUsd ?? 0).to.equal(0);
      });

      it(`the chat says what is wrong with ${what}, and takes a better file`, async () => {
        const { refused, then } = (await conversations[at]) ?? { refused: '', then: '' };
        expect(refused).to.match(words).and.include('Send me a CSV file, or /cancel');
        expect(then).to.include('about 60 rows, 4 columns');
      });
    });

    it('Telegram itself refuses an empty file, and the conversation goes on', async () => {
      const person = await journey.person('Cem');
      await person.toData();
      const words = await person.user.upload({ name: 'empty.csv', data: '' }).then(
        () => 'taken',
        (error: Error) => error.message,
      );
      expect(words).to.match(/empty/);
      await person.upload('good.csv', tables.plain(), 'Which column');
    });

    it('a missing target is named with the columns there are', async () => {
      const person = await journey.person('Dee');
      await person.toData();
      await person.upload('good.csv', tables.plain(), 'Which column');
      expect(wordsOf(await person.say('prize', 'There is no column'))).to.include('age, town, visits, bought');
      const uri = await journey.put(userId, 'good.csv', tables.plain());
      await journey.train(userId, 'missing-target', { dataset: { uri }, target: 'Bought ' });
      const job = await journey.trained(userId, 'missing-target');
      expectFailure(
        job,
        'InvalidData',
        /no column "Bought " to predict\. Did you mean "bought"\? The table has 4 columns/,
      );
    });

    it('data of another bucket or another user stays out of reach', async () => {
      const person = await journey.person('Eve');
      const theirs = await journey.put(userId, 'theirs.csv', tables.plain());
      const { bucket } = journey.stack;
      const addresses = [
        's3://another-bucket/datasets/data.csv',
        theirs,
        `s3://${bucket}/datasets/user_${person.userId}/../user_${userId}/theirs.csv`,
        `s3://${bucket}/models/user_${userId}/m/manifest.json`,
      ];
      await person.toData();
      for (const uri of addresses) await person.say(uri, 'cannot be used');
      await Promise.all(
        addresses.map(async (uri, at) => {
          await journey.train(person.userId, `foreign-${at}`, { dataset: { uri }, target: TARGET });
          expectFailure(
            await journey.trained(person.userId, `foreign-${at}`),
            'AccessRefused',
            /bucket|datasets\/user_/,
          );
          await journey.predict(person.userId, `foreign-${at}`, { modelRef: 'nothing', data: { uri } });
          expect((await journey.predicted(person.userId, `foreign-${at}`)).status?.phase).to.equal('Failed');
        }),
      );
    });

    it('an address without an object is said to be one', async () => {
      const uri = `s3://${journey.stack.bucket}/datasets/user_${userId}/nowhere.csv`;
      await journey.train(userId, 'nowhere', { dataset: { uri }, target: TARGET });
      expectFailure(await journey.trained(userId, 'nowhere'), 'DatasetMissing', /There is no object s3:.*Upload/);
    });

    const dataset = { uri: 's3://bucket/datasets/user_1/x.csv' };
    for (const [what, spec, words] of [
      [
        'an unknown model type',
        { dataset, target: 'y', model: { type: 'oracle' } },
        /spec\.model\.type: Unsupported value: "oracle": supported values: "auto", "linear"/,
      ],
      [
        'a target among the features',
        { dataset, target: 'y', features: ['x', 'y'] },
        /the target cannot be one of the features/,
      ],
      [
        'a classifier for a regression',
        { dataset, target: 'y', task: 'regression', model: { type: 'logistic' } },
        /model types logistic and naive_bayes classify; for a regression use another/,
      ],
      [
        'instance types on the cluster',
        { dataset, target: 'y', placement: 'Cluster', resources: { instanceTypes: ['m5.large'] } },
        /instanceTypes has no meaning with placement Cluster/,
      ],
      ['no target', { dataset }, /spec\.target: Required value/],
      ['an address that is none', { dataset: { uri: '/tmp/x.csv' }, target: 'y' }, /spec\.dataset\.uri.*should match/],
    ] as const)
      it(`the API refuses a spec with ${what}`, async () => {
        const error = await refusal(journey.create('trainingjobs', userId, 'refused', spec));
        expect(error.code).to.equal(422);
        expect(error.message).to.match(words);
      });

    it('the API refuses another target for a job that is there', async () => {
      await journey.train(userId, 'fixed', {
        dataset: { uri: `s3://${journey.stack.bucket}/datasets/user_${userId}/none.csv` },
        target: 'y',
      });
      const error = await refusal(
        journey.api.call(
          'PATCH',
          `/apis/spotlearn.io/v1alpha1/namespaces/ml-user-${userId}/trainingjobs/fixed`,
          { spec: { target: 'z' } },
          'application/merge-patch+json',
        ),
      );
      expect(error.code).to.equal(422);
      expect(error.message).to.match(/target is immutable; create another TrainingJob/);
    });
  });

  describe('on instances', function () {
    this.timeout(120_000);
    let userId: string;
    let jobs: Map<string, TrainingJob>;
    let predictions: Map<string, PredictionJob>;
    const nameOf = (what: string) => what.toLowerCase().replace(/\W+/g, '-').replace(/^-|-$/g, '');
    const ODD_NAME = nameOf(ODD[0]?.[0] ?? '');

    before('train on all of them at once, and predict for each', async function () {
      this.timeout(180_000);
      userId = await journey.account();
      const all = [
        ...ODD.map(([what, body, target]) => ({ name: nameOf(what), body, target: target ?? TARGET, odd: true })),
        ...HOPELESS.map(([what, body]) => ({ name: nameOf(what), body, target: TARGET, odd: false })),
      ];
      const done = await Promise.all(
        all.map(async ({ name, body, target, odd }) => {
          const uri = await journey.put(userId, `${name}.csv`, body);
          await journey.train(userId, name, { dataset: { uri }, target, backoffLimit: 0, model: { type: 'logistic' } });
          if (odd) await journey.predict(userId, name, { modelRef: name, data: { uri } });
          const job = await journey.trained(userId, name, 150_000);
          return { name, job, prediction: odd ? await journey.predicted(userId, name, 150_000) : undefined };
        }),
      );
      jobs = new Map(done.map(({ name, job }) => [name, job]));
      predictions = new Map(done.flatMap(({ name, prediction }) => (prediction ? [[name, prediction]] : [])));
    });

    for (const [what] of ODD)
      it(`a table with ${what} trains, and its model predicts for it`, async () => {
        const job = jobs.get(nameOf(what));
        expect(job?.status?.phase, job?.status?.message).to.equal('Succeeded');
        expect(job?.status?.model?.rows).to.equal(ROWS);
        const { accuracy = 0, baseline_accuracy: baseline = 1 } = job?.status?.metrics ?? {};
        expect(accuracy).to.be.above(baseline);
        const { phase, message, rows, outputUri = '' } = predictions.get(nameOf(what))?.status ?? {};
        expect(phase, message).to.equal('Succeeded');
        expect(rows).to.equal(ROWS);
        const bytes = await journey.get(outputUri);
        const text = bytes.toString(bytes[0] === 0xff ? 'utf16le' : 'utf8');
        const predicted = text.match(/[,;\t](yes|no)\r?$/gm) ?? [];
        expect(predicted, text.slice(0, 500)).to.have.length(ROWS);
      });

    for (const [what, , words] of HOPELESS)
      it(`a table with ${what} fails with words, on one instance`, async () => {
        const job = jobs.get(nameOf(what)) as TrainingJob;
        expectFailure(job, 'InvalidData', words);
        expect(await journey.instances(job)).to.have.length(1);
      });

    it('a model whose manifest is damaged or of another version is refused, before anything is invoked', async () => {
      const good = jobs.get(ODD_NAME)?.status?.model;
      const manifest = JSON.parse((await journey.get(`${good?.uri}manifest.json`)).toString()) as object;
      const { uri } = (await journey.training(userId, ODD_NAME)).spec.dataset;
      for (const [name, body, words] of [
        ['of-tomorrow', JSON.stringify({ ...manifest, version: 2 }), /has version 2, this program knows 1/],
        ['cut-off', JSON.stringify(manifest).slice(0, 200), /not JSON/],
        ['unknown', JSON.stringify({ ...manifest, features: 'all' }), /incomplete/],
      ] as const) {
        await journey.putObject(`models/user_${userId}/${name}/manifest.json`, body);
        await journey.predict(userId, name, { modelRef: name, data: { uri } });
        const { phase, message, cost } = (await journey.predicted(userId, name)).status ?? {};
        expect(phase).to.equal('Failed');
        expect(message).to.match(words);
        expect(cost?.actualUsd ?? 0).to.equal(0);
      }
    });

    it('a name with HTML is shown as it is in the chat, from the column to the result', async () => {
      const person = await journey.person('<i>Fay</i>');
      await person.toData();
      await person.upload('<script>.csv', tables.csv(tables.renamed(TARGET, '<b>{x}</b>')), 'Which column');
      await person.trainOn('<b>{x}</b>', 'Logistic regression');
      const ready = wordsOf(await person.reads('Model ready', 60_000));
      expect(ready).to.include('<b>{x}</b>').and.include('baseline');
    });

    it('nothing is left running', async () => {
      await journey.idle();
      expect(journey.pids()).to.deep.equal(pids);
    });
  });
});

function expectFailure(job: TrainingJob, reason: string, words: RegExp): void {
  expect(job.status?.phase, job.status?.message).to.equal('Failed');
  const failed = job.status?.conditions?.find(({ type }) => type === 'Failed');
  expect(failed?.status).to.equal('True');
  expect(failed?.reason).to.equal(reason);
  expect(job.status?.message).to.match(words);
}
