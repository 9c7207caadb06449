// Who gets which instance of a batch. Pure, and the same in whichever process it runs: an instance that holds a ticket belongs to the job
// the ticket names, the others go to members without one, both in the order of their ids.
import type { LaunchedInstance } from '../../cloud/compute.ts';
import type { BatchMember } from './batch-record.ts';

export interface Allocation {
  readonly given: readonly (readonly [member: BatchMember, instance: LaunchedInstance])[];
  /** Instances that no member takes. */
  readonly free: readonly LaunchedInstance[];
  /** Members that get none. */
  readonly needy: readonly BatchMember[];
}

/** `tickets`: uid of the job that the ticket on an instance names, by instance id. */
export function allocate(
  instances: readonly LaunchedInstance[],
  members: readonly BatchMember[],
  tickets: ReadonlyMap<string, string>,
): Allocation {
  const byUid = new Map(members.map((member) => [member.uid, member]));
  const given: [BatchMember, LaunchedInstance][] = [];
  const open: LaunchedInstance[] = [];
  const ended: LaunchedInstance[] = [];
  for (const instance of [...instances].sort((a, b) => (a.id < b.id ? -1 : 1))) {
    const uid = tickets.get(instance.id);
    const owner = uid === undefined ? undefined : byUid.get(uid);
    if (uid === undefined) open.push(instance);
    else if (owner) given.push([owner, instance]);
    // A ticket that names somebody else: the instance can serve nobody here.
    else ended.push(instance);
    if (owner) byUid.delete(owner.uid);
  }
  const waiting = [...byUid.values()].sort((a, b) => (a.uid < b.uid ? -1 : 1));
  const served = waiting.slice(0, open.length);
  served.forEach((member, at) => given.push([member, open[at] as LaunchedInstance]));
  return { given, free: [...open.slice(served.length), ...ended], needy: waiting.slice(served.length) };
}
