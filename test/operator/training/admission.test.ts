// May a job run? Every refusal and every wait in its own words, against a bucket and an account.
import { gzipSync } from 'node:zlib';
import { expect } from 'chai';
import type { Account, TrainingJob } from '../../../crds/crds.generated.ts';
import { decideRequests, monthLimit, type Live } from '../../../operator/accounts/exposure.ts';
import { admit, budgetOf, type AdmissionOptions } from '../../../operator/training/admission.ts';
import type { Verdict } from '../../../operator/training/confirm.ts';
import { minuteCost, VOLUME_PER_HOUR } from '../../../operator/training/costs.ts';
import { changeOf, columnProblem, datasetChange } from '../../../operator/training/dataset.ts';
import { modelId, type Places } from '../../../operator/training/job.ts';
import { worstCase } from '../../../operator/training/reserving.ts';
import type { Selection } from '../../../operator/training/selection.ts';
import { FakeBucket, failure } from '../aws.ts';
import { ROLE_ID } from '../worker.ts';

const NOW = Date.parse('2026-11-24T10:00:00Z');
const KEY = 'datasets/user_1/20261124T090000Z_iris.csv';
const URI = `s3://bucket/${KEY}`;
const TABLE = `Age,sum of all,class\n${'30,1,yes\n'.repeat(100)}`;
const PRICE = 0.03;
const places: Places = {
  bucket: 'bucket',
  datasetPrefix: 'datasets',
  modelPrefix: 'models',
  predictionPrefix: 'predictions',
  workerRoleId: ROLE_ID,
};
const SELECTION: Selection = {
  offers: [
    { instanceType: 'm5.large', zone: 'a', subnetId: 's' },
    { instanceType: 'm6i.xlarge', zone: 'a', subnetId: 's' },
  ],
  reason: 'r',
  price: PRICE,
};

const job = (spec: object = {}, status: object | undefined = undefined, metadata: object = {}): TrainingJob =>
  ({
    metadata: {
      namespace: 'ml-user-1',
      name: 'my.job',
      uid: 'abcdef12-0000',
      creationTimestamp: '2026-11-24T09:59:58Z',
      ...metadata,
    },
    spec: {
      dataset: { uri: URI },
      target: 'class',
      model: { type: 'ridge' },
      task: 'auto',
      split: 'random',
      seed: 0,
      placement: 'Spot',
      ...spec,
    },
    status,
  }) as TrainingJob;

interface Setting extends Partial<AdmissionOptions> {
  selection?: Selection;
  account?: AdmissionOptions['account'];
  held?: Live[];
  month?: number;
  limits?: object;
}

function setting({ selection = SELECTION, held = [], month = 0, limits = {}, ...more }: Setting = {}) {
  const bucket = new FakeBucket(() => NOW);
  bucket.set(KEY, TABLE);
  const written: string[] = [];
  const asked: TrainingJob[] = [];
  const account = {
    metadata: { name: 'user-1' },
    spec: {
      userId: '1',
      suspend: false,
      approval: 'Approved',
      limits: { trainingUsd: 5, predictionUsd: 1, monthlyUsd: 20, ...limits },
    },
  } as Account;
  const options: AdmissionOptions = {
    bucket,
    places,
    account: () => account,
    reservations: {
      release: () => undefined,
      request: async (userId, uid, usd) => {
        const standing = { limitUsd: monthLimit(account, '2026-11'), sum: { spentUsd: month }, jobs: held, held: {} };
        const [answer] = decideRequests(standing, [{ uid, usd }], NOW).answers;
        if (answer?.ok) written.push(`user-${userId}`);
        return answer ?? { ok: false, reason: 'LedgerUnavailable' };
      },
    },
    select: (one) => (asked.push(one), selection),
    past: () => ({ paces: new Map(), seen: { interruptions: 0, hours: 0 } }),
    series: () => [],
    addressPerHour: 0,
    siblings: () => [],
    maxTrainingCostUsd: 10,
    cloudEnabled: true,
    now: () => NOW,
    ...more,
  };
  return { bucket, options, written, asked };
}

const judge = (one: TrainingJob, given: Setting = {}): Promise<Verdict> => admit(one, setting(given).options);
const said = async (verdict: Promise<Verdict>): Promise<string> => {
  const found = await verdict;
  return found.is === 'admitted' ? 'admitted' : `${found.is} ${found.reason}: ${found.message}`;
};

