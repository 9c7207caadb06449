// The embedded Kubernetes API of a measurement, with our definitions; the quota controller of a cluster is stood in for.
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { pino } from 'pino';
import { parseAllDocuments } from 'yaml';
import type { Clock } from '../../cloud/clock.ts';
import { GROUP, KINDS } from '../../crds/objects.ts';
import type { Api, Draft, KubeObject, ResourceRef } from '../../local/kubernetes/api.ts';
import { type Kubernetes, startKubernetes } from '../../local/kubernetes/server.ts';

export const ACCOUNTS: ResourceRef = { group: GROUP, plural: KINDS.Account.plural };

const CRDS = join(import.meta.dirname, '../../crds');

/** `stateDir` is filled. */
export async function startCluster(stateDir: string, clock?: Clock): Promise<Kubernetes> {
  const server = await startKubernetes({
    stateDir,
    logger: pino({ level: 'silent' }),
    ...(clock ? { clock } : {}),
    controllers: false,
  });
  await defineResources(server.api);
  countQuotas(server.api);
  return server;
}

async function defineResources(api: Api): Promise<void> {
  for (const file of (await readdir(CRDS)).filter((name) => name.endsWith('.yaml')))
    for (const document of parseAllDocuments(await readFile(join(CRDS, file), 'utf8'))) {
      const object = document.toJS() as Draft | null;
      if (object?.kind === 'CustomResourceDefinition')
        await api.create({ group: 'apiextensions.k8s.io', plural: 'customresourcedefinitions' }, object);
    }
}

/** A new quota is counted at once, with nothing used. */
function countQuotas(api: Api): void {
  const quotas: ResourceRef = { group: '', plural: 'resourcequotas' };
  api.subscribe(({ type, resource, object }) => {
    if (type !== 'ADDED' || resource.plural !== quotas.plural) return;
    const hard = object.spec?.['hard'] as Record<string, string>;
    const used = Object.fromEntries(Object.keys(hard).map((name) => [name, '0']));
    void api.updateStatus(quotas, { ...object, status: { hard, used } });
  });
}

interface WithStatus<Status> {
  readonly metadata: KubeObject['metadata'];
  readonly status?: Status;
}

/** Creates an object and resolves with it as soon as it is as `wanted`; rejects when the time is up. */
export async function createdUntil<Status>(
  api: Pick<Api, 'create' | 'subscribe'>,
  resource: ResourceRef,
  draft: Draft,
  wanted: (object: WithStatus<Status>) => boolean,
  timeoutMs: number,
): Promise<WithStatus<Status>> {
  const name = draft.metadata?.name;
  const { promise, resolve, reject } = Promise.withResolvers<WithStatus<Status>>();
  const late = setTimeout(() => reject(new Error(`${name} took more than ${timeoutMs / 1000} s`)), timeoutMs);
  const stop = api.subscribe((event) => {
    const { group, plural } = event.resource;
    const object = event.object as KubeObject & WithStatus<Status>;
    const ours = group === resource.group && plural === resource.plural && object.metadata.name === name;
    if (ours && wanted(object)) resolve(object);
  });
  try {
    await Promise.race([api.create(resource, draft), promise]);
    return await promise;
  } finally {
    clearTimeout(late);
    stop();
  }
}
