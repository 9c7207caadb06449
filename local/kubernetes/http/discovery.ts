// What is served, told to clients: /version, /api, /apis, and the resources of each group version. kubectl asks for the
// aggregated form (one document for all groups), older clients for the legacy one.
import type { ResourceInfo } from '../api.ts';
import { BUILTIN_RESOURCES } from '../resources/builtin.ts';

/** The release whose behaviour is followed. */
export const VERSION = {
  major: '1',
  minor: '34',
  gitVersion: 'v1.34.4+spotlearn',
  gitCommit: '',
  gitTreeState: 'clean',
  buildDate: '2026-01-01T00:00:00Z',
  goVersion: '',
  compiler: '',
  platform: `${process.platform}/${process.arch}`,
};

const VERBS = ['create', 'delete', 'deletecollection', 'get', 'list', 'patch', 'update', 'watch'];
const STATUS_VERBS = ['get', 'patch', 'update'];
const AGGREGATED =
  /application\/json;(?=[^,]*g=apidiscovery\.k8s\.io)(?=[^,]*v=(v2(?:beta1)?)(?:;|,|$))(?=[^,]*as=APIGroupDiscoveryList)/;

/** The apidiscovery version the client accepts first; undefined: it wants the legacy documents. */
export function aggregatedVersion(accept: string | undefined): 'v2' | 'v2beta1' | undefined {
  const version = AGGREGATED.exec((accept ?? '').replaceAll(' ', ''))?.[1];
  return version as 'v2' | 'v2beta1' | undefined;
}

export function aggregatedContentType(version: string): string {
  return `application/json;g=apidiscovery.k8s.io;v=${version};as=APIGroupDiscoveryList`;
}

export function apiVersions(host: string): unknown {
  const serverAddressByClientCIDRs = [{ clientCIDR: '0.0.0.0/0', serverAddress: host }];
  return { kind: 'APIVersions', versions: ['v1'], serverAddressByClientCIDRs };
}

interface Subresource {
  readonly name: string;
  readonly kind: string;
  readonly group?: string;
  readonly version?: string;
  readonly verbs: readonly string[];
}

function subresourcesOf(resource: ResourceInfo): Subresource[] {
  const { kind } = resource;
  const list: Subresource[] = [];
  const is = (group: string, plural: string) => resource.group === group && resource.plural === plural;
  if (is('', 'pods')) {
    list.push({ name: 'binding', kind: 'Binding', verbs: ['create'] });
    list.push({ name: 'eviction', kind: 'Eviction', group: 'policy', version: 'v1', verbs: ['create'] });
    list.push({ name: 'log', kind, verbs: ['get'] });
  }
  if (is('', 'namespaces')) list.push({ name: 'finalize', kind, verbs: ['update'] });
  if (resource.subresources.status) list.push({ name: 'status', kind, verbs: STATUS_VERBS });
  return list;
}

/** Verbs that make sense: a namespace collection isn't deleted as a whole. */
function verbsOf(resource: ResourceInfo): string[] {
  const noCollection = resource.group === '' && resource.plural === 'namespaces';
  return noCollection ? VERBS.filter((verb) => verb !== 'deletecollection') : VERBS;
}

export function groupList(resources: readonly ResourceInfo[]): unknown {
  const groups = groupNames(resources).filter((group) => group !== '');
  return { kind: 'APIGroupList', apiVersion: 'v1', groups: groups.map((group) => groupEntry(resources, group)) };
}

export function groupDocument(resources: readonly ResourceInfo[], group: string): unknown {
  if (!resources.some((one) => one.group === group)) return undefined;
  return { kind: 'APIGroup', apiVersion: 'v1', ...groupEntry(resources, group) };
}

function groupNames(resources: readonly ResourceInfo[]): string[] {
  return [...new Set(resources.map((one) => one.group))];
}

function versionsOf(resources: readonly ResourceInfo[], group: string): string[] {
  const versions = resources.filter((one) => one.group === group).map((one) => one.version);
  return [...new Set(versions)].sort(byStability);
}