describe('Admission', () => {
  it('admits what is fit, with an estimate and the worst case held back', async () => {
    const { options, written, asked } = setting();
    const verdict = await admit(job(), options);
    expect(verdict).to.deep.include({ is: 'admitted' });
    const { admission } = verdict as Extract<Verdict, { is: 'admitted' }>;
    expect(admission.dataset).to.include({ bytes: TABLE.length, columns: 3 });
    expect(admission.reservedUsd).to.equal(5);
    expect(admission.estimatedUsd).to.be.closeTo(((PRICE + VOLUME_PER_HOUR) * 91) / 3600, 1e-6);
    expect(admission.message).to.match(/^Accepted: 3 columns, about 100 rows; estimated \$0\.0009, at most \$5\.00\.$/);
    expect(written).to.deep.equal(['user-1']);
    expect(asked[0]?.status?.dataset?.columns, 'selection knows the width').to.equal(3);
  });

  const packed = async (uri: string, body: Uint8Array): Promise<[Verdict, TrainingJob | undefined]> => {
    const { bucket, options, asked } = setting();
    bucket.set(`datasets/user_1/${uri}`, body);
    return [await admit(job({ dataset: { uri: `s3://bucket/datasets/user_1/${uri}` } }), options), asked[0]];
  };

  it('looks into gzipped text, and asks for an instance by what it holds', async () => {
    const [verdict, asked] = await packed('a.csv.gz', gzipSync(TABLE));
    expect(verdict)
      .to.have.nested.property('admission.message')
      .that.matches(/^Accepted: 3 columns, about 100 rows/);
    expect(asked?.status?.dataset).to.include({ columns: 3, tableBytes: TABLE.length });
    const [refused] = await packed('b.csv.gz', gzipSync('a,b\n1,2\n'));
    expect(refused).to.deep.include({ is: 'refused', reason: 'InvalidData' });
  });

  for (const [name, magic, words] of [
    ['a.parquet', 'PAR1', 'Accepted: a Parquet file, whose columns the worker reads'],
    ['a.xlsx', 'PK\x03\x04', 'Accepted: an Excel workbook, whose columns the worker reads'],
  ] as const)
    it(`leaves the columns of ${name} to the worker`, async () => {
      const [verdict, asked] = await packed(name, Buffer.from(magic + ' '.repeat(996)));
      expect(verdict).to.have.nested.property('admission.message').that.contains(words);
      expect(asked?.status?.dataset).not.to.have.property('columns');
      expect(asked?.status?.dataset?.tableBytes).to.be.above(2000);
    });

  const past = '2026-11-24T09:00:00Z';
  const rows: [what: string, one: TrainingJob, given: Setting, words: RegExp][] = [
    [
      'a namespace of no account',
      job({}, undefined, { namespace: 'default' }),
      {},
      /^refused UnknownNamespace: .*ml-user-<id>/,
    ],
    ['an account that does not exist yet', job(), { account: () => undefined }, /^waiting AccountMissing: .*user-1/],
    [
      'a suspended account',
      job(),
      { account: () => ({ spec: { suspend: true, approval: 'Approved' } }) as Account },
      /^waiting AccountSuspended/,
    ],
    [
      'a hyperparameter out of range',
      job({ model: { type: 'random_forest', hyperparameters: { n_estimators: 1e9 } } }),
      {},
      /^refused InvalidSpec: n_estimators of random_forest cannot be 1000000000\. It must be a whole number from 1 to/,
    ],
    [
      'a hyperparameter of another model',
      job({ model: { type: 'ridge', hyperparameters: { trees: 5 } } }),
      {},
      /^refused InvalidSpec: ridge has no hyperparameter trees\. Allowed: alpha: a number/,
    ],
    ['no cloud', job(), { cloudEnabled: false }, /^refused CloudDisabled: .*placement Cluster remains/],
    [
      'a deadline in the past',
      job({ deadline: past }),
      {},
      /^refused InvalidSpec: spec\.deadline \(2026-11-24T09:00:00Z\) is in the past; it is 2026-11-24T10:00:00Z/,
    ],
    [
      'a deadline of this very moment',
      job({ deadline: '2026-11-24T10:00:00Z' }),
      {},
      /^refused DeadlineExceeded: .*while the job waited/,
    ],
    [
      'a deadline that passed in the queue',
      job({ deadline: '2026-11-24T09:59:59Z' }),
      {},
      /^refused DeadlineExceeded: spec\.deadline .* passed while the job waited/,
    ],
    [
      'a data set that is not there',
      job({ dataset: { uri: `${URI}x` } }),
      {},
      /^refused DatasetMissing: There is no object/,
    ],
    [
      'another user’s data set',
      job({ dataset: { uri: 's3://bucket/datasets/user_2/a.csv' } }),
      {},
      /^refused AccessRefused/,
    ],
    ['a column that is not there', job({ target: 'CLASS' }), {}, /^refused InvalidData: .*Did you mean "class"/],
    [
      'a spec no instance fits',
      job(),
      { selection: { offers: [], reason: 'There is no instance type x9.huge.', impossible: true } },
      /^refused InvalidSpec: There is no instance type x9\.huge\. Then create the job again\.$/,
    ],
    [
      'a budget smaller than the first minute',
      job({ budget: { maxCostUsd: 0.0005 } }),
      {},
      /^refused InvalidSpec: spec\.budget\.maxCostUsd of \$0\.0005 buys nothing: the first minute and the stop cost \$0\.0015 on the cheapest instance that fits \(\$0\.0355 per hour with its volume\)\. Create the job again with at least \$0\.0015\.$/,
    ],
    [
      'a limit of the account smaller than the first minute',
      job(),
      { limits: { trainingUsd: 0.0005 } },
      /^waiting QuotaExceeded: The account's limit of \$0\.0005 for one training buys nothing: .*Have the limit raised/,
    ],
    [
      'a resumed job whose budget has no minute left',
      job({ budget: { maxCostUsd: 0.5 } }, { cost: { actualUsd: 0.499 } }),
      {},
      /^waiting BudgetReached: Of the budget of \$0\.5000, \$0\.4990 is spent, .*Raise spec\.budget\.maxCostUsd to at least \$0\.5005/,
    ],
    [
      'a month that is used up',
      job(),
      { month: 16 },
      /^waiting QuotaExceeded: This training may cost up to \$5\.00; of this month's \$20\.00, \$16\.00 is spent/,
    ],
    [
      'a month that others hold',
      job(),
      {
        held: [{ uid: 'other', reservedUsd: 18, final: false, actualUsd: 0, unbilledUsd: 0, stopUsd: 0 }],
      },
      /^waiting BudgetReserved: .*\$18\.00 is held back .*It waits for room/,
    ],
  ];
  for (const [what, one, given, words] of rows)
    it(`says what is wrong with ${what}`, async () => {
      expect(await said(judge(one, given))).to.match(words);
    });

  it('lets a budget through that pays for exactly the first minute', async () => {
    const least = Math.ceil(minuteCost(PRICE) * 1e4) / 1e4;
    expect(await said(judge(job({ budget: { maxCostUsd: least } })))).to.equal('admitted');
  });

  it('admits while no pool has a price, holding the whole budget', async () => {
    const verdict = await judge(job({ budget: { maxCostUsd: 2 }, activeDeadlineSeconds: 60 }), {
      selection: { offers: [], reason: 'every pool above the cap' },
    });
    expect(verdict).to.have.nested.property('admission.reservedUsd', 2);
    expect(verdict).to.have.nested.property('admission.estimatedUsd', 0);
  });

  it('does not refuse a deadline that passed after the job began', async () => {
    const resumed = job({ deadline: past }, { startTime: '2026-11-24T08:00:00Z' });
    expect(await said(judge(resumed))).to.equal('admitted');
  });

  it('runs on the cluster without money, instances or cloud', async () => {
    const { options, written, asked } = setting({ cloudEnabled: false, month: 99, limits: { trainingUsd: 0 } });
    const verdict = await admit(job({ placement: 'Cluster' }), options);
    expect(verdict).to.deep.include({ is: 'admitted' });
    const { admission } = verdict as Extract<Verdict, { is: 'admitted' }>;
    expect(admission).to.include({ estimatedUsd: 0, reservedUsd: 0 });
    expect(admission.message).to.match(/3 columns, about 100 rows; it runs on the cluster itself/);
    expect([written, asked]).to.deep.equal([[], []]);
    expect(await said(admit(job({ placement: 'Cluster', target: 'z' }), options))).to.match(/^refused InvalidData/);
  });

  it('throws when S3 does not answer, so that it is asked again', async () => {
    const { bucket, options } = setting();
    bucket.before('head', failure('unreachable'));
    const error = await admit(job(), options).catch((one: unknown) => one);
    expect(error).to.include({ kind: 'unreachable' });
  });
});

