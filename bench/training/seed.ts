// Many jobs that run already, as a new leader finds them: copies of one job that really came to run, each with an instance, a ticket and
// a heartbeat of its own. The operator must be down meanwhile.
import { readJson } from '../../cloud/bucket.ts';
import type { Ticket } from '../../cloud/contract/contract.generated.ts';
import { instanceFolder, TICKET } from '../../cloud/keys.ts';
import { TAG } from '../../cloud/tags.ts';
import type { TrainingJob } from '../../crds/crds.generated.ts';
import { FINALIZER } from '../../crds/objects.ts';
import { ROLE_ID } from '../stack/cloud.ts';
import { until } from './clock.ts';
import { JOBS, type Stack } from './stack.ts';
import { inParallel, ticketFor, Workers } from './workers.ts';

const FLEET = 500;
const RUNS_MS = 60_000;

/** Creates a job and brings it to Running. Needs an operator. */
export async function runOne(stack: Stack, job: TrainingJob): Promise<TrainingJob> {
  const made = await stack.create(job);
  const { namespace, name = '' } = made.metadata ?? {};
  const read = () => stack.server.api.get(JOBS, namespace, name) as unknown as TrainingJob;
  const workers = new Workers(stack.bucket, ROLE_ID);
  const runs = await until(
    async () => {
      await workers.look();
      return read().status?.phase === 'Running';
    },
    RUNS_MS,
    100,
  );
  if (!runs) throw new Error(`the job is ${read().status?.phase} (${read().status?.message}) instead of Running`);
  return read();
}

/** Adds the jobs `seed-<first>` to `seed-<end - 1>`, like `example`; returns the ids of their instances. */
export async function seedRunning(
  stack: Stack,
  workers: Workers,
  example: TrainingJob,
  first: number,
  end: number,
): Promise<string[]> {
  const place = instanceFolder(ROLE_ID, instanceOf(example));
  const ticket = await readJson<Ticket>(stack.bucket, place + TICKET);
  if (!ticket) throw new Error('the example job has no ticket');
  stack.ec2.admin.limits(false);
  const ids: string[] = [];
  for (let at = first; at < end; at += FLEET) ids.push(...(await launch(stack, Math.min(FLEET, end - at), at)));
  await inParallel([...ids.entries()], ([at, id]) => copy(stack, workers, example, ticket, id, first + at));
  stack.ec2.admin.limits(true);
  return ids;
}

async function launch({ compute, made }: Stack, count: number, at: number): Promise<string[]> {
  const { instances } = await compute.createFleet({
    launchTemplateId: made.launchTemplateId,
    market: 'spot',
    count,
    offers: [{ instanceType: 'm5.large', zone: 'eu-central-1a', subnetId: made.subnetIds[0] ?? '' }],
    token: `seed-${at}`,
    tags: { [TAG.installation]: 'spotlearn' },
  });
  return instances.map(({ id }) => id);
}

async function copy(
  stack: Stack,
  workers: Workers,
  example: TrainingJob,
  ticket: Ticket,
  instanceId: string,
  at: number,
): Promise<void> {
  const { api } = stack.server;
  const { metadata = {}, spec } = stack.job('seed-', at);
  const batch = `seed-batch-${at}`;
  const made = await api.create(JOBS, { metadata: { ...metadata, finalizers: [FINALIZER] }, spec });
  const { uid, namespace = '', name } = made.metadata;
  await stack.compute.tag([instanceId], {
    [TAG.jobUid]: uid,
    [TAG.job]: `${namespace}/${name}`,
    [TAG.batch]: batch,
    [TAG.model]: 'random_forest',
  });
  const old = example.status?.attempts?.at(-1);
  const status = JSON.stringify(example.status)
    .replaceAll(instanceOf(example), instanceId)
    .replaceAll(old?.batch || instanceId, batch);
  await api.updateStatus(JOBS, { ...made, status: JSON.parse(status) as object });
  const folder = instanceFolder(ROLE_ID, instanceId);
  await stack.bucket.put(folder + TICKET, JSON.stringify(ticketFor(ticket, uid, namespace, name)));
  await workers.beat(instanceId);
}

export function instanceOf({ status }: TrainingJob): string {
  const id = status?.attempts?.at(-1)?.instanceId;
  if (id === undefined) throw new Error('the example job has no instance');
  return id;
}
