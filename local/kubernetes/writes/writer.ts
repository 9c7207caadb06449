// Every write goes through here, over HTTPS or in process: decode → admit → prepare → validate → store.
// All decisions of one write are made in one turn of the event loop, on top of writes still on their way to the disk, so
// there are no races; the promise resolves once the result is durable.
import type { Cause, DeleteOptions, KubeObject, ObjectMeta, ResourceInfo } from '../api.ts';
import {
  alreadyExists,
  ApiError,
  conflict,
  fieldError,
  forbidden,
  internal,
  invalid,
  MODIFIED,
  notFound,
} from '../errors.ts';
import { storageKey } from '../resources/builtin.ts';
import { type Catalogue, DEFINITIONS_KEY } from '../resources/catalogue.ts';
import { served, toStored } from '../resources/events.ts';
import { kindOf } from '../resources/kinds.ts';
import { metadataProblems, unqualifiedFinalizers } from '../resources/names.ts';
import { RecordTooLarge, type Store, StorageFailure } from '../storage/store.ts';
import { decode, type FieldValidation } from './decode.ts';
import { applyDeletion, markedForDeletion } from './deletion.ts';
import {
  checkName,
  checkNamespace,
  checkPreconditions,
  generated,
  metadataChangeProblems,
  newMetadata,
  withFixedMetadata,
} from './metadata.ts';
import { applyPatch, equal, type PatchType } from './patch.ts';

export interface WriteOptions {
  readonly dryRun?: boolean;
  /** Unknown fields: refuse, drop with a warning (default), or drop. */
  readonly fieldValidation?: FieldValidation;
  /** Told each warning for the client. */
  readonly warn?: (warning: string) => void;
  /** Writes `status` and nothing else (`Status`), or a namespace's finalizers (`Finalize`). */
  readonly subresource?: 'Status' | 'Finalize';
}

/** What a removal of an object leaves behind: the last state, and whether it is gone. */
export interface Deletion {
  readonly object: KubeObject;
  readonly gone: boolean;
}

export interface WriterOptions {
  readonly store: Store;
  readonly catalogue: Catalogue;
  readonly now: () => number;
}

const NAMESPACES = { group: '', plural: 'namespaces' };
const IMMORTAL = new Set(['default', 'kube-system', 'kube-public']);

export class Writer {
  readonly #store: Store;
  readonly #catalogue: Catalogue;
  readonly #now: () => number;

  constructor({ store, catalogue, now }: WriterOptions) {
    this.#store = store;
    this.#catalogue = catalogue;
    this.#now = now;
  }

