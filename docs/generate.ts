// Writes docs/reasons.md from the table of reasons and the diagram of docs/life-of-a-job.md from the operator's state machine, so that
// neither can be out of date. Run by `npm run generate`.
import { readFile, writeFile } from 'node:fs/promises';
import * as reasons from '../crds/reasons.ts';
import { transitions } from './transitions.ts';

const lines = ['# Reasons of conditions and events', '', 'Made from `crds/reasons.ts` by `npm run generate`.', ''];
for (const [name, table] of Object.entries(reasons)) {
  lines.push(`## ${name}`, '', '| reason | means | what to do |', '|---|---|---|');
  for (const [reason, { means, todo }] of Object.entries(table)) lines.push(`| ${reason} | ${means} | ${todo} |`);
  lines.push('');
}
await writeFile(new URL('reasons.md', import.meta.url), lines.join('\n'));

const page = new URL('life-of-a-job.md', import.meta.url);
const BEGIN = '<!-- made by npm run generate: do not edit -->';
const END = '<!-- end -->';
const arrows = transitions().map(({ from, to }) => `  ${from === 'new' ? '[*]' : from} --> ${to}`);
const diagram = ['```mermaid', 'stateDiagram-v2', ...arrows, '  Succeeded --> [*]', '  Failed --> [*]', '```'];
const text = await readFile(page, 'utf8');
const [before = '', rest = ''] = text.split(BEGIN);
const after = rest.split(END)[1] ?? '';
await writeFile(page, [before, BEGIN, '\n', diagram.join('\n'), '\n', END, after].join(''));