describe('The id of a model', () => {
  const mine = job({ model: { type: 'ridge', id: 'churn' } });
  const rival = (spec: object, metadata: object, status: object = {}) =>
    job({ model: { type: 'ridge', ...spec } }, status, { uid: '99999999-1', name: 'rival', ...metadata });
  const against = (other: TrainingJob, one = mine) => said(judge(one, { siblings: () => [one, other] }));
  const earlier = { creationTimestamp: '2026-11-24T09:00:00Z' };
  const same = { creationTimestamp: '2026-11-24T09:59:58Z' };
  const later = { creationTimestamp: '2026-11-24T10:00:00Z' };

  it('belongs to the job created first, which is named to the other', async () => {
    expect(await against(rival({ id: 'churn' }, earlier))).to.match(
      /^refused ModelExists: TrainingJob rival was created before and makes the model churn already; choose another spec\.model\.id/,
    );
    expect(await against(rival({ id: 'churn' }, later))).to.equal('admitted');
  });

  it('belongs, within the same second, to the first by name, then by uid', async () => {
    expect(await against(rival({ id: 'churn' }, { ...same, name: 'a' }))).to.match(/^refused ModelExists/);
    expect(await against(rival({ id: 'churn' }, { ...same, name: 'z' }))).to.equal('admitted');
    expect(await against(rival({ id: 'churn' }, { ...same, name: 'my.job', uid: '0' }))).to.match(/^refused/);
  });

  it('is free of jobs that are over, being deleted, or make another', async () => {
    expect(await against(rival({ id: 'churn' }, earlier, { phase: 'Failed' }))).to.equal('admitted');
    expect(await against(rival({ id: 'churn' }, { ...earlier, deletionTimestamp: 'x' }))).to.equal('admitted');
    expect(await against(rival({ id: 'other' }, earlier))).to.equal('admitted');
    expect(await against(rival({}, earlier))).to.equal('admitted');
  });

  it('is also guarded where it is another job’s by default', async () => {
    const byDefault = rival({}, earlier);
    const thief = job({ model: { type: 'ridge', id: modelId(byDefault) } });
    expect(await against(byDefault, thief)).to.match(/^refused ModelExists/);
  });

  it('is taken by a model that exists, unless the job made it itself', async () => {
    const { bucket, options } = setting();
    bucket.set('models/user_1/churn/manifest.json', '{}');
    expect(await said(admit(mine, options))).to.match(/^refused ModelExists: There is a model churn already/);
    const made = job({ model: { type: 'ridge', id: 'churn' } }, { model: { manifestSha256: 'x' } });
    expect(await said(admit(made, options))).to.equal('admitted');
  });

  it('is the job’s name and the start of its uid unless told otherwise', () => {
    expect(modelId(job())).to.equal('my-job-abcdef12');
    expect(modelId(mine)).to.equal('churn');
  });
});