  /** RFC 3339 in whole seconds, as metav1.Time. */
  timestamp(): string {
    return new Date(this.#now()).toISOString().replace(/\.\d+Z$/, 'Z');
  }

  async create(
    resource: ResourceInfo,
    namespace: string | undefined,
    body: unknown,
    options: WriteOptions = {},
  ): Promise<KubeObject> {
    const kind = kindOf(resource);
    const object = toStored(resource, decode(resource, body, options));
    const metadata = object.metadata as Partial<ObjectMeta>;
    checkNamespace(resource, namespace, metadata);
    if (!metadata.name && metadata.generateName) metadata.name = generated(metadata.generateName);
    const now = this.timestamp();
    object.metadata = newMetadata(metadata, namespace, now, kind.generation);
    if (resource.namespaced) this.#admitInto(resource, namespace ?? '', object.metadata.name);
    if (resource.schema !== undefined) this.#admitCustom(resource);
    if (resource.schema !== undefined && resource.subresources.status) delete object.status;
    resource.schema?.applyDefaults(object);
    kind.defaults?.(object);
    kind.prepareCreate?.(object, now);
    this.#validate(resource, object, undefined);
    const existing = this.#store.head(storageKey(resource), namespace, object.metadata.name);
    if (existing !== undefined) {
      throw alreadyExists(resource, object.metadata.name, existing.metadata.deletionTimestamp !== undefined);
    }
    return this.#put(resource, object, options);
  }

  /** PUT; `name` is that of the URL. */
  async update(
    resource: ResourceInfo,
    namespace: string | undefined,
    name: string,
    body: unknown,
    options: WriteOptions = {},
  ): Promise<KubeObject> {
    const object = toStored(resource, decode(resource, body, options));
    checkNamespace(resource, namespace, object.metadata);
    checkName(object, name);
    const old = this.#existing(resource, namespace, name);
    return this.#replace(resource, old, object, options, true);
  }

  async patch(
    resource: ResourceInfo,
    namespace: string | undefined,
    name: string,
    patch: { readonly type: PatchType; readonly body: unknown },
    options: WriteOptions = {},
  ): Promise<KubeObject> {
    const old = this.#existing(resource, namespace, name);
    const patched = applyPatch(patch.type, served(resource, old), patch.body);
    const object = toStored(resource, decode(resource, patched, { ...options, subject: 'patch' }));
    checkNamespace(resource, namespace, object.metadata);
    checkName(object, name);
    return this.#replace(resource, old, object, options, false);
  }

  /** A pod gets its node, once; otherwise its spec is fixed. */
  async bind(resource: ResourceInfo, pod: KubeObject, nodeName: string, options: WriteOptions): Promise<KubeObject> {
    return this.#put(resource, { ...pod, spec: { ...pod.spec, nodeName } }, options);
  }

  async delete(
    resource: ResourceInfo,
    namespace: string | undefined,
    name: string,
    options: DeleteOptions & { readonly warn?: (warning: string) => void } = {},
  ): Promise<Deletion> {
    const old = this.#existing(resource, namespace, name);
    checkPreconditions(resource, old, options);
    if (resource === this.#catalogue.find('', 'namespaces') && IMMORTAL.has(name)) {
      throw forbidden(NAMESPACES, name, 'this namespace may not be deleted');
    }
    const kind = kindOf(resource);
    const policy = options.propagationPolicy ?? kind.propagation ?? 'Background';
    if (options.propagationPolicy === undefined && kind.propagation === 'Orphan') {
      options.warn?.(
        'child pods are preserved by default when jobs are deleted; set propagationPolicy=Background to remove them or set propagationPolicy=Orphan to suppress this warning',
      );
    }
    const grace = kind.graceSeconds?.(old, options);
    const next = markedForDeletion(old, { policy, grace, now: this.#now(), kind });
    if (next !== undefined && applyDeletion(next)) return this.#removed(resource, next, options);
    if (next === undefined && applyDeletion(old)) return this.#removed(resource, old, options);
    if (next === undefined || equal(next, old)) return { object: served(resource, old), gone: false };
    return { object: await this.#put(resource, next, options), gone: false };
  }

  async #removed(resource: ResourceInfo, object: KubeObject, options: { dryRun?: boolean }): Promise<Deletion> {
    if (options.dryRun === true) return { object: served(resource, object), gone: true };
    const last = await this.#durable(this.#store.remove(storageKey(resource), object));
    return { object: served(resource, last), gone: true };
  }

  #existing(resource: ResourceInfo, namespace: string | undefined, name: string): KubeObject {
    const old = this.#store.head(storageKey(resource), namespace, name);
    if (old === undefined) throw notFound(resource, name);
    return old;
  }

  async #replace(
    resource: ResourceInfo,
    old: KubeObject,
    object: KubeObject,
    options: WriteOptions,
    put: boolean,
  ): Promise<KubeObject> {
    const kind = kindOf(resource);
    this.#checkVersion(resource, old, object, put);
    const next = withFixedMetadata(object, old);
    const custom = resource.schema !== undefined;
    const keepsStatus = resource.subresources.status && options.subresource === undefined;
    if (options.subresource === 'Status') keepAllButStatus(next, old, custom);
    else if (options.subresource === 'Finalize')
      Object.assign(next, { ...old, spec: object.spec, metadata: next.metadata });
    else if (keepsStatus) replaceStatus(next, old);
    resource.schema?.applyDefaults(next);
    kind.defaults?.(next);
    if (options.subresource === undefined) kind.prepareUpdate?.(next, old, this.timestamp());
    if (kind.generation) countGeneration(next, old, resource.subresources.status);
    this.#validate(resource, next, old);
    if (equal({ ...next, metadata: { ...next.metadata, resourceVersion: old.metadata.resourceVersion } }, old)) {
      return served(resource, old);
    }
    if (next.metadata.deletionTimestamp !== undefined && applyDeletion(next)) {
      // The last finalizer went: the object goes with it, and the answer is the object as it was written.
      if (options.dryRun === true) return served(resource, next);
      await this.#durable(this.#store.remove(storageKey(resource), next));
      return served(resource, {
        ...next,
        metadata: { ...next.metadata, resourceVersion: old.metadata.resourceVersion },
      });
    }
    return this.#put(resource, next, options);
  }

  #checkVersion(resource: ResourceInfo, old: KubeObject, object: KubeObject, put: boolean): void {
    const { name } = old.metadata;
    const { resourceVersion: sent, uid } = object.metadata as Partial<ObjectMeta>;
    if (uid !== undefined && uid !== '' && uid !== old.metadata.uid) {
      throw conflict(
        resource,
        name,
        `Precondition failed: UID in precondition: ${uid}, UID in object meta: ${old.metadata.uid}`,
      );
    }
    if (sent === undefined || sent === '' || sent === '0') {
      if (!put || kindOf(resource).unconditionalUpdate) return;
      const problem = fieldError.invalid('metadata.resourceVersion', 0, 'must be specified for an update');
      throw invalid(resource.plural, resource.group, name, [problem]);
    }
    if (!/^\d+$/.test(sent)) throw internal(`strconv.ParseUint: parsing ${JSON.stringify(sent)}: invalid syntax`);
    if (sent !== old.metadata.resourceVersion) throw conflict(resource, name, MODIFIED);
  }

