// Every key of a stack's configuration: kind, default, meaning. One table makes the type, the validation (all keys at once) and
// docs/configuration.md. What operator and bot read as environment is checked here with the very same patterns and bounds.
import { readField, type Reading } from '../cloud/configuration/configuration.ts';
import { FIELDS } from '../cloud/configuration/fields.ts';
import { KEYS, type Key, type KeyName } from './keys.ts';

type Value<K extends Key> = K['kind'] extends 'integer' | 'usd' | 'percent'
  ? number
  : K['kind'] extends 'boolean'
    ? boolean
    : K['kind'] extends 'list'
      ? readonly string[]
      : K['choices'] extends readonly (infer C)[]
        ? C
        : string;

type Optional<K extends Key> = K extends { optional: true } ? (K['kind'] extends 'list' ? false : true) : false;

/** A stack's configuration, typed. A list is empty when absent; the Telegram token is handled as a secret apart from it. */
export type Settings = {
  readonly [N in Exclude<KeyName, 'telegramToken'>]: Optional<(typeof KEYS)[N]> extends true
    ? Value<(typeof KEYS)[N]> | undefined
    : Value<(typeof KEYS)[N]>;
} & { readonly region: string };

/** Wrong configuration: one line for every wrong, unknown or missing key. */
export class SettingsError extends Error {
  readonly problems: readonly string[];

  constructor(problems: readonly string[]) {
    const count = problems.length === 1 ? 'One key' : `${problems.length} keys`;
    super(
      `${count} of the stack's configuration must be changed:\n  ${problems.join('\n  ')}\nPulumi.dev.yaml describes every key.`,
    );
    this.problems = problems;
  }
}

const OURS = 'spotlearn:';
const REGION = 'aws:region';

/**
 * Reads what `pulumi config` holds: full keys (`spotlearn:cluster`, `aws:region`) to texts; lists as JSON or comma-separated. Keys of other
 * providers are theirs to judge. Throws SettingsError, never with a secret's value in it.
 */
export function readSettings(all: Readonly<Record<string, string>>, stack: string): Settings {
  const problems: string[] = [];
  const values: Record<string, unknown> = { region: all[REGION] };
  const region = all[REGION];
  if (region === undefined || region === '')
    problems.push(
      `${REGION} is missing: the AWS region of everything. Set it: pulumi config set ${REGION} eu-central-1`,
    );
  else {
    const read = readField(FIELDS.region, region);
    if ('problem' in read) problems.push(`${REGION} ${read.problem}`);
  }
  for (const [name, key] of Object.entries(KEYS) as [KeyName, Key][]) {
    const text = all[OURS + name]?.trim() || key.default?.replace('<stack>', stack);
    if (text === undefined) {
      values[name] = key.kind === 'list' ? [] : undefined;
      if (!key.optional) problems.push(`${OURS}${name} is missing: ${key.about} Set it: ${setting(name, key)}`);
      continue;
    }
    const read = readField(reading(key), key.kind === 'list' ? listed(text) : text);
    if ('problem' in read) problems.push(`${OURS}${name} ${read.problem}`);
    else values[name] = read.value;
  }
  const known = new Set(Object.keys(KEYS));
  for (const full of Object.keys(all).filter((one) => one.startsWith(OURS)))
    if (!known.has(full.slice(OURS.length)))
      problems.push(`${full} is no key of ours. Remove it: pulumi config rm ${full}`);
  if (problems.length === 0) problems.push(...contradictions(values as unknown as Settings, all));
  if (problems.length > 0) throw new SettingsError(problems);
  // A secret is no setting: index.ts takes it as one.
  delete values['telegramToken'];
  return values as unknown as Settings;
}

const setting = (name: string, key: Key): string =>
  `pulumi config set ${key.kind === 'secret' ? '--secret ' : ''}${OURS}${name} ${key.kind === 'secret' ? '(its value is asked for)' : key.example}`;

function reading(key: Key): Reading {
  if (!key.choices) return key;
  const last = key.choices.at(-1) ?? '';
  return {
    kind: 'text',
    pattern: new RegExp(`^(${key.choices.join('|')})$`),
    allowed: `${key.choices.slice(0, -1).join(', ')} or ${last}`,
  };
}

/** `["a","b"]`, as `pulumi config set --path` writes it, is `a,b`. */
function listed(text: string): string {
  if (!text.startsWith('[')) return text;
  try {
    const items: unknown = JSON.parse(text);
    return Array.isArray(items) ? items.join(',') : text;
  } catch {
    return text;
  }
}

/** What only several keys together show. */
function contradictions(settings: Settings, all: Readonly<Record<string, string>>): string[] {
  const said = (name: KeyName) => all[OURS + name] !== undefined;
  const problems: string[] = [];
  const refuse = (wrong: boolean, sentence: string) => void (wrong && problems.push(sentence));
  const { cluster } = settings;
  refuse(
    cluster !== 'none' && !said('telegramToken'),
    `${OURS}telegramToken is missing: ${KEYS.telegramToken.about} Set it: ${setting('telegramToken', KEYS.telegramToken)}`,
  );
  refuse(
    cluster === 'existing' && settings.clusterName === undefined,
    `${OURS}clusterName is missing: cluster is existing, so say which. Set it: ${setting('clusterName', KEYS.clusterName)}`,
  );
  refuse(
    cluster !== 'existing' && settings.clusterName !== undefined,
    `${OURS}clusterName is "${settings.clusterName}", but cluster is ${cluster}; allowed: only with cluster existing`,
  );
  refuse(
    (settings.vpcId === undefined) !== (settings.subnetIds.length === 0),
    `${OURS}vpcId and ${OURS}subnetIds belong together; allowed: both (an existing network) or neither (a new one)`,
  );
  refuse(
    cluster === 'new' && settings.subnetIds.length === 1,
    `${OURS}subnetIds has one subnet; allowed: subnets in at least two zones, which EKS asks for`,
  );
  refuse(
    settings.vpcId !== undefined && settings.natGateway,
    `${OURS}natGateway is true, but ${OURS}vpcId names an existing network; allowed: a gateway only in a new network`,
  );
  refuse(
    settings.modelColdDays >= settings.modelDays,
    `${OURS}modelColdDays is ${settings.modelColdDays}; allowed: fewer days than modelDays (${settings.modelDays})`,
  );
  refuse(
    settings.accountPolicy === 'allowlist' && settings.allowedUsers.length === 0,
    `${OURS}allowedUsers is missing: accountPolicy is allowlist, so nobody could open an account. Set it: ${setting('allowedUsers', KEYS.allowedUsers)}`,
  );
  refuse(
    settings.accountPolicy === 'approval' && settings.adminUsers.length === 0,
    `${OURS}adminUsers is missing: accountPolicy is approval, so nobody could let anybody in. Set it: ${setting('adminUsers', KEYS.adminUsers)}`,
  );
  const keyRegion = settings.kmsKeyArn?.split(':')[3];
  refuse(
    keyRegion !== undefined && keyRegion !== settings.region,
    `${OURS}kmsKeyArn is in ${keyRegion}; allowed: a key in ${settings.region}, where the bucket is`,
  );
  refuse(
    settings.awsBudgetUsd > 0 && settings.alarmEmails.length === 0 && said('awsBudgetUsd'),
    `${OURS}alarmEmails is missing: awsBudgetUsd is ${settings.awsBudgetUsd}, but nobody would be told. Set it: ${setting('alarmEmails', KEYS.alarmEmails)}`,
  );
  return problems;
}
