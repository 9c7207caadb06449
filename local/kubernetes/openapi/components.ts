// Component schemas of an OpenAPI document: built-in kinds from the field tables that also decode them, custom ones from
// their CRD. openapi.ts puts paths beside them.
import type { ResourceInfo } from '../api.ts';
import { CORE_ROOTS, CORE_TYPES } from '../resources/core-fields.generated.ts';
import { describeModel } from './descriptions.ts';

export type JsonSchema = Record<string, unknown>;

const API_VERSION = {
  description:
    'APIVersion defines the versioned schema of this representation of an object. Servers should convert recognized schemas to the latest internal value, and may reject unrecognized values. More info: https://git.k8s.io/community/contributors/devel/sig-architecture/api-conventions.md#resources',
  type: 'string',
};
const KIND = {
  description:
    'Kind is a string value representing the REST resource this object represents. Servers may infer this from the endpoint the client submits requests to. Cannot be updated. In CamelCase. More info: https://git.k8s.io/community/contributors/devel/sig-architecture/api-conventions.md#types-kinds',
  type: 'string',
};
const OBJECT_META = 'V1ObjectMeta';
const META = 'io.k8s.apimachinery.pkg.apis.meta.v1';

export function ref(name: string): JsonSchema {
  return { $ref: `#/components/schemas/${name}` };
}

/** `io.spotlearn.v1alpha1.TrainingJob`, `io.k8s.api.core.v1.Pod`. */
export function schemaName(resource: ResourceInfo): string {
  if (resource.openAPIV3Schema !== undefined) {
    return [...resource.group.split('.').reverse(), resource.version, resource.kind].join('.');
  }
  return modelName(rootModel(resource) ?? resource.kind);
}

export function groupVersionKind(resource: ResourceInfo, kind = resource.kind): JsonSchema {
  return { group: resource.group, version: resource.version, kind };
}

function rootModel(resource: ResourceInfo): string | undefined {
  const groupVersion = resource.group === '' ? resource.version : `${resource.group}/${resource.version}`;
  return CORE_ROOTS[`${groupVersion}/${resource.kind}`];
}

/** V1PodSpec → io.k8s.api.core.v1.PodSpec; the last part is what kubectl explain shows as a type. */
function modelName(model: string): string {
  const [, area = '', name = model] = /^([A-Z][a-z]+)?V1(\w+)$/.exec(model) ?? [];
  if (META_MODELS.has(model)) return `${META}.${name}`;
  return `io.k8s.api.${area === '' ? 'core' : area.toLowerCase()}.v1.${name}`;
}

const META_MODELS = new Set([
  OBJECT_META,
  'V1OwnerReference',
  'V1ManagedFieldsEntry',
  'V1LabelSelector',
  'V1LabelSelectorRequirement',
]);

/** Schemas of these resources, their lists, and everything they refer to. */
export function components(resources: readonly ResourceInfo[]): Record<string, JsonSchema> {
  const found: Record<string, JsonSchema> = {};
  addModel(OBJECT_META, found);
  for (const resource of resources) {
    const name = schemaName(resource);
    const model = rootModel(resource);
    if (resource.openAPIV3Schema !== undefined) found[name] = customSchema(resource.openAPIV3Schema);
    else if (model !== undefined) addModel(model, found);
    found[name] = {
      ...(found[name] ?? { type: 'object' }),
      'x-kubernetes-group-version-kind': [groupVersionKind(resource)],
    };
    found[`${name}List`] = listSchema(resource, name);
  }
  found[`${META}.Patch`] = {
    description: 'Patch is provided to give a concrete name and type to the Kubernetes PATCH request body.',
    type: 'object',
  };
  found[`${META}.ListMeta`] = {
    type: 'object',
    properties: {
      continue: { type: 'string' },
      remainingItemCount: { type: 'integer', format: 'int64' },
      resourceVersion: { type: 'string' },
      selfLink: { type: 'string' },
    },
  };
  return found;
}

function listSchema(resource: ResourceInfo, name: string): JsonSchema {
  return {
    description: `${resource.listKind} is a list of ${resource.kind}`,
    type: 'object',
    required: ['items'],
    properties: {
      apiVersion: API_VERSION,
      items: { type: 'array', items: ref(name) },
      kind: KIND,
      metadata: { allOf: [ref(`${META}.ListMeta`)] },
    },
    'x-kubernetes-group-version-kind': [groupVersionKind(resource, resource.listKind)],
  };
}

function customSchema(schema: Readonly<Record<string, unknown>>): JsonSchema {
  const metadata = {
    description:
      "Standard object's metadata. More info: https://git.k8s.io/community/contributors/devel/sig-architecture/api-conventions.md#metadata",
    allOf: [ref(modelName(OBJECT_META))],
  };
  const properties = {
    ...(schema['properties'] as JsonSchema | undefined),
    apiVersion: API_VERSION,
    kind: KIND,
    metadata,
  };
  return { ...schema, type: 'object', properties };
}

function addModel(model: string, found: Record<string, JsonSchema>): void {
  const name = modelName(model);
  if (found[name] !== undefined) return;
  const described = describeModel(model);
  const properties: JsonSchema = {};
  found[name] = {
    ...(described.description === undefined ? {} : { description: described.description }),
    type: 'object',
    ...(described.required.length === 0 ? {} : { required: described.required }),
    properties,
  };
  for (const [field, type] of Object.entries(CORE_TYPES[model] ?? {})) {
    const description = described.fields.get(field);
    const schema = typeSchema(type, found);
    // A reference may not have siblings.
    const shown = '$ref' in schema && description !== undefined ? { allOf: [schema] } : schema;
    properties[field] = { ...(description === undefined ? {} : { description }), ...shown };
  }
}

/** client-node's type names, as in its attribute maps. */
function typeSchema(type: string, found: Record<string, JsonSchema>): JsonSchema {
  const element = /^Array<(.*)>$/.exec(type)?.[1];
  if (element !== undefined) return { type: 'array', items: typeSchema(element, found) };
  const mapped = /^\{ \[key: string\]: (.*); \}$/.exec(type)?.[1];
  if (mapped !== undefined) return { type: 'object', additionalProperties: typeSchema(mapped, found) };
  switch (type) {
    case 'string':
    case 'boolean':
      return { type };
    case 'number':
      return { type: 'integer' };
    case 'Date':
    case 'V1MicroTime':
      return { type: 'string', format: 'date-time' };
    case 'IntOrString':
      return { oneOf: [{ type: 'integer' }, { type: 'string' }], format: 'int-or-string' };
    default:
      if (CORE_TYPES[type] === undefined) return { type: 'object', 'x-kubernetes-preserve-unknown-fields': true };
      addModel(type, found);
      return ref(modelName(type));
  }
}
