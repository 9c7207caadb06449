// Why no instance can be asked for, in words: what is wrong, what there is instead, what to do. Pure; selection.ts calls it, the
// condition of the job shows it.
import { PRICES, type InstanceType } from '../../cloud/prices.ts';
import type { TrainingJobSpec } from '../../crds/crds.generated.ts';
import { gib, type Need } from './need.ts';
import type { Pool, SelectionInput } from './selection.ts';

const MOST_NEAR = 3;
const NEAR_EDITS = 2;

export interface Cap {
  /** USD per hour. */
  readonly usd: number;
  /** Who set it. */
  readonly by: 'job' | 'installation';
}

export function unknownTypes(unknown: readonly string[], catalogue: readonly InstanceType[]): string {
  const near = unknown.flatMap((name) => nearNames(name, catalogue));
  const instead = near.length > 0 ? ` Near names: ${[...new Set(near)].join(', ')}.` : '';
  return `There is no instance type ${unknown.join(', ')} in the catalogue of this installation (${catalogue.length} types, ${PRICES.date}).${instead} Change spec.resources.instanceTypes, or leave it out and say vcpu and memoryGiB.`;
}

export function noImage(types: readonly InstanceType[]): string {
  const names = types.map(({ name }) => name).join(', ');
  return `${names} ${types.length === 1 ? 'is an arm64 type' : 'are arm64 types'}, and this installation has no image for arm64 (SPOTLEARN_IMAGE_ARM64_ID). Name an x86_64 type, such as ${types[0]?.gpu ? 'g4dn.xlarge' : 'm5.large'}.`;
}

export function noSubnet(subnets: SelectionInput['subnets']): string {
  const there = [...new Set(subnets.map(({ zone }) => zone))].join(', ');
  return `None of the zones asked for has a subnet of this installation, which has them in ${there}. Change spec.resources.zones, or leave it out.`;
}

/** EC2 has the types, but in none of these zones. */
export function notOffered(
  { subnets, offered, spec }: SelectionInput,
  types: readonly InstanceType[],
  zones: SelectionInput['subnets'],
): string {
  const asked = [...new Set(zones.map(({ zone }) => zone))];
  const elsewhere = [...new Set(subnets.map(({ zone }) => zone))].filter((zone) =>
    types.some(({ name }) => offered?.(name, zone)),
  );
  const what = spec.resources?.instanceTypes ? types.map(({ name }) => name).join(' or ') : 'a type that fits';
  const instead =
    elsewhere.length > 0
      ? `${elsewhere.join(', ')} ${elsewhere.length === 1 ? 'has' : 'have'} it: change spec.resources.zones, or leave it out.`
      : 'No zone of this installation has it: choose another type.';
  return `EC2 does not offer ${what} in ${asked.join(', ')}. ${instead}`;
}

export function tooDear(cheapest: Pool, { usd, by }: Cap): string {
  const [cap, change] =
    by === 'job'
      ? [`maxPricePerHour ${usd} USD`, 'Raise spec.resources.maxPricePerHour or leave it out']
      : [
          `this installation’s cap on Spot prices, ${usd} USD`,
          'The administrator can raise SPOTLEARN_SPOT_MAX_PRICE_USD',
        ];
  return `Every fitting instance costs more than ${cap}; the cheapest is ${cheapest.type.name} in ${cheapest.zone} at ${cheapest.price} USD per hour. ${change}.`;
}

export function tooMuch(
  words: string,
  need: Need,
  usable: readonly InstanceType[],
  { resources }: Pick<TrainingJobSpec, 'resources'>,
): string {
  const kind = usable.filter(({ gpu }) => (need.gpu > 0 ? gpu > 0 : gpu === 0));
  const size = ({ vcpu, memoryGiB }: InstanceType) => vcpu / 1000 + memoryGiB / 1e6;
  const most = (of: (type: InstanceType) => number) =>
    kind.reduce((best, type) => (of(type) + size(type) > of(best) + size(best) ? type : best));
  const sizes = [
    (type: InstanceType) => type.vcpu,
    (type: InstanceType) => type.memoryGiB,
    (type: InstanceType) => type.gpu,
  ];
  const largest = kind.length > 0 ? [...new Set(sizes.map(most))] : [];
  const wished = resources?.memoryGiB ?? resources?.vcpu ?? resources?.gpu;
  const advice =
    wished === undefined
      ? 'Use fewer rows or columns.'
      : 'Ask for less in spec.resources, or leave it out: the need is then taken from the data.';
  return `No instance type has ${words}. The largest: ${largest.map(described).join(', ') || 'none of this kind'}. ${advice}`;
}

const described = ({ name, vcpu, memoryGiB, gpu }: InstanceType): string =>
  `${name} with ${vcpu} vCPU, ${gib(memoryGiB)} GiB${gpu > 0 ? ` and ${gpu} GPU` : ''}`;

/** Names that differ by a letter or two, else other sizes of the same family. */
function nearNames(name: string, catalogue: readonly InstanceType[]): string[] {
  const close = catalogue
    .map((type) => ({ name: type.name, edits: editsBetween(name, type.name) }))
    .filter(({ edits }) => edits <= NEAR_EDITS)
    .sort((a, b) => a.edits - b.edits);
  const family = name.slice(0, name.indexOf('.') + 1);
  const found = close.length > 0 ? close : catalogue.filter((type) => type.name.startsWith(family));
  return found.slice(0, MOST_NEAR).map((one) => one.name);
}

/** Levenshtein's distance. */
function editsBetween(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, at) => at);
  for (const [i, letter] of [...a].entries()) {
    const next = [i + 1];
    for (const [j, other] of [...b].entries())
      next.push(Math.min((row[j] ?? 0) + (letter === other ? 0 : 1), (row[j + 1] ?? 0) + 1, (next[j] ?? 0) + 1));
    row = next;
  }
  return row[b.length] ?? 0;
}
