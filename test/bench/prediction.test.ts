// The parts of the benchmark of whole PredictionJobs that judge what others did: a fault that they let through would be no fault.
import { expect } from 'chai';
import { listed } from '../../bench/prediction/cores.ts';
import type { JobRun } from '../../bench/prediction/jobs.ts';
import { peakMiB, Peaks } from '../../bench/prediction/peak.ts';
import { rowsAlike } from '../../bench/prediction/side-by-side.ts';
import { figures } from '../../bench/prediction/stack.ts';
import { createdUntil } from '../../bench/stack/cluster.ts';
import type { Api, ApiEvent, Draft, KubeObject } from '../../local/kubernetes/api.ts';

describe('A result beside its table', () => {
  const table = 'a,b\n1,2\n30,40\n5,6\n';
  const result = 'a,b,prediction\n1,2,good\n30,40,bad\n5,6,good\n';

  async function* pieces(text: string, size: number): AsyncGenerator<Buffer> {
    for (let at = 0; at < text.length; at += size) yield Buffer.from(text.slice(at, at + size));
  }
  const alike = (before: string, after: string, size = 1000) =>
    rowsAlike(pieces(before, size), pieces(after, 2 * size), 'prediction', new Set(['good', 'bad']));
  const trouble = (before: string, after: string) =>
    alike(before, after).then(
      (rows) => `${rows} rows`,
      (error: unknown) => (error as Error).message,
    );

  it('is counted, wherever the pieces of either end', async () => {
    for (let size = 1; size <= result.length; size += 1) expect(await alike(table, result, size)).to.equal(3);
  });

  for (const [what, after, message] of [
    ['a row too few', result.replace('5,6,good\n', ''), 'the result ends before row 3'],
    ['a row too many', `${result}5,6,good\n`, 'the table ends before row 4'],
    ['rows in another order', 'a,b,prediction\n30,40,bad\n1,2,good\n5,6,good\n', 'row 1 of the result is'],
    ['a row that was changed', result.replace('30,40', '30,41'), 'row 2 of the result is "30,41,bad"'],
    ['a row without a prediction', result.replace('1,2,good', '1,2'), 'row 1 of the result is "1,2"'],
    ['a prediction that there is not', result.replace('bad', 'ugly'), 'row 2 ends in "ugly"'],
    ['no prediction behind the comma', result.replace('bad', ''), 'row 2 ends in ""'],
    ['another column', result.replace('prediction', 'score'), 'row 0 ends in "score"'],
    ['a torn row', result.slice(0, -3), 'a file ends without a line break'],
  ] as const)
    it(`is refused with ${what}`, async () => {
      expect(await trouble(table, after)).to.include(message);
    });
});

describe('What whole PredictionJobs are measured by', () => {
  const run = (of: Partial<JobRun>): JobRun => ({
    ...{ seconds: 1, operatorMiB: 100, handlerMiB: 90, readBytes: 65_536, invocations: 3, usd: 0.002, rows: 1000 },
    ...of,
  });
  const valueOf = (runs: Parameters<typeof figures>[2], name: string) =>
    figures('x', 1000, runs).find((one) => one.name === name)?.value;

  it('is the most memory of any run, and the median of the times', () => {
    const runs = {
      one: [run({ seconds: 7, handlerMiB: 140 }), run({ seconds: 9, operatorMiB: 120 }), run({ seconds: 8 })],
      two: [run({ seconds: 4 }), run({ seconds: 6 }), run({ seconds: 5, usd: 0.004 })],
    };
    expect(valueOf(runs, 'x: most memory of a handler')).to.equal(140);
    expect(valueOf(runs, 'x: most memory of the operator')).to.equal(120);
    expect(valueOf(runs, 'x')).to.equal(200);
    expect(valueOf(runs, 'x: cost')).to.equal(0.2);
    expect(valueOf(runs, 'x: efficiency on 2 processors')).to.equal(0.8);
  });

  it('leaves efficiency out where workers were not compared', () => {
    const names = figures('x', 1000, { one: [], two: [run({})] }).map(({ name }) => name);
    expect(names.filter((name) => name.includes('efficiency'))).to.deep.equal([]);
  });

  it('knows processors by their list', () => {
    expect(listed('0-2,5,7-8')).to.deep.equal([0, 1, 2, 5, 7, 8]);
    expect(listed('')).to.deep.equal([]);
  });

  it('takes the highest peak of processes, one of which is gone', function () {
    if (process.platform !== 'linux') this.skip();
    const peaks = new Peaks(() => [process.pid, 2 ** 30]);
    expect(peaks.stop()).to.be.within(10, peakMiB());
    expect(new Peaks(() => []).stop()).to.deep.equal(NaN);
  });
});

describe('An object that is waited for', () => {
  const jobs = { group: 'g', plural: 'jobs' };
  const object = (name: string, phase?: string) => ({ metadata: { name }, status: { phase } }) as unknown as KubeObject;
  const done = ({ status }: { status?: { phase?: string } }) => status?.phase === 'Done';
  const wait = (told: readonly [plural: string, object: KubeObject][], timeoutMs: number) => {
    let listening = 0;
    let tell: (event: ApiEvent) => void = () => undefined;
    const api: Pick<Api, 'create' | 'subscribe'> = {
      subscribe: (listener) => {
        listening += 1;
        tell = listener;
        return () => (listening -= 1);
      },
      create: async (_resource, draft: Draft) => {
        for (const [plural, one] of told) tell({ resource: { ...jobs, plural }, object: one } as ApiEvent);
        return draft as KubeObject;
      },
    };
    return createdUntil<{ phase?: string }>(api, jobs, object('a'), done, timeoutMs).finally(() =>
      expect(listening).to.equal(0),
    );
  };

  it('is the one of that name and kind, as soon as it is as wanted', async () => {
    const found = await wait(
      [
        ['jobs', object('b', 'Done')],
        ['others', object('a', 'Done')],
        ['jobs', object('a', 'Running')],
        ['jobs', { ...object('a', 'Done'), right: true }],
      ],
      5000,
    );
    expect(found).to.have.property('right', true);
  });

  it('is given up when the time is up', async () => {
    const failed = await wait([['jobs', object('a', 'Running')]], 1).catch((error: unknown) => error);
    expect(failed).to.be.an('error').with.property('message', 'a took more than 0.001 s');
  });
});
