// Writes docs/reasons.md from the table of reasons, the diagram of docs/life-of-a-job.md from the operator's state machine, and the tables
// of docs/models.md from the worker's registry of families, so that none can be out of date. Run by `npm run generate`.
import { readFile, writeFile } from 'node:fs/promises';
import { defaultInWords, FAMILIES, type Family } from '../cloud/families.ts';
import * as reasons from '../crds/reasons.ts';
import { transitions } from './transitions.ts';

const BEGIN = '<!-- made by npm run generate: do not edit -->';
const END = '<!-- end -->';

const lines = ['# Reasons of conditions and events', '', 'Made from `crds/reasons.ts` by `npm run generate`.', ''];
for (const [name, table] of Object.entries(reasons)) {
  lines.push(`## ${name}`, '', '| reason | means | what to do |', '|---|---|---|');
  for (const [reason, { means, todo }] of Object.entries(table)) lines.push(`| ${reason} | ${means} | ${todo} |`);
  lines.push('');
}
await writeFile(new URL('reasons.md', import.meta.url), lines.join('\n'));

const arrows = transitions().map(({ from, to }) => `  ${from === 'new' ? '[*]' : from} --> ${to}`);
const diagram = ['```mermaid', 'stateDiagram-v2', ...arrows, '  Succeeded --> [*]', '  Failed --> [*]', '```'];
await fill('life-of-a-job.md', diagram);

const models = await fill('models.md', exactnessTable(), hyperparameterTable());
for (const { name } of FAMILIES)
  if (!models.includes(`\n| \`${name}\` | `)) throw new Error(`docs/models.md does not say what ${name} is good for`);

/** Replaces what stands between the n-th pair of marks by the n-th of `parts`. Resolves with the whole page. */
async function fill(file: string, ...parts: readonly (readonly string[])[]): Promise<string> {
  const page = new URL(file, import.meta.url);
  const [first = '', ...rest] = (await readFile(page, 'utf8')).split(BEGIN);
  if (rest.length !== parts.length) throw new Error(`docs/${file} has ${rest.length} places to fill`);
  const filled = rest.map((text, at) => `${BEGIN}\n${parts[at]?.join('\n')}\n${END}${text.split(END)[1] ?? ''}`);
  const whole = first + filled.join('');
  await writeFile(page, whole);
  return whole;
}

function exactnessTable(): string[] {
  const rows = FAMILIES.map((family) => {
    const { name, steps, tolerance, inexact } = family;
    return `| ${name} | ${tasksOf(family)} | ${steps === 1 ? 'one: it cannot be cut' : steps} | ${tolerance.toExponential()} | ${inexact === '' ? '' : 'says why it may differ'} |`;
  });
  return ['| family | for | steps of a fit | tolerance | in the manifest |', '|---|---|---|---|---|', ...rows];
}

function tasksOf({ tasks }: Family): string {
  const words = { regression: 'numbers', classification: 'classes' };
  return tasks.map((task) => words[task]).join(', ');
}

function hyperparameterTable(): string[] {
  const rows = FAMILIES.flatMap(({ name, hyperparameters }) =>
    hyperparameters.map(
      (one, at) => `| ${at === 0 ? name : ''} | ${one.name} | ${defaultInWords(one)} | ${one.allowed} |`,
    ),
  );
  return ['| family | hyperparameter | default | may be |', '|---|---|---|---|', ...rows];
}
