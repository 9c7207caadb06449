// Carries accounts, jobs and chats from one Kubernetes API to another: still both ends (fence.ts), copy, compare, and only then let the
// destination act. A running training loses nothing: its instance goes by the job's identity, which the copy keeps, and goes on meanwhile. Each step
// looks at what is there first, so that a move that was killed anywhere goes on when it is run again; until the copies count it can be taken back.
import { type Clock, sleep, systemClock } from '../../cloud/clock.ts';
import { INSTALLATION_LABEL, MOVED_TO } from '../../crds/objects.ts';
import { failed, type Kubernetes, type Resource } from '../../operator/runtime/kubernetes.ts';
import { NAMESPACES } from '../../operator/runtime/resources.ts';
import { StartFailure } from '../stack/failure.ts';
import { contains, copyOf, differences, isCopyOf, statusOf, type Movable } from './carried.ts';
import { giveBack, heldIn, holderOf, markMoved, pause, resume, take } from './fence.ts';
import {
  CONFIG_MAPS,
  inventoryOf,
  MOVED,
  namespaceIn,
  OUR_NAMESPACE,
  pathOf,
  type Inventory,
  type MovedKind,
} from './inventory.ts';
import { planOf, told, type Item, type Plan } from './plan.ts';

export interface MoveFacts {
  readonly from: Kubernetes;
  readonly to: Kubernetes;
  /** A sentence about what is going on. */
  readonly tell: (sentence: string) => void;
  /** Called before the first change. */
  readonly begun?: () => void;
  readonly clock?: Clock;
}

const DEFINITIONS: Resource = {
  group: 'apiextensions.k8s.io',
  version: 'v1',
  plural: 'customresourcedefinitions',
  namespaced: false,
};

/** Both ends by the uid of their `spotlearn-system`. */
interface Ends {
  readonly from: string;
  readonly to: string;
  readonly holder: string;
}

/** Says what would be done; throws StartFailure when it can't. Changes nothing. */
export async function rehearse({ from, to, tell }: MoveFacts): Promise<void> {
  const ends = await endsOf(from, to);
  const { holder, movedAt } = await heldIn(from);
  if (movedAt !== undefined && holder === ends.holder) return tell(`All of it was moved at ${movedAt}.`);
  const plan = await checked(from, to);
  tell(`To be carried over: ${told(plan)}.`);
}

/** Throws StartFailure when it can't be done, saying what was. */
export async function move(facts: MoveFacts): Promise<void> {
  const { from, to, tell, clock = systemClock() } = facts;
  const ends = await endsOf(from, to);
  const { holder, movedAt } = await heldIn(from);
  if (movedAt === undefined || holder !== ends.holder) {
    await checked(from, to);
    facts.begun?.();
    const quietAt = Math.max(await take(from, ends.holder, clock), await take(to, ends.holder, clock));
    await pause(from, ['bot', 'operator'], clock);
    await pause(to, ['bot'], clock);
    tell('Both ends are still: no operator acts.');
    await sleep(clock, quietAt - clock.now());
    const plan = await checked(
      from,
      to,
      'Both ends stay still: put it right and run this again, or take it back with --undo.',
    );
    for (const item of plan.items) await carry(to, item);
    const uneven = compare(plan, await inventoryOf(to));
    if (uneven.length > 0)
      throw new StartFailure(
        `The destination did not take everything as it is:\n  ${uneven.join('\n  ')}\nIs the same version installed there? Then run this again, or take it back with --undo.`,
      );
    await markMoved(from, clock);
    tell(`Carried over: ${told(plan)}.`);
  }
  await finish(facts, ends);
}

/** Removes the copies and lets both ends act again. Throws StartFailure once the copies count. */
export async function undo({ from, to, tell }: MoveFacts): Promise<void> {
  const ends = await endsOf(from, to);
  const { holder, movedAt } = await heldIn(from);
  if (movedAt !== undefined && holder === ends.holder)
    throw new StartFailure(`The move ended at ${movedAt}; it can no longer be taken back.`);
  const [original, there] = [await inventoryOf(from), await inventoryOf(to)];
  if ((await heldIn(to)).holder === ends.holder) {
    // Jobs before accounts: a namespace goes with its account.
    for (const what of (Object.keys(MOVED) as MovedKind[]).reverse()) {
      const copies = new Map(there[what].map((object) => [pathOf(object), object]));
      for (const one of original[what]) {
        const copy = copies.get(pathOf(one));
        if (copy && isCopyOf(one, copy)) await remove(to, what, copy);
      }
    }
  }
  await resume(to, ['bot']);
  await giveBack(to, ends.holder);
  await resume(from, ['bot', 'operator']);
  await giveBack(from, ends.holder);
  tell('Everything is as it was before the move.');
}

async function endsOf(from: Kubernetes, to: Kubernetes): Promise<Ends> {
  const uid = async (kubernetes: Kubernetes, where: string) => {
    const found = (await namespaceIn(kubernetes, OUR_NAMESPACE))?.metadata?.uid;
    if (found === undefined)
      throw new StartFailure(`Spotlearn is not installed ${where}: there is no namespace ${OUR_NAMESPACE}.`);
    return found;
  };
  const ends = { from: await uid(from, 'where things come from'), to: await uid(to, 'at the destination') };
  if (ends.from === ends.to) throw new StartFailure('Source and destination are the same Kubernetes API.');
  return { ...ends, holder: holderOf(ends.from, ends.to) };
}

