// /openapi/v3: the index and one document a group version, for `kubectl explain`, and for `kubectl apply`, which looks up in
// the PATCH operation whether the server validates fields. Built when asked for; the last few stay cached.
import { createHash } from 'node:crypto';
import type { OpenApiDocument, OpenApiIndex, ResourceInfo } from './api.ts';
import { components, groupVersionKind, type JsonSchema, ref, schemaName } from './openapi/components.ts';

/** kubectl keeps documents itself (by the hash in their URL), so few are asked for twice. */
const CACHED_DOCUMENTS = 4;

interface Cached {
  readonly resources: readonly ResourceInfo[];
  readonly document: Record<string, unknown>;
}

const cache = new Map<string, Cached>();

export const openApiIndex: OpenApiIndex = (resources) => {
  const paths: Record<string, { serverRelativeURL: string }> = {};
  for (const key of [...new Set(resources.map(groupVersionPath))].sort()) {
    const hash = contentHash(resources.filter((one) => groupVersionPath(one) === key));
    paths[key] = { serverRelativeURL: `/openapi/v3/${key}?hash=${hash}` };
  }
  return { paths };
};

export const openApiDocument: OpenApiDocument = (groupVersion, resources) => {
  const own = resources.filter((one) => groupVersionPath(one) === groupVersion);
  if (own.length === 0) return undefined;
  const cached = cache.get(groupVersion);
  if (cached?.resources.length === own.length && own.every((one, index) => one === cached.resources[index])) {
    return cached.document;
  }
  const paths: Record<string, unknown> = {};
  for (const resource of own) Object.assign(paths, pathsOf(resource));
  const document = {
    openapi: '3.0.0',
    info: { title: 'Kubernetes', version: 'v1.34.4' },
    paths,
    components: { schemas: components(own) },
  };
  cache.delete(groupVersion);
  cache.set(groupVersion, { resources: own, document });
  for (const oldest of [...cache.keys()].slice(0, -CACHED_DOCUMENTS)) cache.delete(oldest);
  return document;
};

function groupVersionPath({ group, version }: ResourceInfo): string {
  return group === '' ? `api/${version}` : `apis/${group}/${version}`;
}

/** Changes whenever a document would. */
function contentHash(resources: readonly ResourceInfo[]): string {
  const hash = createHash('sha256');
  for (const { plural, kind, namespaced, subresources, openAPIV3Schema } of resources) {
    hash.update(JSON.stringify([plural, kind, namespaced, subresources, openAPIV3Schema ?? null]));
  }
  return hash.digest('hex').toUpperCase();
}

const query = (name: string, description: string, type = 'string'): JsonSchema => ({
  name,
  in: 'query',
  description,
  schema: { type, uniqueItems: true },
});
const DRY_RUN = query(
  'dryRun',
  'When present, indicates that modifications should not be persisted. Valid values are: - All',
);
const FIELD_MANAGER = query('fieldManager', 'The name of the actor that is making these changes.');
const FIELD_VALIDATION = query(
  'fieldValidation',
  'What to do about unknown or duplicate fields in a request (POST/PUT/PATCH): Ignore, Warn (the default) or Strict.',
);
const WRITE_PARAMETERS = [DRY_RUN, FIELD_MANAGER, FIELD_VALIDATION];
const LIST_PARAMETERS = [
  query('allowWatchBookmarks', 'Ask for watch events of type BOOKMARK.', 'boolean'),
  query('continue', 'Where the last page ended.'),
  query('fieldSelector', 'Restricts the list by fields.'),
  query('labelSelector', 'Restricts the list by labels.'),
  query('limit', 'The largest number of items to answer with.', 'integer'),
  query('resourceVersion', 'How recent the answer has to be.'),
  query('resourceVersionMatch', 'How resourceVersion applies to lists.'),
  query('sendInitialEvents', 'Begin a watch with what there is.', 'boolean'),
  query('timeoutSeconds', 'How long a watch may last.', 'integer'),
  query('watch', 'Watch for changes.', 'boolean'),
];
const inPath = (name: string, description: string): JsonSchema => ({
  name,
  in: 'path',
  description,
  required: true,
  schema: { type: 'string', uniqueItems: true },
});

function pathsOf(resource: ResourceInfo): Record<string, unknown> {
  const prefix = `/${groupVersionPath(resource)}`;
  const namespace = resource.namespaced
    ? [inPath('namespace', 'object name and auth scope, such as for teams and projects')]
    : [];
  const name = inPath('name', `name of the ${resource.kind}`);
  const collection = resource.namespaced
    ? `${prefix}/namespaces/{namespace}/${resource.plural}`
    : `${prefix}/${resource.plural}`;
  const object = schemaName(resource);
  const paths: Record<string, unknown> = {
    [collection]: {
      get: operation(resource, 'list', `${object}List`, LIST_PARAMETERS),
      post: operation(resource, 'post', object, WRITE_PARAMETERS, json(object)),
      delete: operation(resource, 'deletecollection', undefined, [DRY_RUN, ...LIST_PARAMETERS]),
      parameters: namespace,
    },
    [`${collection}/{name}`]: {
      ...single(resource, object),
      delete: operation(resource, 'delete', undefined, [DRY_RUN]),
      parameters: [name, ...namespace],
    },
  };
  if (resource.namespaced) {
    paths[`${prefix}/${resource.plural}`] = { get: operation(resource, 'list', `${object}List`, LIST_PARAMETERS) };
  }
  if (resource.subresources.status) {
    paths[`${collection}/{name}/status`] = { ...single(resource, object), parameters: [name, ...namespace] };
  }
  return paths;
}

function single(resource: ResourceInfo, object: string): Record<string, unknown> {
  const patch = { schema: ref('io.k8s.apimachinery.pkg.apis.meta.v1.Patch') };
  const types: Record<string, unknown> = {
    'application/json-patch+json': patch,
    'application/merge-patch+json': patch,
  };
  if (resource.openAPIV3Schema === undefined) types['application/strategic-merge-patch+json'] = patch;
  return {
    get: operation(resource, 'get', object, []),
    put: operation(resource, 'put', object, WRITE_PARAMETERS, json(object)),
    patch: operation(
      resource,
      'patch',
      object,
      [...WRITE_PARAMETERS, query('force', 'Only for apply patches.', 'boolean')],
      {
        content: types,
        required: true,
      },
    ),
  };
}

function json(schema: string): JsonSchema {
  return { content: { 'application/json': { schema: ref(schema) } }, required: true };
}

function operation(
  resource: ResourceInfo,
  action: string,
  answer: string | undefined,
  parameters: readonly JsonSchema[],
  requestBody?: JsonSchema,
): JsonSchema {
  const content = answer === undefined ? {} : { content: { 'application/json': { schema: ref(answer) } } };
  return {
    description: `${action} ${resource.kind}`,
    parameters,
    ...(requestBody === undefined ? {} : { requestBody }),
    responses: { '200': { description: 'OK', ...content }, '401': { description: 'Unauthorized' } },
    'x-kubernetes-action': action,
    'x-kubernetes-group-version-kind': groupVersionKind(resource),
  };
}
