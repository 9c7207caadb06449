// Objects as the controllers handle them: by a key of resource, namespace and name, and with writes that a change in
// between or a deletion does not turn into failures.
import type { Api, Draft, KubeObject, ResourceInfo, ResourceRef } from '../api.ts';

/** `group/plural/namespace/name`; no part holds a slash. */
export function objectKey(resource: ResourceRef, object: KubeObject): string {
  return [resource.group, resource.plural, object.metadata.namespace ?? '', object.metadata.name].join('/');
}

export function parseKey(key: string): { resource: ResourceRef; namespace: string | undefined; name: string } {
  const [group = '', plural = '', namespace = '', name = ''] = key.split('/');
  return { resource: { group, plural }, namespace: namespace === '' ? undefined : namespace, name };
}

export function isCode(error: unknown, code: number): boolean {
  return typeof error === 'object' && error !== null && 'code' in error && error.code === code;
}

/** Undefined when it was gone already. */
export async function unlessGone<T>(write: Promise<T>): Promise<T | undefined> {
  try {
    return await write;
  } catch (error) {
    if (isCode(error, 404)) return undefined;
    throw error;
  }
}

/** One of each resource, in whatever version: what is stored is the same. */
export function storedResources(api: Api): ResourceInfo[] {
  const seen = new Map<string, ResourceInfo>();
  for (const resource of api.resources()) {
    if (resource.group === 'events.k8s.io') continue;
    const key = `${resource.group}/${resource.plural}`;
    if (!seen.has(key)) seen.set(key, resource);
  }
  return [...seen.values()];
}

/** The same object with other finalizers, as a draft that keeps the optimistic lock. */
export function withFinalizers(object: KubeObject, finalizers: readonly string[]): Draft {
  const { finalizers: _old, ...metadata } = object.metadata;
  return { ...object, metadata: finalizers.length === 0 ? metadata : { ...metadata, finalizers: [...finalizers] } };
}

/** Seconds, as metav1.Time is written. */
export function timestamp(ms: number): string {
  return new Date(ms).toISOString().replace(/\.\d+Z$/, 'Z');
}
