// The seam of the embedded Kubernetes API: what the server (server.ts → handlers → admission → store) offers in process to
// the controllers and the kubelet, and what it expects from schema/, tables.ts and openapi.ts. Shapes only, no logic.

/** Any Kubernetes object as JSON. Objects handed out are shared and frozen by convention: clone before changing one. */
export interface KubeObject {
  apiVersion: string;
  kind: string;
  metadata: ObjectMeta;
  spec?: Record<string, unknown>;
  status?: Record<string, unknown>;
  [field: string]: unknown;
}

export interface ObjectMeta {
  name: string;
  namespace?: string;
  generateName?: string;
  uid: string;
  resourceVersion: string;
  generation?: number;
  creationTimestamp: string;
  deletionTimestamp?: string;
  deletionGracePeriodSeconds?: number;
  finalizers?: string[];
  labels?: Record<string, string>;
  annotations?: Record<string, string>;
  ownerReferences?: OwnerReference[];
  [field: string]: unknown;
}

export interface OwnerReference {
  apiVersion: string;
  kind: string;
  name: string;
  uid: string;
  controller?: boolean;
  blockOwnerDeletion?: boolean;
}

/** One column of a CRD's additionalPrinterColumns (jsonPath as in kubectl: `.spec.replicas`). */
export interface PrinterColumn {
  readonly name: string;
  readonly type: 'integer' | 'number' | 'string' | 'boolean' | 'date';
  readonly jsonPath: string;
  readonly format?: string;
  readonly description?: string;
  readonly priority?: number;
}

/** One served resource in one version: built in, or from an established CustomResourceDefinition. */
export interface ResourceInfo {
  /** '' for core. */
  readonly group: string;
  readonly version: string;
  readonly plural: string;
  readonly singular: string;
  readonly kind: string;
  readonly listKind: string;
  readonly shortNames: readonly string[];
  readonly categories: readonly string[];
  readonly namespaced: boolean;
  readonly subresources: { readonly status: boolean };
  /** Of custom resources only. */
  readonly schema?: CompiledSchema;
  /** The openAPIV3Schema as written in the CRD, for OpenAPI documents. */
  readonly openAPIV3Schema?: Record<string, unknown>;
  /** Of custom resources only; empty for built-in kinds, whose columns tables.ts knows. */
  readonly printerColumns: readonly PrinterColumn[];
}

/** One entry of a Status's details.causes (and of 422 messages): `field: <message>`. */
export interface Cause {
  readonly field: string;
  /** FieldValueInvalid, FieldValueRequired, FieldValueNotSupported, FieldValueTypeInvalid, … */
  readonly reason: string;
  /** As the API server words it, e.g. `Invalid value: "x": must be …`. */
  readonly message: string;
  /** The same as `reason`, under the name field.Error has for it. */
  readonly type?: string;
}

/** What schema/ compiles an openAPIV3Schema to. All work in place on plain JSON. */
export interface CompiledSchema {
  /** Removes unknown fields (x-kubernetes-preserve-unknown-fields respected) and returns their paths: `spec.foo`. */
  prune(object: unknown): string[];
  applyDefaults(object: unknown): void;
  /** Types, bounds, enums, formats and CEL rules (transition rules see `old`). Empty: valid. */
  validate(object: unknown, old?: unknown): Cause[];
}

export type EventType = 'ADDED' | 'MODIFIED' | 'DELETED';

export interface ApiEvent {
  readonly type: EventType;
  readonly resource: ResourceInfo;
  readonly object: KubeObject;
  /** The object as it was before, of MODIFIED and DELETED. */
  readonly old?: KubeObject;
  readonly resourceVersion: string;
}

export type PropagationPolicy = 'Foreground' | 'Background' | 'Orphan';

export interface DeleteOptions {
  readonly propagationPolicy?: PropagationPolicy;
  readonly gracePeriodSeconds?: number;
  readonly preconditions?: { readonly uid?: string; readonly resourceVersion?: string };
  readonly dryRun?: boolean;
}

