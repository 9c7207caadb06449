// Events are stored as core/v1 and served in two groups; this turns one shape into the other, as the API server does.
import type { KubeObject, ResourceInfo } from '../api.ts';
import { groupVersion } from './builtin.ts';

const PAIRS: readonly (readonly [core: string, events: string])[] = [
  ['involvedObject', 'regarding'],
  ['message', 'note'],
  ['source', 'deprecatedSource'],
  ['firstTimestamp', 'deprecatedFirstTimestamp'],
  ['lastTimestamp', 'deprecatedLastTimestamp'],
  ['count', 'deprecatedCount'],
  ['reportingComponent', 'reportingController'],
];

function isEventsGroup(resource: ResourceInfo): boolean {
  return resource.group === 'events.k8s.io';
}

/** As a client of this group and version sees a stored object. Shares everything that needs no change. */
export function served(resource: ResourceInfo, stored: KubeObject): KubeObject {
  const apiVersion = groupVersion(resource);
  if (stored.apiVersion === apiVersion) return stored;
  return { ...(isEventsGroup(resource) ? renamed(stored, 0) : stored), apiVersion };
}

/** As it is stored, of what a client of this group and version sent. */
export function toStored(resource: ResourceInfo, sent: KubeObject): KubeObject {
  return isEventsGroup(resource) ? { ...renamed(sent, 1), apiVersion: 'v1' } : sent;
}

function renamed(object: KubeObject, from: 0 | 1): KubeObject {
  const names = new Map(PAIRS.map((pair) => [pair[from], pair[from === 0 ? 1 : 0]]));
  return Object.fromEntries(Object.entries(object).map(([key, value]) => [names.get(key) ?? key, value])) as KubeObject;
}