  #admitInto(resource: ResourceInfo, namespace: string, name: string): void {
    const home = this.#store.head('/namespaces', undefined, namespace);
    if (home === undefined) throw notFound(NAMESPACES, namespace);
    if (home.metadata.deletionTimestamp === undefined) return;
    const why = `unable to create new content in namespace ${namespace} because it is being terminated`;
    const message = `namespace ${namespace} is being terminated`;
    throw forbidden(resource, name, why, [{ reason: 'NamespaceTerminating', message, field: 'metadata.namespace' }]);
  }

  /** A definition on its way out takes no new objects. */
  #admitCustom(resource: ResourceInfo): void {
    const definition = this.#store.head(DEFINITIONS_KEY, undefined, `${resource.plural}.${resource.group}`);
    if (definition !== undefined && definition.metadata.deletionTimestamp === undefined) return;
    throw new ApiError(405, 'MethodNotAllowed', 'create not allowed while custom resource definition is terminating', {
      group: resource.group,
      kind: resource.plural,
    });
  }

  #validate(resource: ResourceInfo, object: KubeObject, old: KubeObject | undefined): void {
    const kind = kindOf(resource);
    const causes: Cause[] = [
      ...(old === undefined
        ? metadataProblems(object.metadata, kind.names)
        : metadataChangeProblems(object, old, kind.names)),
      ...(isCore(resource) ? unqualifiedFinalizers(object.metadata.finalizers) : []),
      ...(kind.problems?.(object) ?? []),
      ...(old === undefined ? [] : (kind.changeProblems?.(object, old) ?? [])),
      ...(resource.schema?.validate(object, old) ?? []),
    ];
    if (causes.length > 0) throw invalid(object.kind, resource.group, object.metadata.name, causes);
  }

  async #put(resource: ResourceInfo, object: KubeObject, options: { readonly dryRun?: boolean }): Promise<KubeObject> {
    if (options.dryRun === true) return served(resource, withoutEmptyVersion(object));
    return served(resource, await this.#durable(this.#store.put(storageKey(resource), object)));
  }

  async #durable(write: Promise<KubeObject>): Promise<KubeObject> {
    try {
      return await write;
    } catch (error) {
      if (error instanceof StorageFailure) throw internal(error.message);
      if (error instanceof RecordTooLarge) throw new ApiError(500, '', error.message);
      throw error;
    }
  }
}

function isCore(resource: ResourceInfo): boolean {
  return resource.schema === undefined && resource.group !== 'apiextensions.k8s.io';
}

/** What a dry run made has none. */
function withoutEmptyVersion(object: KubeObject): KubeObject {
  if (object.metadata.resourceVersion !== '') return object;
  const metadata: Partial<ObjectMeta> = { ...object.metadata };
  delete metadata.resourceVersion;
  return { ...object, metadata: metadata as ObjectMeta };
}

function replaceStatus(next: KubeObject, old: KubeObject): void {
  if (old.status === undefined) delete next.status;
  else next.status = old.status;
}

/** Custom resources take status alone; built-in kinds also labels, annotations and finalizers. */
function keepAllButStatus(next: KubeObject, old: KubeObject, custom: boolean): void {
  const { status, metadata } = next;
  for (const key of Object.keys(next)) delete next[key];
  Object.assign(next, old, { metadata: custom ? { ...old.metadata } : metadata });
  if (status === undefined) delete next.status;
  else next.status = status;
}

function countGeneration(next: KubeObject, old: KubeObject, hasStatus: boolean): void {
  const desired = ({ metadata: _m, status, apiVersion: _v, ...rest }: KubeObject) =>
    hasStatus ? rest : { ...rest, status };
  const changed = !equal(desired(next), desired(old));
  next.metadata = { ...next.metadata, generation: (old.metadata.generation ?? 1) + (changed ? 1 : 0) };
}
