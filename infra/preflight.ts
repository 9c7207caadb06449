// What a region and an account must have before anything is made: zones enough, the instance types, the bucket's name. Pure: index.ts
// asks AWS, this judges the answers, in one message.
import { SettingsError, type Settings } from './configuration.ts';

export interface Answers {
  /** Zones of the region that the account may use, by name. */
  readonly zones: readonly string[];
  /** Types, of those asked for, that the region offers. */
  readonly offered: readonly string[];
  /** Whose the bucket's name is. */
  readonly bucket: 'ours' | 'free' | 'taken';
}

/** AWS names processors after the generation: t4g, m7gd, c7gn; a1 was the first. */
const GRAVITON = /^(a1|[a-z]+[0-9]+g[a-z]*)\./;

/** Types the installation needs in its region. */
export const typesNeeded = (settings: Settings): string[] => [
  ...new Set([settings.defaultInstanceType, ...(settings.cluster === 'new' ? settings.nodeTypes : [])]),
];

export interface Chosen {
  readonly zones: readonly string[];
  /** Of the nodes. */
  readonly architecture: 'arm64' | 'x86_64';
}

/** Throws SettingsError with one sentence for each thing that is in the way. */
export function choose(settings: Settings, bucket: string, answers: Answers): Chosen {
  const problems: string[] = [];
  const { region } = settings;
  const types = typesNeeded(settings);
  if (settings.vpcId === undefined && answers.zones.length < 2)
    problems.push(
      `aws:region is ${region}, where the account may use ${answers.zones.length === 1 ? 'one zone' : 'no zone'}; allowed: a region with at least two zones`,
    );
  for (const type of types.filter((one) => !answers.offered.includes(one)))
    problems.push(
      `spotlearn:${type === settings.defaultInstanceType ? 'defaultInstanceType' : 'nodeTypes'} names ${type}, which ${region} does not offer; allowed: types that the region has`,
    );
  if (answers.bucket === 'taken')
    problems.push(
      `spotlearn:bucket: the name ${bucket} belongs to another account; allowed: a name that nobody has yet. Set it: pulumi config set spotlearn:bucket <name>`,
    );
  const kinds = new Set(settings.nodeTypes.map((type) => (GRAVITON.test(type) ? 'arm64' : 'x86_64')));
  if (settings.cluster === 'new' && kinds.size > 1)
    problems.push(
      `spotlearn:nodeTypes is "${settings.nodeTypes.join(',')}", of two architectures; allowed: types of one, since the nodes share an image`,
    );
  if (problems.length > 0) throw new SettingsError(problems);
  return { zones: answers.zones.slice(0, settings.zones), architecture: kinds.has('arm64') ? 'arm64' : 'x86_64' };
}
