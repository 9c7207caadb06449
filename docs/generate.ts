// Writes docs/reasons.md from the table of reasons, so that none can be undocumented. Run by `npm run generate`.
import { writeFile } from 'node:fs/promises';
import * as reasons from '../crds/reasons.ts';

const lines = ['# Reasons of conditions and events', '', 'Made from `crds/reasons.ts` by `npm run generate`.', ''];
for (const [name, table] of Object.entries(reasons)) {
  lines.push(`## ${name}`, '', '| reason | means | what to do |', '|---|---|---|');
  for (const [reason, { means, todo }] of Object.entries(table)) lines.push(`| ${reason} | ${means} | ${todo} |`);
  lines.push('');
}
await writeFile(new URL('reasons.md', import.meta.url), lines.join('\n'));
