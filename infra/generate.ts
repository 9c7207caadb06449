// Writes Pulumi.dev.yaml (a stack's configuration with every key explained, none of them a secret) docs/configuration.md from the table
// of keys, and docs/costs.md. Part of `npm run generate`.
import { writeFileSync } from 'node:fs';
import { dailyCost, INFRASTRUCTURE_PRICES, standingCosts, totalOf } from './costs.ts';
import { KEYS, type Key } from './keys.ts';

const WIDTH = 118;

/** What may stand there, in words. */
export function allowed(key: Key): string {
  if (key.choices) return key.choices.join(', ');
  if (key.kind === 'boolean') return 'true, false';
  if (key.min !== undefined)
    return `${key.kind === 'integer' ? 'whole numbers' : 'numbers'} from ${key.min} to ${key.max}`;
  return key.allowed ?? 'text';
}

function wrapped(text: string, prefix: string): string {
  const lines: string[] = [];
  let line = prefix;
  for (const word of text.split(' ')) {
    if (line !== prefix && line.length + word.length + 1 > WIDTH) {
      lines.push(line);
      line = prefix;
    }
    line += ` ${word}`;
  }
  return [...lines, line].join('\n');
}

function yamlValue(key: Key): string {
  const text = (key.default ?? key.example).replace('<stack>', 'dev');
  return /^(true|false|[0-9.]+)$/.test(text) ? `'${text}'` : text;
}

export function stackFile(): string {
  const entries = (Object.entries(KEYS) as [string, Key][]).map(([name, key]) => {
    const about = wrapped(`${key.about} Allowed: ${allowed(key)}.`, '  #');
    if (key.kind === 'secret') return `${about}\n  # Never in clear here: pulumi config set --secret spotlearn:${name}`;
    return `${about}\n  #spotlearn:${name}: ${yamlValue(key)}`;
  });
  return `# The configuration of the stack "dev". Every key of the installation stands here with its default or an example behind a #; set one by
# pulumi config set spotlearn:<key> <value>, or take its # away. Made from infra/keys.ts by \`npm run generate\`; copy it to
# Pulumi.<stack>.yaml for a stack of your own.
config:
  # AWS region of everything.
  aws:region: eu-central-1

${entries.join('\n\n')}
`;
}

export function page(): string {
  const cell = (text: string) => text.replaceAll('|', '\\|');
  const rows = (Object.entries(KEYS) as [string, Key][]).map(([name, key]) =>
    [
      `\`${name}\``,
      key.about,
      allowed(key),
      key.default !== undefined ? `\`${key.default}\`` : key.optional ? '' : 'required',
    ]
      .map(cell)
      .join(' | '),
  );
  return `# Configuration of a stack

Set a key by \`pulumi config set spotlearn:<key> <value>\`; the region by \`pulumi config set aws:region <region>\`. All keys are checked before
anything is made, and all that is wrong is said at once. Keys that are not in this table are refused. Made from \`infra/keys.ts\`.

| key | what it means | allowed | default |
|---|---|---|---|
${rows.map((row) => `| ${row} |`).join('\n')}
`;
}

const usd = (value: number): string => value.toFixed(2);

export function costsPage(): string {
  const ways: [title: string, asked: Parameters<typeof standingCosts>[0]][] = [
    ['A new cluster (the default)', defaults({})],
    ['The same behind a NAT gateway (`natGateway: true`)', defaults({ natGateway: true })],
    ['An existing cluster (`cluster: existing`)', defaults({ cluster: 'existing' })],
    ['Without a cluster (`cluster: none`)', defaults({ cluster: 'none' })],
  ];
  const table = ([title, asked]: (typeof ways)[number]) => {
    const lines = standingCosts(asked);
    const rows = lines.map(({ what, why, usdPerMonth }) => `| ${what} | ${usd(usdPerMonth)} | ${why} |`);
    return `## ${title}

| what | USD a month | |
|---|---|---|
${rows.join('\n')}
| **together** | **${usd(totalOf(lines))}** | ${usd(dailyCost(asked))} a day |
`;
  };
  return `# What an installation costs while nobody uses it

AWS's list prices of us-east-1, ${INFRASTRUCTURE_PRICES.date} (\`infra/costs.ts\`, \`cloud/prices.ts\`); other regions are up to a fifth dearer. They are entered by hand, not read from
AWS: hold them to your first bill. Instances, invocations, requests, storage and logs come on top as they are used, and each job says what it cost. Made by
\`npm run generate\`.

${ways.map(table).join('\n')}
`
    .trimEnd()
    .concat('\n');
}

function defaults(given: Partial<Parameters<typeof standingCosts>[0]>): Parameters<typeof standingCosts>[0] {
  return {
    cluster: 'new',
    nodeTypes: KEYS.nodeTypes.default.split(','),
    natGateway: false,
    vpcId: undefined,
    ...given,
  };
}

if (import.meta.main) {
  const root = new URL('../', import.meta.url);
  writeFileSync(new URL('Pulumi.dev.yaml', root), stackFile());
  writeFileSync(new URL('docs/configuration.md', root), page());
  writeFileSync(new URL('docs/costs.md', root), costsPage());
}