/** The plan, when nothing speaks against it. */
async function checked(from: Kubernetes, to: Kubernetes, otherwise = 'Nothing was done.'): Promise<Plan> {
  const here = await inventoryOf(from);
  let there: Inventory;
  try {
    there = await inventoryOf(to);
  } catch (error) {
    if (!failed(error, 'NotFound')) throw error;
    throw new StartFailure('The destination has no definitions of accounts and jobs; install Spotlearn there first.');
  }
  const plan = planOf(here, there);
  const refusals = [...(await strange(from, to, here)), ...plan.refusals];
  if (refusals.length > 0) throw new StartFailure(`This cannot be moved:\n  ${refusals.join('\n  ')}\n${otherwise}`);
  return plan;
}

/** Another version of the definitions, or another installation, whose operator would know nothing of this one's instances. */
async function strange(from: Kubernetes, to: Kubernetes, here: Inventory): Promise<string[]> {
  const problems: string[] = [];
  for (const plural of [MOVED.TrainingJob, MOVED.PredictionJob].map(({ resource }) => resource.plural)) {
    const definition = await to.get<object>(DEFINITIONS, `${plural}.spotlearn.io`);
    if (!JSON.stringify(definition).includes('"origin"'))
      problems.push(`The definition of ${plural} at the destination is of an earlier version; run pulumi up there.`);
  }
  const settings = (await maybe<Movable>(() => to.get(CONFIG_MAPS, 'spotlearn-operator', OUR_NAMESPACE)))?.data;
  const theirs = settings?.['SPOTLEARN_INSTALLATION'];
  const namespaces = new Set(here.TrainingJob.flatMap(({ metadata }) => metadata?.namespace ?? []));
  for (const name of theirs === undefined ? [] : namespaces) {
    const ours = (await namespaceIn(from, name))?.metadata?.labels?.[INSTALLATION_LABEL];
    if (ours !== undefined && ours !== theirs)
      problems.push(
        `${name} belongs to the installation ${ours}, and the operator at the destination works for ${theirs}.`,
      );
  }
  return problems;
}

/** Creates what is missing of a copy. */
async function carry(to: Kubernetes, { what, original }: Item): Promise<void> {
  const { resource, kind } = MOVED[what];
  const { name = '', namespace } = original.metadata ?? {};
  if (namespace !== undefined) await room(to, namespace);
  const there =
    (await maybe<Movable>(() => to.get(resource, name, namespace))) ??
    (await to.create(resource, copyOf(original, MOVED[what]), namespace));
  const status = statusOf(original, kind, there.metadata?.generation);
  if (status !== undefined && !contains(there.status ?? {}, status))
    await to.mergePatch(resource, name, { status }, { namespace, subresource: 'status' });
}

/** The account's reconciler takes the namespace over and adds to it what belongs there. */
async function room(to: Kubernetes, name: string): Promise<void> {
  if (await namespaceIn(to, name)) return;
  await to.create(NAMESPACES, { apiVersion: 'v1', kind: 'Namespace', metadata: { name } });
}

function compare({ items }: Plan, there: Inventory): string[] {
  return items.flatMap(({ what, original }) => {
    const copy = there[what].find((one) => pathOf(one) === pathOf(original));
    const parts = copy ? differences(original, copy, MOVED[what].kind) : ['all of it'];
    return parts.length > 0 ? [`${MOVED[what].kind} ${pathOf(original)}: ${parts.join(', ')}`] : [];
  });
}

/** Originals no longer hold anything; then the destination acts. */
async function finish({ from, to, tell }: MoveFacts, ends: Ends): Promise<void> {
  const here = await inventoryOf(from);
  for (const what of ['Account', 'TrainingJob', 'PredictionJob'] as const)
    for (const original of here[what]) {
      const { name = '', namespace, finalizers, annotations } = original.metadata ?? {};
      if (finalizers === undefined && annotations?.[MOVED_TO] === ends.to) continue;
      const metadata = { finalizers: null, annotations: { [MOVED_TO]: ends.to } };
      await from.mergePatch(MOVED[what].resource, name, { metadata }, { namespace });
    }
  await giveBack(to, ends.holder);
  await resume(to, ['bot']);
  tell('The destination acts.');
}

async function remove(to: Kubernetes, what: MovedKind, { metadata }: Movable): Promise<void> {
  const { name = '', namespace, finalizers } = metadata ?? {};
  const { resource } = MOVED[what];
  if (finalizers) await to.mergePatch(resource, name, { metadata: { finalizers: null } }, { namespace });
  await maybe(() => to.delete(resource, name, { namespace }));
}

/** Undefined for what is not there. */
async function maybe<T>(ask: () => Promise<T>): Promise<T | undefined> {
  try {
    return await ask();
  } catch (error) {
    if (failed(error, 'NotFound')) return undefined;
    throw error;
  }
}
