// `npm run faults [-- kill|predictions|outages|storm] [--only WORDS] [--jobs N] [--seed N]`: all of the fault suites, of which the tests play a
// sample. Prints a table or a line each; fails when anything was found.
import { parseArgs } from 'node:util';
import { doomed, undoomed } from './kill.ts';
import * as predictions from './predictions.ts';

import { matrixOf } from './matrix.ts';
import { OUTAGES, outageTable, survive, type Survived } from './outages.ts';
import { SCENARIOS } from './scenarios.ts';
import { storm } from './storm.ts';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    only: { type: 'string', default: '' },
    jobs: { type: 'string', default: '200' },
    seed: { type: 'string', default: '1' },
  },
});

const say = (line: string): void => void process.stderr.write(`${line}\n`);
const chosen = <T extends { name: string }>(all: readonly T[]): T[] =>
  all.filter(({ name }) => name.includes(values.only));

const SUITES: Record<string, () => Promise<readonly string[]>> = {
  kill: async () => {
    const began = performance.now();
    const { text, runs, failures } = await matrixOf(chosen(SCENARIOS), { undoomed, doomed }, () => true, say);
    console.log(`${text}\n${runs} runs in ${Math.round((performance.now() - began) / 1000)} s`);
    return failures;
  },
  predictions: async () => {
    const began = performance.now();
    const { text, runs, failures } = await matrixOf(chosen(predictions.PREDICTIONS), predictions, () => true, say);
    console.log(`${text}\n${runs} runs in ${Math.round((performance.now() - began) / 1000)} s`);
    return failures;
  },
  outages: async () => {
    const survived = new Map<string, Survived>();
    for (const outage of chosen(OUTAGES)) {
      survived.set(outage.name, await survive(outage));
      say(outage.name);
    }
    console.log(outageTable(survived));
    return [...survived].flatMap(([name, { violations }]) => violations.map((what) => `${name}: ${what}`));
  },
  storm: async () => {
    const { summary, violations } = await storm({ jobs: Number(values.jobs), seed: Number(values.seed) });
    console.log(summary);
    return violations;
  },
};

const wanted = positionals.length > 0 ? positionals : Object.keys(SUITES);
let found = 0;
for (const name of wanted) {
  const suite = SUITES[name];
  if (!suite) throw new Error(`There is no suite ${name}; there are ${Object.keys(SUITES).join(', ')}.`);
  console.log(`\n${name}`);
  const failures = await suite();
  found += failures.length;
  for (const failure of failures) console.log(`✗ ${failure}`);
}
console.log(`\n${found === 0 ? 'Nothing was found.' : `${found} found.`}`);
process.exit(found === 0 ? 0 : 1);
