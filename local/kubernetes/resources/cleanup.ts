// The end of a CustomResourceDefinition: its objects are deleted first (their finalizers are waited for), then its own
// finalizer is taken off, as the API server's finalizing controller does. server.ts runs it with the in-process Api.
import type { Logger } from 'pino';
import type { Api, KubeObject } from '../api.ts';
import { ApiError } from '../errors.ts';
import { definitionSpec } from './definitions.ts';

export const CLEANUP_FINALIZER = 'customresourcecleanup.apiextensions.k8s.io';
const DEFINITIONS = { group: 'apiextensions.k8s.io', plural: 'customresourcedefinitions' };

/** Looks at every definition now and after each event; returns how to stop. */
export function cleanUpDefinitions(api: Api, logger: Logger): () => void {
  const look = (crd: KubeObject) => {
    if (crd.metadata.deletionTimestamp === undefined || !crd.metadata.finalizers?.includes(CLEANUP_FINALIZER)) return;
    void cleanUp(api, crd).catch((error: unknown) => {
      if (error instanceof ApiError && (error.code === 404 || error.code === 409)) return;
      logger.warn({ definition: crd.metadata.name, error: String(error) }, 'definition not cleaned up');
    });
  };
  for (const crd of api.list(DEFINITIONS)) look(crd);
  return api.subscribe(({ type, resource, object }) => {
    if (resource.plural === DEFINITIONS.plural && resource.group === DEFINITIONS.group) {
      if (type !== 'DELETED') look(object);
    } else if (type === 'DELETED') {
      const crd = api.get(DEFINITIONS, undefined, `${resource.plural}.${resource.group}`);
      if (crd !== undefined) look(crd);
    }
  });
}

async function cleanUp(api: Api, crd: KubeObject): Promise<void> {
  const { group, names } = definitionSpec(crd);
  const resource = { group, plural: names.plural };
  const unmarked = api.list(resource).filter((object) => object.metadata.deletionTimestamp === undefined);
  await Promise.all(
    unmarked.map(({ metadata }) => api.delete(resource, metadata.namespace, metadata.name).catch(ignoreGone)),
  );
  if (api.list(resource).length > 0) return;
  const now = api.get(DEFINITIONS, undefined, crd.metadata.name);
  if (now === undefined) return;
  const finalizers = (now.metadata.finalizers ?? []).filter((one) => one !== CLEANUP_FINALIZER);
  await api.update(DEFINITIONS, { ...now, metadata: { ...now.metadata, finalizers } });
}

function ignoreGone(error: unknown): void {
  if (!(error instanceof ApiError && error.code === 404)) throw error;
}
