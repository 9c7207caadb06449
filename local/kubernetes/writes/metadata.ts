// What a write may say about metadata, and what the server keeps of it: names, namespaces, preconditions, the fields that
// stay for ever. Pure; writer.ts calls it.
import { randomBytes, randomUUID } from 'node:crypto';
import type { Cause, DeleteOptions, Draft, KubeObject, ObjectMeta, ResourceInfo } from '../api.ts';
import { badRequest, conflict, fieldError } from '../errors.ts';
import { metadataProblems, type NameRule } from '../resources/names.ts';

export function checkNamespace(
  resource: ResourceInfo,
  namespace: string | undefined,
  metadata: Partial<ObjectMeta>,
): void {
  if (!resource.namespaced) {
    delete metadata.namespace;
    return;
  }
  if (metadata.namespace && metadata.namespace !== namespace) {
    throw badRequest('the namespace of the provided object does not match the namespace sent on the request');
  }
  metadata.namespace = namespace;
}

export function checkName(object: Draft, name: string): void {
  const own = object.metadata?.name;
  if (own === undefined || own === '') object.metadata = { ...object.metadata, name };
  else if (own !== name) {
    throw badRequest(`the name of the object (${own}) does not match the name on the URL (${name})`);
  }
}

/** Unlike everywhere else the API server names the kind here, not the resource. */
export function checkPreconditions(resource: ResourceInfo, old: KubeObject, { preconditions }: DeleteOptions): void {
  const { name, uid, resourceVersion } = old.metadata;
  const named = { group: resource.group, plural: resource.kind };
  if (preconditions?.uid !== undefined && preconditions.uid !== uid) {
    const why = `the UID in the precondition (${preconditions.uid}) does not match the UID in record (${uid}). The object might have been deleted and then recreated`;
    throw conflict(named, name, why);
  }
  if (preconditions?.resourceVersion !== undefined && preconditions.resourceVersion !== resourceVersion) {
    const why = `the ResourceVersion in the precondition (${preconditions.resourceVersion}) does not match the ResourceVersion in record (${resourceVersion}). The object might have been modified`;
    throw conflict(named, name, why);
  }
}

/** Five random letters and digits without vowels or look-alikes, after at most 58 characters of the base. */
export function generated(base: string): string {
  const alphabet = 'bcdfghjklmnpqrstvwxz2456789';
  const suffix = [...randomBytes(5)].map((byte) => alphabet[byte % alphabet.length]).join('');
  return base.slice(0, 58) + suffix;
}

export function newMetadata(
  sent: Partial<ObjectMeta>,
  namespace: string | undefined,
  now: string,
  generation: boolean,
): ObjectMeta {
  const { name = '', generateName, labels, annotations, ownerReferences, finalizers } = sent;
  return pruned({
    name,
    generateName: generateName === '' ? undefined : generateName,
    namespace,
    uid: randomUUID(),
    resourceVersion: '',
    generation: generation ? 1 : undefined,
    creationTimestamp: now,
    labels: filled(labels),
    annotations: filled(annotations),
    ownerReferences: ownerReferences?.length ? ownerReferences : undefined,
    finalizers: finalizers?.length ? [...new Set(finalizers)] : undefined,
  });
}

/** What a client may change of metadata: labels, annotations, owners, finalizers. The rest stays as it is. */
export function withFixedMetadata(object: KubeObject, old: KubeObject): KubeObject {
  const { labels, annotations, ownerReferences, finalizers } = object.metadata;
  const metadata = pruned({
    ...old.metadata,
    labels: filled(labels),
    annotations: filled(annotations),
    ownerReferences: ownerReferences?.length ? ownerReferences : undefined,
    finalizers: finalizers?.length ? [...new Set(finalizers)] : undefined,
  });
  return { ...object, metadata };
}

function filled(map: Record<string, string> | undefined): Record<string, string> | undefined {
  return map !== undefined && Object.keys(map).length > 0 ? map : undefined;
}

function pruned(metadata: { [Field in keyof ObjectMeta]: ObjectMeta[Field] | undefined }): ObjectMeta {
  const kept = Object.entries(metadata).filter(([, value]) => value !== undefined);
  return Object.fromEntries(kept) as unknown as ObjectMeta;
}

export function metadataChangeProblems(object: KubeObject, old: KubeObject, rule: NameRule): Cause[] {
  // The name was checked when it was made; an old one that is no longer fit must stay editable.
  const causes = metadataProblems(object.metadata, rule).filter(
    (cause) => !/^metadata\.(name|generateName)$/.test(cause.field),
  );
  if (old.metadata.deletionTimestamp === undefined) return causes;
  const before = new Set(old.metadata.finalizers ?? []);
  const added = (object.metadata.finalizers ?? []).filter((one) => !before.has(one));
  if (added.length === 0) return causes;
  const list = `[]string{${added.map((one) => JSON.stringify(one)).join(', ')}}`;
  const why = `no new finalizers can be added if the object is being deleted, found new finalizers ${list}`;
  return [...causes, fieldError.forbidden('metadata.finalizers', why)];
}
