// examples/ as a reader applies them: each manifest as it is, to the running product, to its end; and the story that
// `npm start -- --interruptions` tells of one of them.
import { readdirSync, readFileSync } from 'node:fs';
import { gzipSync } from 'node:zlib';
import { expect } from 'chai';
import { parse } from 'yaml';
import type { TrainingJob } from '../../crds/crds.generated.ts';
import { API_VERSION } from '../../crds/objects.ts';
import { exampleTraining, playStory } from '../../local/play/story.ts';
import { isOver, Journey, until } from '../journey/stack.ts';

const FOLDER = new URL('../../examples/', import.meta.url);
const USER_ID = '1001';
const COLLECTIONS: Record<string, string> = {
  Account: `/apis/${API_VERSION}/accounts`,
  TrainingJob: `/apis/${API_VERSION}/namespaces/ml-user-${USER_ID}/trainingjobs`,
  PredictionJob: `/apis/${API_VERSION}/namespaces/ml-user-${USER_ID}/predictionjobs`,
};
/** The examples about models and data, by the job's name. */
const MODELS = {
  searched: 'classification',
  boosted: 'classification',
  bakery: 'regression',
  workbook: 'regression',
};
const read = (file: string) => parse(readFileSync(new URL(file, FOLDER), 'utf8')) as TrainingJob & { kind: string };
const files = readdirSync(FOLDER)
  .filter((name) => name.endsWith('.yaml'))
  .sort();