/** A resource, or how to find it: its group ('' for core) and plural; the version does not matter. */
export type ResourceRef = Pick<ResourceInfo, 'group' | 'plural'>;

/**
 * The API in process: the same admission path and the same durability as over HTTPS, as cluster administrator.
 * Reads are synchronous; a write resolves once it is on disk, and rejects with an ApiError (errors.ts: `code`, `reason`).
 */
export interface Api {
  /** Every served resource, in every served version. */
  resources(): ResourceInfo[];
  find(group: string, plural: string, version?: string): ResourceInfo | undefined;
  findKind(apiVersion: string, kind: string): ResourceInfo | undefined;
  /** All objects of a resource, of all namespaces unless one is named; sorted by namespace and name. */
  list(resource: ResourceRef, namespace?: string): KubeObject[];
  /** `namespace` undefined for cluster-scoped ones. */
  get(resource: ResourceRef, namespace: string | undefined, name: string): KubeObject | undefined;
  /** `metadata.uid`, `resourceVersion` and `creationTimestamp` are filled in. */
  create(resource: ResourceRef, object: Draft): Promise<KubeObject>;
  /** Replaces the object; a `metadata.resourceVersion` in it is checked (409 Conflict). */
  update(resource: ResourceRef, object: Draft): Promise<KubeObject>;
  updateStatus(resource: ResourceRef, object: Draft): Promise<KubeObject>;
  /** PUT namespaces/NAME/finalize: the only way to change spec.finalizers; the last one gone ends a deleted namespace. */
  finalizeNamespace(object: Draft): Promise<KubeObject>;
  /** Resolves with the object as it is now: gone, or with a deletionTimestamp while finalizers hold it. */
  delete(
    resource: ResourceRef,
    namespace: string | undefined,
    name: string,
    options?: DeleteOptions,
  ): Promise<KubeObject>;
  /** Called synchronously after each durable change, in order of resourceVersion. */
  subscribe(listener: (event: ApiEvent) => void): () => void;
  /** The newest resourceVersion. */
  resourceVersion(): string;
}

/** An object on its way in: metadata may lack what the server fills in. */
export interface Draft {
  apiVersion?: string;
  kind?: string;
  metadata?: Partial<ObjectMeta>;
  [field: string]: unknown;
}

/**
 * tables.ts exports `renderTable: RenderTable`. Dates become ages ("5s"), since kubectl prints cells as they come.
 * `columnDefinitions` are left empty when `columns` is false (second and later watch events, as the API server does).
 */
export type RenderTable = (
  resource: ResourceInfo,
  objects: readonly KubeObject[],
  options: {
    /** Milliseconds since the Unix epoch. */
    readonly now: number;
    readonly includeObject: 'None' | 'Metadata' | 'Object';
    readonly columns: boolean;
    /** metadata of the Table: resourceVersion, continue, remainingItemCount. */
    readonly listMeta: Record<string, unknown>;
  },
) => Record<string, unknown>;

/** openapi.ts exports both. Keys and groupVersion as in the index: `api/v1`, `apis/spotlearn.io/v1alpha1`. */
export type OpenApiIndex = (resources: readonly ResourceInfo[]) => Record<string, unknown>;
export type OpenApiDocument = (
  groupVersion: string,
  resources: readonly ResourceInfo[],
) => Record<string, unknown> | undefined;

/**
 * GET pods/NAME/log is answered by the kubelet, as in a cluster: HTTPS to the Node of spec.nodeName at its InternalIP and
 * status.daemonEndpoints.kubeletEndpoint.Port, path below, the query (follow, tailLines, …) passed on, certificate unchecked.
 */
export function kubeletLogPath(namespace: string, pod: string, container: string): string {
  return `/containerLogs/${namespace}/${pod}/${container}`;
}
