// CustomResourceDefinitions: one object → the resources it serves, its status, its own validation. catalogue.ts keeps the
// result up to date. Conversion is `None`: every version has the same fields.
import type { Cause, CompiledSchema, KubeObject, PrinterColumn, ResourceInfo } from '../api.ts';
import { fieldError } from '../errors.ts';
import { compileSchema } from '../schema/compile.ts';
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
  const spec = definitionSpec(crd);
  spec.names.singular ??= spec.names.kind.toLowerCase();
  spec.names.listKind ??= `${spec.names.kind}List`;
  spec.conversion ??= { strategy: 'None' };
}

/** Established at once: nothing here takes time. */
export function establishedStatus(crd: KubeObject, now: string): Record<string, unknown> {
  const { names, versions } = definitionSpec(crd);
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
  if (!spec.group) causes.push(fieldError.required('spec.group'));
  if (spec.scope !== 'Namespaced' && spec.scope !== 'Cluster') {
    if (spec.scope === undefined) causes.push(fieldError.required('spec.scope'));
    else causes.push(fieldError.notSupported('spec.scope', spec.scope, ['Cluster', 'Namespaced']));
  }
  if (!spec.names?.plural) causes.push(fieldError.required('spec.names.plural'));
  if (!spec.names?.kind) causes.push(fieldError.required('spec.names.kind'));
  if (spec.names?.plural && spec.group && crd.metadata.name !== `${spec.names.plural}.${spec.group}`) {
    const wanted = 'must be spec.names.plural+"."+spec.group';
    causes.push(fieldError.invalid('metadata.name', crd.metadata.name, wanted));
  }
  for (const short of spec.names?.shortNames ?? []) {
    for (const problem of nameProblems(short, 'label'))
      causes.push(fieldError.invalid('spec.names.shortNames', short, problem));
  }
  return [...causes, ...versionProblems(spec.versions ?? []), ...conversionProblems(spec)];
}

function versionProblems(versions: readonly DefinitionVersion[]): Cause[] {
  const causes: Cause[] = [];
  if (versions.filter((version) => version.storage).length !== 1) {
    causes.push(
      fieldError.invalid(
        'spec.versions',
        versions.map((one) => one.name),
        'must have exactly one version marked as storage version',
      ),
    );
  }
  for (const [index, version] of versions.entries()) {
    const schema = version.schema?.openAPIV3Schema;
    const at = `spec.versions[${index}].schema.openAPIV3Schema`;
    if (schema === undefined) causes.push(fieldError.required(at, 'schemas are required'));
    else if (schema['type'] !== 'object') {
      causes.push(
        schema['type'] === undefined
          ? fieldError.required(`${at}.type`, 'must not be empty at the root')
          : fieldError.invalid(`${at}.type`, schema['type'], 'must be object at the root'),
      );
    }
  }
  return causes;
}

function conversionProblems(spec: Partial<DefinitionSpec>): Cause[] {
  const strategy = spec.conversion?.strategy ?? 'None';
  if (strategy === 'None') return [];
  return [fieldError.invalid('spec.conversion.strategy', strategy, 'only None is served by this embedded API')];
}
