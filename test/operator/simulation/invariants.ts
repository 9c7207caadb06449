// What must hold after any story, however it went: nothing runs, every second paid for is in the ledger once, a job has one model and
// it is the one an uninterrupted training makes, and the status tells what really happened to the machines. Returns sentences.
import type { LedgerEntry } from '../../../cloud/ledger/entries.ts';
import type { Attempt } from '../../../crds/crds.generated.ts';
import { condition } from '../../../crds/conditions.ts';
import { PRICES, volumeCost } from '../../../cloud/prices.ts';
import { lastState } from './computation.ts';
import type { Machine } from './compute.ts';
import type { Simulation, Story } from './simulation.ts';
import type { Deed } from './worker.ts';

export interface Expected {
  /** How the job named so must have ended; Succeeded when not given. `gone`: deleted. */
  readonly phases?: Readonly<Record<string, string>>;
  /** Machines that no job may be asked to pay for (launched while their job was being deleted). */
  readonly unowned?: boolean;
  /** Machines may have ended themselves, for no ticket could be put. */
  readonly ticketless?: boolean;
  /** Seconds a bill may be off per machine: it ends when the operator learns of the end. */
  readonly billOffSeconds?: number;
}

export interface Figures {
  readonly jobs: number;
  readonly machines: number;
  readonly interruptions: number;
  readonly attempts: number;
  /** Seconds of finished steps that were done again, per interruption. */
  readonly lostMax: number;
  readonly lostMean: number;
  readonly ledgerUsd: number;
  readonly trueUsd: number;
}

const VOLUME_GB = 50;
const BILL_OFF_SECONDS = 90;
const INTERRUPTIONS: ReadonlySet<string> = new Set([
  'Interrupted',
  'InstanceLost',
  'HeartbeatLost',
  'Rebalanced',
  'Impaired',
]);
const FALSE_UNLESS_INJURED: ReadonlySet<string> = new Set([...INTERRUPTIONS, 'BootTimeout', 'PlatformError']);

export function violations(sim: Simulation, expected: Expected = {}): string[] {
  const stories = [...sim.stories.values()];
  return [
    ...stories.flatMap((story) => ending(story, expected)),
    ...running(sim),
    ...launches(sim),
    ...bills(sim, expected),
    ...stories.flatMap((story) => model(sim, story, expected)),
    ...stories.flatMap((story) => told(sim, story, expected)),
    ...stories.flatMap((story) => lost(sim, story)),
    ...[...new Set(sim.api.complaints)].slice(0, 5).map((complaint) => `a real API server would object: ${complaint}`),
  ];
}

export function figuresOf(sim: Simulation): Figures {
  const stories = [...sim.stories.values()];
  const losses = stories.flatMap((story) => redone(sim, story));
  const machines = [...sim.compute.truth.values()];
  return {
    jobs: stories.length,
    machines: machines.length,
    interruptions: [...sim.fleet.injured.values()].filter(({ kind }) => kind === 'interruption').length,
    attempts: stories.reduce((sum, { attempts }) => sum + attempts.size, 0),
    lostMax: Math.max(0, ...losses),
    lostMean: losses.length === 0 ? 0 : losses.reduce((sum, one) => sum + one, 0) / losses.length,
    ledgerUsd: entries(sim).reduce((sum, { usd }) => sum + usd, 0),
    trueUsd: machines.reduce((sum, machine) => sum + trueUsd(sim, machine), 0),
  };
}

const nameOf = ({ job }: Story): string => job.metadata?.name ?? '';
const uidOf = ({ job }: Story): string => job.metadata?.uid ?? '';
const phaseOf = (story: Story): string => (story.gone ? 'gone' : (story.job.status?.phase ?? 'new'));
const wanted = (story: Story, { phases }: Expected): string => phases?.[nameOf(story)] ?? 'Succeeded';

function ending(story: Story, expected: Expected): string[] {
  const phase = phaseOf(story);
  const found =
    phase === wanted(story, expected)
      ? []
      : [`${nameOf(story)} is ${phase} instead of ${wanted(story, expected)}: ${story.job.status?.message}`];
  const { status } = story.job;
  if (phase === 'Succeeded' && condition(status?.conditions, 'Complete')?.status !== 'True')
    found.push(`${nameOf(story)} is Succeeded and not Complete`);
  if (phase === 'Failed' && condition(status?.conditions, 'Failed')?.status !== 'True')
    found.push(`${nameOf(story)} has no condition Failed`);
  return found;
}

