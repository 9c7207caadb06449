// What a move would do, and why it can't: made from what is at both ends. Pure.
import type { Attempt, PredictionJob, TrainingJob } from '../../crds/crds.generated.ts';
import { contains, isCopyOf, type Movable } from './carried.ts';
import { MOVED, pathOf, type Inventory, type MovedKind } from './inventory.ts';

export interface Item {
  readonly what: MovedKind;
  readonly original: Movable;
}

export interface Plan {
  readonly items: readonly Item[];
  /** One sentence each; with any of them nothing is done. */
  readonly refusals: readonly string[];
}

export function planOf(from: Inventory, to: Inventory): Plan {
  const items: Item[] = [];
  const refusals: string[] = [];
  for (const what of Object.keys(MOVED) as MovedKind[]) {
    const there = new Map(to[what].map((object) => [pathOf(object), object]));
    for (const original of [...from[what]].sort(byAge)) {
      const met = there.get(pathOf(original));
      // The bot there has talked with them since: the newer session stays.
      if (what === 'Chat' && met && !isCopyOf(original, met)) continue;
      // The same account, made by the bot there or an administrator beforehand.
      if (what === 'Account' && met && !isCopyOf(original, met) && contains(met.spec, original.spec)) continue;
      items.push({ what, original });
      const refusal = met && !isCopyOf(original, met) ? taken(what, original) : unfit(what, original);
      if (refusal) refusals.push(refusal);
    }
  }
  return { items, refusals };
}

const nameOf = (what: MovedKind, original: Movable): string => `${MOVED[what].kind} ${pathOf(original)}`;

const taken = (what: MovedKind, original: Movable): string =>
  `${nameOf(what, original)} is at the destination already, and is another one; delete one of the two.`;

function unfit(what: MovedKind, original: Movable): string | undefined {
  if (original.metadata?.deletionTimestamp)
    return `${nameOf(what, original)} is being deleted; let the operator here finish that first.`;
  if (what === 'TrainingJob' && onCluster(original as unknown as TrainingJob))
    return `${nameOf(what, original)} runs in a pod, which cannot come along; suspend it (spec.suspend: true) and wait until it is.`;
  if (what === 'PredictionJob' && inPods(original as unknown as PredictionJob))
    return `${nameOf(what, original)} runs in pods, which cannot come along; wait for its end, or delete it.`;
  return undefined;
}

const isOpen = ({ endedAt }: Attempt): boolean => endedAt === undefined;

const onCluster = ({ status }: TrainingJob): boolean =>
  status?.attempts?.some((attempt) => isOpen(attempt) && attempt.market === 'cluster') ?? false;

const inPods = ({ spec, status }: PredictionJob): boolean =>
  spec.placement === 'Cluster' && ['Running', 'Merging'].includes(status?.phase ?? '');

const byAge = (a: Movable, b: Movable): number =>
  (a.metadata?.creationTimestamp ?? '').localeCompare(b.metadata?.creationTimestamp ?? '') ||
  pathOf(a).localeCompare(pathOf(b));

/** In words, for whoever decides. */
export function told({ items }: Plan): string {
  const counts = (Object.keys(MOVED) as MovedKind[]).map((what) => {
    const count = items.filter((item) => item.what === what).length;
    return `${count} ${MOVED[what].words[count === 1 ? 0 : 1]}`;
  });
  const running = items.filter(({ what, original }) => what === 'TrainingJob' && runs(original)).length;
  const goOn = running === 0 ? '' : ` (${running} of the trainings on an instance, which goes on meanwhile)`;
  return `${counts.slice(0, -1).join(', ')} and ${counts.at(-1)}${goOn}`;
}

const runs = (original: Movable): boolean =>
  (original as unknown as TrainingJob).status?.attempts?.some((one) => isOpen(one) && one.instanceId !== undefined) ??
  false;