describe('The data set of an accepted job', () => {
  const accepted = { bytes: 100, etag: '"a"', columns: 3 };
  const rows: [
    what: string,
    dataset: object | undefined,
    found: { bytes: number; etag: string } | undefined,
    words: RegExp | undefined,
  ][] = [
    ['is fine as it was', accepted, { bytes: 100, etag: '"a"' }, undefined],
    ['is not compared before it was accepted', undefined, undefined, undefined],
    ['is missed when it vanished', accepted, undefined, /^DatasetMissing: .* is gone; it had 100 bytes when/],
    [
      'is told from one that shrank',
      accepted,
      { bytes: 40, etag: '"b"' },
      /^DatasetChanged: .*it shrank from 100 to 40 bytes \(ETag "a" then, "b" now\)\. Create another TrainingJob/,
    ],
    ['is told from one that grew', accepted, { bytes: 140, etag: '"b"' }, /it grew from 100 to 140 bytes/],
    ['is told from another of the same size', accepted, { bytes: 100, etag: '"b"' }, /its content changed \(ETag/],
    ['is told by size alone', accepted, { bytes: 99, etag: '"a"' }, /it shrank from 100 to 99 bytes/],
    [
      'is compared by ETag where the size was not kept',
      { etag: '"a"' },
      { bytes: 5, etag: '"b"' },
      /its content changed/,
    ],
    ['is fine by ETag where the size was not kept', { etag: '"a"' }, { bytes: 5, etag: '"a"' }, undefined],
  ];
  for (const [what, dataset, found, words] of rows)
    it(what, () => {
      const refusal = changeOf(job({}, { dataset } as object), found);
      if (words === undefined) expect(refusal).to.equal(undefined);
      else expect(`${refusal?.reason}: ${refusal?.message}`).to.match(words);
    });

  it('is looked at again with one HEAD before a later attempt', async () => {
    const { bucket } = setting();
    const etag = bucket.objects.get(KEY)?.etag;
    const one = job({}, { dataset: { bytes: TABLE.length, etag } });
    expect(await datasetChange(one, { bucket, places })).to.equal(undefined);
    expect(bucket.calls).to.deep.equal([`head ${KEY}`]);
    bucket.set(KEY, TABLE.slice(0, 100));
    expect(await datasetChange(one, { bucket, places })).to.include({ reason: 'DatasetChanged' });
    bucket.objects.delete(KEY);
    expect(await datasetChange(one, { bucket, places })).to.include({ reason: 'DatasetMissing' });
  });

  it('is compared at every admission too', async () => {
    const one = job({}, { dataset: accepted });
    expect(await said(judge(one))).to.match(/^refused DatasetChanged/);
  });

  it('names a missing column and what was probably meant', () => {
    const columns = ['Age', 'sum of all', 'class'];
    expect(columnProblem(job(), { columns })).to.equal(undefined);
    expect(columnProblem(job({ target: 'CLASS' }), { columns })).to.match(
      /no column "CLASS" to predict\. Did you mean "class"\? The table has 3 columns/,
    );
    expect(columnProblem(job({ features: ['Age', 'x'.repeat(90)] }), { columns })).to.match(
      /no column "x{60}…" among the features/,
    );
    expect(columnProblem(job({ split: 'time:when' }), { columns })).to.match(/no column "when" to split by/);
    expect(columnProblem(job({ target: 'z' }), { columns: Array.from({ length: 25 }, (_, at) => `c${at}`) })).to.match(
      /and 5 more/,
    );
  });
});

describe('The worst case of a job', () => {
  const account = { spec: { limits: { trainingUsd: 5 } } } as never;
  it('is never more than the account and the installation allow', () => {
    expect(budgetOf(job(), account, 10)).to.equal(5);
    expect(budgetOf(job({ budget: { maxCostUsd: 2 } }), account, 10)).to.equal(2);
    expect(budgetOf(job({ budget: { maxCostUsd: 50 } }), undefined, 10)).to.equal(10);
  });

  it('is what is left of the budget, or less when activeDeadlineSeconds end it earlier', () => {
    const hour = job({ activeDeadlineSeconds: 3480 });
    expect(worstCase(job(), 5, { price: 0.03 })).to.equal(5);
    expect(worstCase(hour, 5, { price: 0 })).to.equal(5);
    expect(worstCase(hour, 5, { price: 0.03 })).to.be.closeTo(0.09 + VOLUME_PER_HOUR, 1e-6);
    expect(worstCase(hour, 0.05, { price: 0.03 })).to.equal(0.05);
    expect(worstCase(hour, 5, { price: 0.03, onDemand: 0.192 })).to.be.closeTo(0.192 + VOLUME_PER_HOUR, 1e-6);
    const addressed = worstCase(hour, 5, { price: 0.03, addressPerHour: 0.005 });
    expect(addressed).to.be.closeTo(0.095 + VOLUME_PER_HOUR, 1e-6);
  });

  const held = async (spec: object, status?: object) => {
    const verdict = await judge(job({ activeDeadlineSeconds: 3480, ...spec }, status));
    return (verdict as Extract<Verdict, { is: 'admitted' }>).admission.reservedUsd;
  };

  it('counts on-demand where the job may turn to it', async () => {
    expect(await held({})).to.be.closeTo(0.096 + VOLUME_PER_HOUR, 1e-6);
    expect(await held({ placement: 'SpotWithFallback' })).to.be.closeTo(0.192 + VOLUME_PER_HOUR, 1e-6);
    expect(await held({ deadline: '2026-11-25T00:00:00Z' })).to.be.closeTo(0.192 + VOLUME_PER_HOUR, 1e-6);
  });

  it('counts from now on for a resumed job, whose deadline begins again', async () => {
    const spent = { cost: { actualUsd: 1 } };
    expect(await held({}, spent)).to.be.closeTo(0.096 + VOLUME_PER_HOUR, 1e-6);
    expect(await held({ budget: { maxCostUsd: 1.05 } }, spent)).to.be.closeTo(0.05, 1e-6);
  });
});