const running = (sim: Simulation): string[] =>
  sim.compute.running().map(({ id, tags }) => `${id} still runs (${JSON.stringify(tags)})`);

/** One machine an attempt, and none without. */
function launches(sim: Simulation): string[] {
  const served = new Map<string, string>();
  const found: string[] = [];
  for (const { uid, attempt, machine } of sim.fleet.deeds) {
    const other = served.get(`${uid} ${attempt}`);
    if (other !== undefined && other !== machine)
      found.push(`attempt ${attempt} of ${uid} ran on ${other} and ${machine}`);
    served.set(`${uid} ${attempt}`, machine);
  }
  const claimed = new Map<string, string>();
  for (const story of sim.stories.values())
    for (const { number, instanceId } of story.attempts.values()) {
      if (!instanceId) continue;
      const other = claimed.get(instanceId);
      if (other !== undefined) found.push(`${instanceId} is of ${other} and of ${nameOf(story)} attempt ${number}`);
      claimed.set(instanceId, `${nameOf(story)} attempt ${number}`);
    }
  return found;
}

const entries = (sim: Simulation): LedgerEntry[] =>
  sim.bucket.keys('ledger/').map((key) => sim.bucket.json<LedgerEntry>(key) as LedgerEntry);

/** Each machine was paid for once, by the job whose attempt it served. */
function bills(sim: Simulation, { unowned, billOffSeconds = BILL_OFF_SECONDS }: Expected): string[] {
  const found: string[] = [];
  const ledger = new Map(entries(sim).map((entry) => [`${entry.job.uid} ${entry.attempt}`, entry]));
  const owners = ownersOf(sim);
  for (const machine of sim.compute.truth.values()) {
    const owner = owners.get(machine.id);
    const entry = owner && ledger.get(owner);
    if (!owner || !entry) {
      if (!unowned) found.push(`${machine.id} (${owner ?? 'no owner'}) was paid for and is not in the ledger`);
      continue;
    }
    ledger.delete(owner);
    const seconds = billed(sim, machine);
    if (Math.abs(entry.seconds - seconds) > billOffSeconds)
      found.push(`${machine.id} ran ${Math.round(seconds)} s and the ledger says ${entry.seconds} s (${owner})`);
  }
  for (const [owner, { usd }] of ledger)
    if (usd > 0) found.push(`the ledger has ${usd} USD for ${owner}, which had no machine`);
  return found;
}

/** `<uid> <attempt>` by machine, from tickets taken and from what statuses say. */
function ownersOf(sim: Simulation): Map<string, string> {
  const owners = new Map<string, string>();
  for (const story of sim.stories.values())
    for (const { number, instanceId } of story.attempts.values())
      if (instanceId) owners.set(instanceId, `${uidOf(story)} ${number}`);
  for (const { uid, attempt, machine } of sim.fleet.deeds) owners.set(machine, `${uid} ${attempt}`);
  return owners;
}

const billed = (sim: Simulation, { launchedAt, endedAt = sim.clock.now() }: Machine): number =>
  Math.max(60, (endedAt - launchedAt) / 1000);

/** Price as the job's status has it; what is checked here are seconds, not markets. */
function trueUsd(sim: Simulation, machine: Machine): number {
  const seconds = billed(sim, machine);
  for (const { attempts } of sim.stories.values())
    for (const { instanceId, pricePerHour = 0 } of attempts.values())
      if (instanceId === machine.id)
        return (pricePerHour * seconds) / 3600 + volumeCost(PRICES.ebs.gp3, VOLUME_GB, seconds);
  return 0;
}

function model(sim: Simulation, story: Story, expected: Expected): string[] {
  const { metadata, spec, status } = story.job;
  const user = (metadata?.namespace ?? '').replace('ml-user-', '');
  const id = spec.model.id ?? `${metadata?.name}-${uidOf(story).slice(0, 8)}`;
  const folder = `models/user_${user}/${id}/`;
  const there = sim.bucket.objects.get(`${folder}model.onnx`);
  const complete = sim.bucket.objects.has(`${folder}manifest.json`);
  if (wanted(story, expected) !== 'Succeeded') return [];
  if (!there || !complete) return [`${nameOf(story)} has no model`];
  const made = new TextDecoder().decode(there.body);
  const right = lastState(status?.dataset?.etag ?? '', spec.seed ?? 0, stepsOf(story));
  return made === right ? [] : [`the model of ${nameOf(story)} is not that of an uninterrupted training`];
}