describe('examples/', function () {
  this.timeout(240_000);
  let journey: Journey;

  const apply = (file: string, query = '') => {
    const manifest = read(file);
    return journey.api.call('POST', `${COLLECTIONS[manifest.kind] ?? ''}${query}`, manifest);
  };
  const trained = (name: string) => journey.trained(USER_ID, name, 200_000);

  before(async () => {
    journey = await Journey.start();
    await apply('00-account.yaml');
    await until('the namespace', () => journey.trainings(USER_ID).then(() => true), 20_000);
    await until(
      'the workspace',
      async () =>
        (await journey.api.call('GET', `${COLLECTIONS['Account']}/user-${USER_ID}`)).status?.['namespace'] !==
        undefined,
      20_000,
    );
    for (const name of readdirSync(FOLDER).filter((each) => /\.(csv|xlsx)$/.test(each)))
      await journey.put(USER_ID, name, readFileSync(new URL(name, FOLDER)));
    // As the README packs it.
    const packed = gzipSync(readFileSync(new URL('german_credit.csv', FOLDER)));
    await journey.put(USER_ID, 'german_credit.csv.gz', packed);
  });
  after(async () => {
    await journey?.close();
  });

  for (const file of files.filter((name) => !name.startsWith('00')))
    it(`${file} is valid to the last field`, async () => {
      await apply(file, '?dryRun=All&fieldValidation=Strict');
    });

  it('are all in the README', () => {
    const readme = readFileSync(new URL('README.md', FOLDER), 'utf8');
    expect(files.filter((file) => !readme.includes(`](${file})`))).to.deep.equal([]);
  });

  it('run as they are, and do what they say', async () => {
    for (const file of files.filter((name) => !/^0[04]/.test(name))) await apply(file);
    const minimal = await trained('minimal');
    expect(minimal.status?.phase, minimal.status?.message).to.equal('Succeeded');
    expect(minimal.status?.model?.task).to.equal('classification');

    const frugal = await trained('frugal');
    expect(frugal.status?.phase, frugal.status?.message).to.equal('Succeeded');
    expect(frugal.status?.model?.type).to.equal('random_forest');
    expect(frugal.status?.cost?.actualUsd).to.be.above(0).and.below(0.02);

    const byNine = await trained('by-nine');
    expect(byNine.status?.phase, byNine.status?.message).to.equal('Succeeded');
    expect(byNine.status?.attempts?.map(({ market }) => market)).to.deep.equal(['spot']);
    expect(byNine.status?.deadline?.choice).to.equal('Spot');

    const atHome = await trained('at-home');
    expect(atHome.status?.phase, atHome.status?.message).to.equal('Succeeded');
    expect(atHome.status?.attempts?.map(({ market }) => market)).to.deep.equal(['cluster']);

    for (const [name, task] of Object.entries(MODELS)) {
      const { status } = await trained(name);
      expect(status?.phase, status?.message).to.equal('Succeeded');
      expect(status?.model?.task).to.equal(task);
      const metrics = status?.metrics ?? {};
      if (task === 'regression') expect(metrics['r2']).to.be.above(0.8);
      else expect(metrics['roc_auc']).to.be.above(0.65);
    }

    const prediction = await journey.predicted(USER_ID, 'minimal-scores');
    expect(prediction.status?.phase, prediction.status?.message).to.equal('Succeeded');
    const [header = '', first = ''] = (await journey.get(prediction.status?.outputUri ?? '')).toString().split('\n');
    expect(header).to.include('predicted_class').and.include('probability_');
    expect(first.split(',')).to.have.length(header.split(',').length);

    const within = await journey.predicted(USER_ID, 'applicants');
    expect(within.status?.phase, within.status?.message).to.equal('Succeeded');
    expect(within.status).to.include({ rows: 200, badRows: 1 });
    expect(within.status?.message).to.match(/row 120, which has 20 cells where the header has 21\./);
    expect(within.status?.warnings?.join(' ')).to.include('1 row could not be read and has no prediction.');
    expect(within.status?.cost?.actualUsd).to.be.above(0).and.below(0.02);
    const applicants = readFileSync(new URL('generated_applicants.csv', FOLDER), 'utf8').trimEnd().split('\n');
    const risks = (await journey.get(within.status?.outputUri ?? '')).toString().trimEnd().split('\n');
    expect(risks[0]).to.equal(`${applicants[0]},risk,probability_1,probability_2`);
    for (const [at, row] of applicants.entries()) {
      const added = at === 120 ? ',,,' : (risks[at]?.slice(row.length) ?? '');
      expect(risks[at]).to.equal(row + added);
      if (at > 0 && at !== 120) expect(added).to.match(/^,[12],[\d.e-]+,[\d.e-]+$/);
    }

    const packed = await journey.predicted(USER_ID, 'packed');
    expect(packed.status?.phase, packed.status?.message).to.equal('Succeeded');
    expect(packed.status?.cost?.actualUsd).to.equal(0);
    expect(packed.status?.requestIds, 'Lambda was not called').to.equal(undefined);
    expect(packed.status?.outputUri).to.match(/predictions\.parquet$/);
    expect((await journey.get(packed.status?.outputUri ?? '')).toString('latin1', 0, 4)).to.equal('PAR1');
    // The same model, the same rows: of the CSV on Lambda, of gzip on the cluster.
    expect(packed.status?.summary).to.deep.equal(prediction.status?.summary);

    const later = await journey.training(USER_ID, 'later');
    expect(later.status?.phase).to.equal('Suspended');
    expect(await journey.instances(later)).to.deep.equal([]);
    const resume = { spec: { suspend: false } };
    await journey.api.call('PATCH', `${COLLECTIONS['TrainingJob']}/later`, resume, 'application/merge-patch+json');
    const resumed = await trained('later');
    expect(resumed.status?.phase, resumed.status?.message).to.equal('Succeeded');
    await journey.idle();
  });

  it('04-interruptions.yaml loses its instance with a notice, without a word and by a rebalance, and makes the same model', async () => {
    const manifest = exampleTraining();
    // Less is enough for a test; with much less a quick machine is done before anything can be taken from it.
    manifest.spec.model.hyperparameters = { ...manifest.spec.model.hyperparameters, n_estimators: 1000 };
    const lines: string[] = [];
    const screen = {
      heading: (text: string) => void lines.push(text),
      step: (what: string, words: string) => void lines.push(`${what}: ${words}`),
      progress: () => undefined,
      text: (text: string) => void lines.push(text),
      table: (heading: string, rows: readonly (readonly [string, string])[]) =>
        void lines.push(heading, ...rows.map((row) => row.join(': '))),
    };
    const summary = await playStory(journey.stack, manifest, 3, screen, new AbortController().signal);
    const text = lines.join('\n');
    expect(summary.interruptions, text).to.equal(3);
    expect(summary.attempts.map(({ endReason }) => endReason)).to.deep.equal([
      'Interrupted',
      'InstanceLost',
      'Rebalanced',
      'Succeeded',
    ]);
    expect(summary.sameMetrics, text).to.equal(true);
    expect(summary.costUsd.actual).to.be.above(0).and.below(summary.costUsd.onDemand);
    // Only who goes without a word takes work along.
    expect(summary.attempts.map(({ lostSeconds = 0 }) => lostSeconds > 0)).to.deep.equal([false, true, false, false]);
    for (const words of [
      'Interruption 3 of 3',
      'there is another instance',
      'goes on after step',
      'to the last bit',
      'survivor',
    ])
      expect(text).to.include(words);
    const jobs = await journey.trainings(USER_ID);
    expect(jobs.filter((job) => !isOver(job))).to.deep.equal([]);
    await journey.idle();
  });
});
