// `npm run bench -- prediction [cold] [rows] [memory] [fanout] [stack]`: the prediction handler against the plan's (pandas,
// scikit-learn, joblib: bench/peers/plan_handler.py) with the same models and file, and against a plain copy of the file.
// Sides alternate within each round; medians. SPOTLEARN_BENCH_PYTHON names a Python with pandas, scikit-learn, xgboost and
// joblib, of the worker's versions; without it the peer is left out, loudly, and the model has made-up weights.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Benchmark, BenchmarkOptions, Measurement } from './measurement.ts';
import { coldStart } from './prediction/cold.ts';
import { writeCredit } from './prediction/credit.ts';
import { fanOut } from './prediction/fanout.ts';
import { memoryCurve } from './prediction/memory.ts';
import { type Artefact, fittedArtefact, madeUpArtefact } from './prediction/model.ts';
import { throughput } from './prediction/rows.ts';
import { wholeJobs } from './prediction/stack.ts';

const SECTIONS = ['rows', 'cold', 'memory', 'fanout', 'stack'] as const;
type Section = (typeof SECTIONS)[number];

const MODELS = ['logistic', 'random_forest', 'xgboost'];
const python = process.env.SPOTLEARN_BENCH_PYTHON;

export const benchmark: Benchmark = {
  description: 'rows a second, memory and cold start of the prediction handler',
  async run(options) {
    const sections = sectionsOf(options.more ?? []);
    if (!python)
      options.say(
        'SKIPPED: the peer. Set SPOTLEARN_BENCH_PYTHON to a Python with pandas, scikit-learn, xgboost, joblib.',
      );
    const folder = await mkdtemp(join(tmpdir(), 'bench-prediction-'));
    try {
      return await measured(sections, folder, options);
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  },
};

function sectionsOf(words: readonly string[]): ReadonlySet<Section> {
  const unknown = words.filter((word) => !SECTIONS.some((section) => section === word));
  if (unknown.length > 0) throw new Error(`there is no section “${unknown[0]}”, only ${SECTIONS.join(', ')}`);
  return new Set(words.length > 0 ? (words as readonly Section[]) : SECTIONS);
}

async function measured(sections: ReadonlySet<Section>, folder: string, options: BenchmarkOptions) {
  const { rows, say } = options;
  const [training, data, quoted] = [join(folder, 'training.csv'), join(folder, 'data.csv'), join(folder, 'quoted.csv')];
  await writeCredit(training, 1000, { target: true, seed: 2 });
  if (sections.has('rows')) {
    say(`writing ${rows.toLocaleString('en-US')} rows`);
    await writeCredit(data, rows);
    await writeCredit(quoted, rows, { quoted: true });
  }
  const found: Measurement[] = [];
  let logistic: Artefact | undefined;
  for (const model of python ? MODELS : ['logistic']) {
    const own = join(folder, model);
    const artefact = await (python ? fittedArtefact(python, model, training, own) : madeUpArtefact(own));
    logistic ??= artefact;
    if (sections.has('rows')) found.push(...(await throughput(model, own, { data, quoted }, python, options)));
    if (sections.has('cold')) found.push(...(await coldStart(model, own, artefact, python, options)));
    if (sections.has('memory')) found.push(...(await memoryCurve(model, own, artefact, options)));
  }
  if (sections.has('fanout') && logistic) found.push(...(await fanOut(logistic, options)));
  if (sections.has('stack') && logistic) found.push(...(await wholeJobs(folder, logistic, options)));
  return found;
}
