// CustomResourceDefinitions: one object → the resources it serves, its status, its own validation. catalogue.ts keeps the
// result up to date. Conversion is `None`: every version has the same fields.
import type { Cause, CompiledSchema, KubeObject, PrinterColumn, ResourceInfo } from '../api.ts';
import { fieldError } from '../errors.ts';
import { compileSchema } from '../schema/compile.ts';
import { schemaProblems } from '../schema/definition.ts';
import { nameProblems } from './names.ts';

export interface DefinitionNames {
  plural: string;
  kind: string;
  singular?: string;
  listKind?: string;
  shortNames?: string[];
  categories?: string[];
}

export interface DefinitionVersion {
  name: string;
  served: boolean;
  storage: boolean;
  schema?: { openAPIV3Schema?: Record<string, unknown> };
  subresources?: { status?: object };
  additionalPrinterColumns?: PrinterColumn[];
}

export interface DefinitionSpec {
  group: string;
  scope: 'Namespaced' | 'Cluster';
  names: DefinitionNames;
  versions: DefinitionVersion[];
  conversion?: { strategy: string };
  preserveUnknownFields?: boolean;
}

export function definitionSpec(crd: KubeObject): DefinitionSpec {
  return crd.spec as unknown as DefinitionSpec;
}

/** The served versions; schemas are compiled at first use, since most requests need none of most. */
export function definedResources(crd: KubeObject): ResourceInfo[] {
  const { group, scope, names, versions } = definitionSpec(crd);
  return versions
    .filter((version) => version.served)
    .map((version) => {
      const openAPIV3Schema = version.schema?.openAPIV3Schema ?? { type: 'object' };
      let compiled: CompiledSchema | undefined;
      return {
        group,
        version: version.name,
        plural: names.plural,
        singular: names.singular ?? names.kind.toLowerCase(),
        kind: names.kind,
        listKind: names.listKind ?? `${names.kind}List`,
        shortNames: names.shortNames ?? [],
        categories: names.categories ?? [],
        namespaced: scope === 'Namespaced',
        subresources: { status: version.subresources?.status !== undefined },
        get schema() {
          return (compiled ??= compileSchema(openAPIV3Schema));
        },
        openAPIV3Schema,
        printerColumns: version.additionalPrinterColumns ?? [],
      };
    });
}

export function defaultDefinition(crd: KubeObject): void {
  const spec = (crd.spec ??= {}) as Partial<DefinitionSpec>;
  if (spec.names?.kind) {
    spec.names.singular ??= spec.names.kind.toLowerCase();
    spec.names.listKind ??= `${spec.names.kind}List`;
  }
  spec.conversion ??= { strategy: 'None' };
}

/** Established at once: nothing here takes time. */
export function establishedStatus(crd: KubeObject, now: string): Record<string, unknown> {
  const { names, versions = [] } = definitionSpec(crd);
  const before = (crd.status ?? {}) as { conditions?: { type: string }[]; storedVersions?: string[] };
  const condition = (type: string, reason: string, message: string) =>
    before.conditions?.find((one) => one.type === type) ?? {
      type,
      status: 'True',
      lastTransitionTime: now,
      reason,
      message,
    };
  const storage = versions.find((version) => version.storage)?.name ?? '';
  return {
    conditions: [
      condition('NamesAccepted', 'NoConflicts', 'no conflicts found'),
      condition('Established', 'InitialNamesAccepted', 'the initial names have been accepted'),
    ],
    acceptedNames: names,
    storedVersions: [...new Set([...(before.storedVersions ?? []), storage])],
  };
}

export function definitionProblems(crd: KubeObject): Cause[] {
  const spec = (crd.spec ?? {}) as Partial<DefinitionSpec>;
  const causes: Cause[] = [];
  if (crd.metadata.name !== `${spec.names?.plural ?? ''}.${spec.group ?? ''}`) {
    const wanted = 'must be spec.names.plural+"."+spec.group';
    causes.push(fieldError.invalid('metadata.name', crd.metadata.name, wanted));
  }
  if (!spec.group) causes.push(fieldError.required('spec.group'));
  if (!spec.scope) causes.push(fieldError.required('spec.scope'));
  else if (spec.scope !== 'Namespaced' && spec.scope !== 'Cluster') {
    causes.push(fieldError.notSupported('spec.scope', spec.scope, ['Cluster', 'Namespaced']));
  }
  causes.push(...versionProblems(spec.versions));
  for (const field of ['plural', 'singular', 'kind', 'listKind'] as const) {
    if (!spec.names?.[field]) causes.push(fieldError.required(`spec.names.${field}`));
  }
  for (const short of spec.names?.shortNames ?? []) {
    for (const problem of nameProblems(short, 'label')) {
      causes.push(fieldError.invalid('spec.names.shortNames', short, problem));
    }
  }
  causes.push(...conversionProblems(spec));
  if (!spec.versions?.some((version) => version.storage)) {
    causes.push(fieldError.invalid('status.storedVersions', null, 'must have at least one stored version'));
  }
  return causes;
}

function versionProblems(versions: readonly DefinitionVersion[] | undefined): Cause[] {
  const causes: Cause[] = [];
  if (versions?.filter((version) => version.storage).length !== 1) {
    const names = versions?.map((one) => one.name) ?? null;
    causes.push(fieldError.invalid('spec.versions', names, 'must have exactly one version marked as storage version'));
  }
  for (const [index, version] of (versions ?? []).entries()) {
    const schema = version.schema?.openAPIV3Schema;
    const own = `spec.versions[${index}].schema.openAPIV3Schema`;
    // The API server keeps a schema that all versions share above them, and names it so.
    const at = versions?.length === 1 ? 'spec.validation.openAPIV3Schema' : own;
    if (schema === undefined) causes.push(fieldError.required(own));
    else if (schema['type'] === undefined)
      causes.push(fieldError.required(`${at}.type`, 'must not be empty at the root'));
    else if (schema['type'] !== 'object') {
      causes.push(fieldError.invalid(`${at}.type`, schema['type'], 'must be object at the root'));
    } else causes.push(...schemaProblems(schema, at));
  }
  return causes;
}

function conversionProblems(spec: Partial<DefinitionSpec>): Cause[] {
  const strategy = spec.conversion?.strategy ?? 'None';
  if (strategy === 'None') return [];
  return [fieldError.invalid('spec.conversion.strategy', strategy, 'only None is served by this embedded API')];
}