const stepsOf = ({ job }: Story): number => Number(job.spec.model.hyperparameters?.n_estimators ?? 10);

/** The status against the truth about the machines. */
function told(sim: Simulation, story: Story, { ticketless = false }: Expected): string[] {
  const found: string[] = [];
  const name = nameOf(story);
  const { counts = {}, attemptCount = 0 } = story.job.status ?? {};
  const attempts = [...story.attempts.values()];
  for (const attempt of attempts) {
    const { number, instanceId = '', endReason = '', endedAt } = attempt;
    const injury = sim.fleet.injured.get(instanceId);
    const deed = sim.fleet.deeds.find((one) => one.machine === instanceId);
    // Without an instance: taken off the list, as no capacity was found.
    if (endedAt === undefined && instanceId !== '' && phaseOf(story) !== 'gone')
      found.push(`${name} ended, its attempt ${number} did not`);
    const unserved = ticketless && !deed && sim.compute.truth.get(instanceId)?.endedBy === 'itself';
    if (FALSE_UNLESS_INJURED.has(endReason) && !injury && !excused(deed) && !unserved)
      found.push(`${name}: attempt ${number} ended as ${endReason}, and nothing had happened to ${instanceId}`);
    if (deed?.exitCode === 0 && endReason !== 'Succeeded' && phaseOf(story) === 'Succeeded' && !injury)
      found.push(`${name}: attempt ${number} succeeded and was told as ${endReason}`);
  }
  if (attempts.length > 0 && attemptCount !== Math.max(...attempts.map(({ number }) => number)))
    found.push(`${name} counts ${attemptCount} attempts and has written ${attempts.length}`);
  const interruptions = attempts.filter(({ endReason = '' }) => INTERRUPTIONS.has(endReason)).length;
  if ((counts.interruptions ?? 0) !== interruptions)
    found.push(`${name} counts ${counts.interruptions ?? 0} interruptions, its attempts say ${interruptions}`);
  const hurt = attempts.filter((attempt) => wasCutShort(sim, attempt)).length;
  if (phaseOf(story) === 'Succeeded' && hurt > interruptions)
    found.push(`${name} was interrupted ${hurt} times and tells of ${interruptions}`);
  return found;
}

/** The worker itself said so. */
const excused = (deed: Deed | undefined): boolean => deed?.exitCode === 30 || (deed?.exitCode ?? 0) >= 20;

/** EC2 took the machine while its worker still had work. */
function wasCutShort(sim: Simulation, { instanceId = '', endReason }: Attempt): boolean {
  const machine = sim.compute.truth.get(instanceId);
  const deed = sim.fleet.deeds.find((one) => one.machine === instanceId);
  // Stopped by its user while EC2 took it: either may come first.
  if (!sim.fleet.injured.has(instanceId) || endReason === 'Stopped') return false;
  if (deed?.exitCode === 30) return true;
  return deed?.exitCode === undefined && (machine?.endedBy === 'spot' || machine?.endedBy === 'fault');
}

/** Seconds of finished steps that each later attempt had to do again. */
function redone(sim: Simulation, story: Story): number[] {
  const deeds = sim.fleet.deeds.filter(({ uid }) => uid === uidOf(story)).sort((a, b) => a.attempt - b.attempt);
  return deeds.slice(1).map(({ resumedFrom, stepMs }, at) => {
    const reached = deeds[at]?.step ?? 0;
    return (Math.max(0, reached - resumedFrom) * stepMs) / 1000;
  });
}

function lost(sim: Simulation, story: Story): string[] {
  const { checkpointSeconds } = sim.configuration();
  const stepSeconds = Number(story.job.spec.model.hyperparameters?.max_depth ?? 3);
  return redone(sim, story)
    .filter((seconds) => seconds > Math.max(checkpointSeconds, stepSeconds))
    .map((seconds) => `${nameOf(story)} lost ${seconds} s of work at once, more than a checkpoint interval`);
}
