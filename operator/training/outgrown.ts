// A training that ran out of memory: how much it had, whether another attempt may have more, and what to say. Pure. need.ts doubles
// what was too little; confirm.ts ends a job that may not grow, and decide.ts one for which nothing larger can be had.
import { instanceType } from '../../cloud/prices.ts';
import type { Attempt, TrainingJobSpec, TrainingJobStatus } from '../../crds/crds.generated.ts';

export const GROWTH = 2;

const tooSmall = (status: TrainingJobStatus | undefined): readonly Attempt[] =>
  status?.attempts?.filter(({ endReason }) => endReason === 'OutOfMemory') ?? [];

const memoryOf = ({ instanceType: name = '' }: Attempt): number | undefined => instanceType(name)?.memoryGiB;

/** GiB of the largest instance that was too small; undefined: none was. */
export function outgrownGiB(status: TrainingJobStatus | undefined): number | undefined {
  const sizes = tooSmall(status).flatMap((attempt) => memoryOf(attempt) ?? []);
  return sizes.length === 0 ? undefined : Math.max(...sizes);
}

/** What a pod's memory is multiplied by: it has no instance type of its own. */
export const growthOf = (status: TrainingJobStatus | undefined): number => GROWTH ** tooSmall(status).length;

/** Where the user says how much memory it is, the same would end in the same way. */
export const mayGrow = ({ resources }: Pick<TrainingJobSpec, 'resources'>): boolean =>
  resources?.memoryGiB === undefined && resources?.instanceTypes === undefined;

/** ` It had 8 GiB (m5.large).`; nothing where that is not known. */
export function whatItHad(attempt: Attempt): string {
  const size = memoryOf(attempt);
  return size === undefined ? '' : ` It had ${size} GiB (${attempt.instanceType}).`;
}

/** What to do where no other attempt is made. */
export function adviceFor({ resources }: Pick<TrainingJobSpec, 'resources'>, attempt: Attempt): string {
  const had = memoryOf(attempt) ?? resources?.memoryGiB;
  const size = had === undefined ? 'more' : `at least ${GROWTH * had}`;
  const otherwise = resources?.instanceTypes
    ? ` in place of spec.resources.instanceTypes (${resources.instanceTypes.slice(0, 3).join(', ')})`
    : '';
  return ` Create the job again with spec.resources.memoryGiB of ${size}${otherwise}, or with fewer columns or a smaller model.`;
}