/** v2 before v1, v1 before v1beta1, v1beta1 before v1alpha1. */
export function byStability(a: string, b: string): number {
  const rank = (version: string) => {
    const [, major, stage, minor] = /^v(\d+)(?:(alpha|beta)(\d+))?$/.exec(version) ?? [];
    if (major === undefined) return [-1, 0, 0];
    return [stage === undefined ? 2 : stage === 'beta' ? 1 : 0, Number(major), Number(minor ?? 0)];
  };
  const [left, right] = [rank(a), rank(b)];
  for (const at of [0, 1, 2]) {
    const difference = (right[at] ?? 0) - (left[at] ?? 0);
    if (difference !== 0) return difference;
  }
  return a < b ? -1 : 1;
}

function groupEntry(resources: readonly ResourceInfo[], group: string): Record<string, unknown> {
  const versions = versionsOf(resources, group).map((version) => ({ groupVersion: `${group}/${version}`, version }));
  return { name: group, versions, preferredVersion: versions[0] };
}

/** The legacy document of one group version; undefined when nothing is served under it. */
export function resourceList(resources: readonly ResourceInfo[], group: string, version: string): unknown {
  const here = sorted(resources.filter((one) => one.group === group && one.version === version));
  if (here.length === 0) return undefined;
  return {
    kind: 'APIResourceList',
    apiVersion: 'v1',
    groupVersion: group === '' ? version : `${group}/${version}`,
    resources: here.flatMap((one) => [
      {
        name: one.plural,
        singularName: one.singular,
        namespaced: one.namespaced,
        kind: one.kind,
        verbs: verbsOf(one),
        ...(one.shortNames.length > 0 ? { shortNames: one.shortNames } : {}),
        ...(one.categories.length > 0 ? { categories: one.categories } : {}),
      },
      ...subresourcesOf(one).map(({ name, kind, group: itsGroup, version: itsVersion, verbs }) => ({
        name: `${one.plural}/${name}`,
        singularName: '',
        namespaced: one.namespaced,
        ...(itsGroup === undefined ? {} : { group: itsGroup, version: itsVersion }),
        kind,
        verbs,
      })),
    ]),
  };
}

function sorted(resources: readonly ResourceInfo[]): ResourceInfo[] {
  return [...resources].sort((a, b) => (a.plural < b.plural ? -1 : 1));
}

/** `core`: the document of /api; otherwise that of /apis. Built-in groups first, then those of definitions by name. */
export function aggregated(resources: readonly ResourceInfo[], core: boolean, version: string): unknown {
  const rank = (group: string) => BUILTIN_RESOURCES.findIndex((one) => one.group === group) >>> 0;
  const groups = groupNames(resources)
    .filter((group) => (group === '') === core)
    .sort((a, b) => rank(a) - rank(b) || (a < b ? -1 : 1));
  const items = groups.map((group) => ({
    metadata: { ...(core ? {} : { name: group }), creationTimestamp: null },
    versions: versionsOf(resources, group).map((one) => ({
      version: one,
      resources: sorted(resources.filter((it) => it.group === group && it.version === one)).map(aggregatedEntry),
      freshness: 'Current',
    })),
  }));
  return { kind: 'APIGroupDiscoveryList', apiVersion: `apidiscovery.k8s.io/${version}`, metadata: {}, items };
}

function aggregatedEntry(resource: ResourceInfo): unknown {
  const responseKind = { group: resource.group, version: resource.version, kind: resource.kind };
  const subresources = subresourcesOf(resource).map(({ name, kind, group, version, verbs }) => ({
    subresource: name,
    responseKind: { group: group ?? resource.group, version: version ?? resource.version, kind },
    verbs,
  }));
  return {
    resource: resource.plural,
    responseKind,
    scope: resource.namespaced ? 'Namespaced' : 'Cluster',
    singularResource: resource.singular,
    verbs: verbsOf(resource),
    ...(resource.shortNames.length > 0 ? { shortNames: resource.shortNames } : {}),
    ...(resource.categories.length > 0 ? { categories: resource.categories } : {}),
    ...(subresources.length > 0 ? { subresources } : {}),
  };
}
