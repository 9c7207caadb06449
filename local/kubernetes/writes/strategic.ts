// Strategic merge patch for built-in kinds, what `kubectl apply`, `edit` and `patch` send: lists of objects merge by a key,
// some lists of words merge as sets, `$patch`, `$retainKeys`, `$setElementOrder` and `$deleteFromPrimitiveList` direct it.
// The keys are those of `x-kubernetes-patch-merge-key` in Kubernetes' OpenAPI, for the kinds that are served here.
import { badRequest } from '../errors.ts';
import { isObject } from '../resources/fields.ts';

type Json = Record<string, unknown>;

/** Field → merge key. Lists that aren't named are replaced as a whole. */
const MERGE_KEYS: Record<string, readonly string[]> = {
  addresses: ['type'],
  conditions: ['type'],
  containers: ['name'],
  env: ['name'],
  ephemeralContainers: ['name'],
  hostAliases: ['ip'],
  hostIPs: ['ip'],
  imagePullSecrets: ['name'],
  initContainers: ['name'],
  ownerReferences: ['uid'],
  podIPs: ['ip'],
  ports: ['containerPort'],
  resourceClaims: ['name'],
  secrets: ['name'],
  topologySpreadConstraints: ['topologyKey'],
  volumeDevices: ['devicePath'],
  volumeMounts: ['mountPath'],
  volumes: ['name'],
};

/** Lists of words that merge as sets. */
const SETS = new Set(['finalizers']);

export function strategicMerge(original: Json, patch: Json): Json {
  const directive = patch['$patch'];
  if (directive === 'delete') return {};
  if (directive === 'replace') return withoutDirectives(patch);
  if (directive !== undefined && directive !== 'merge') throw unknownDirective(directive);
  let merged: Json = { ...original };
  const retain = patch['$retainKeys'];
  if (Array.isArray(retain)) {
    merged = Object.fromEntries(Object.entries(merged).filter(([key]) => retain.includes(key)));
  }
  for (const [key, value] of Object.entries(patch)) {
    if (key.startsWith('$deleteFromPrimitiveList/')) {
      const field = key.slice('$deleteFromPrimitiveList/'.length);
      const gone = Array.isArray(value) ? (value as unknown[]) : [];
      if (Array.isArray(merged[field])) merged[field] = merged[field].filter((one) => !gone.includes(one));
    } else if (key.startsWith('$')) continue;
    else if (value === null) delete merged[key];
    else merged[key] = mergeField(key, merged[key], value);
  }
  orderLists(merged, patch);
  return merged;
}

function mergeField(key: string, original: unknown, value: unknown): unknown {
  if (isObject(value)) return strategicMerge(isObject(original) ? original : {}, value);
  if (!Array.isArray(value)) return value;
  const list = value as unknown[];
  if (SETS.has(key)) return [...new Set([...(Array.isArray(original) ? (original as unknown[]) : []), ...list])];
  const mergeKey = MERGE_KEYS[key]?.[0];
  if (mergeKey === undefined || !list.every(isObject))
    return list.map((one) => (isObject(one) ? withoutDirectives(one) : one));
  return mergeList(Array.isArray(original) ? original.filter(isObject) : [], list, mergeKey, key);
}

function mergeList(original: Json[], patch: Json[], mergeKey: string, field: string): Json[] {
  const replaces = patch.some((one) => one['$patch'] === 'replace' && one[mergeKey] === undefined);
  if (replaces) return patch.filter((one) => one['$patch'] === undefined).map(withoutDirectives);
  const merged = [...original];
  for (const element of patch) {
    const key = element[mergeKey];
    if (key === undefined) {
      throw badRequest(`map: ${JSON.stringify(element)} does not contain declared merge key: ${mergeKey}`);
    }
    const at = merged.findIndex((one) => one[mergeKey] === key);
    if (element['$patch'] === 'delete') {
      if (at !== -1) merged.splice(at, 1);
      continue;
    }
    const existing = merged[at];
    if (existing === undefined) merged.push(withoutDirectives(strategicMerge({}, element)));
    else merged[at] = element['$patch'] === 'replace' ? withoutDirectives(element) : strategicMerge(existing, element);
  }
  return field === 'ownerReferences' ? merged.filter((one) => one[mergeKey] !== undefined) : merged;
}

/** `$setElementOrder/x` says in which order the elements it names stand; others keep their place after their neighbours. */
function orderLists(merged: Json, patch: Json): void {
  for (const [key, order] of Object.entries(patch)) {
    if (!key.startsWith('$setElementOrder/') || !Array.isArray(order)) continue;
    const field = key.slice('$setElementOrder/'.length);
    const list = merged[field];
    if (!Array.isArray(list)) continue;
    const mergeKey = MERGE_KEYS[field]?.[0];
    const nameOf = (one: unknown) => (isObject(one) && mergeKey !== undefined ? one[mergeKey] : one);
    const wanted = (order as unknown[]).map(nameOf);
    const rank = new Map(wanted.map((name, index) => [name, index]));
    let last = -1;
    merged[field] = list
      .map((one: unknown) => ({ one, rank: (last = rank.get(nameOf(one)) ?? last) }))
      .sort((a, b) => a.rank - b.rank)
      .map(({ one }) => one);
  }
}

function withoutDirectives(value: Json): Json {
  const clean: Json = {};
  for (const [key, inner] of Object.entries(value)) {
    if (key.startsWith('$')) continue;
    if (isObject(inner)) clean[key] = withoutDirectives(inner);
    else if (Array.isArray(inner))
      clean[key] = inner.map((one: unknown) => (isObject(one) ? withoutDirectives(one) : one));
    else if (inner !== null) clean[key] = inner;
  }
  return clean;
}

function unknownDirective(directive: unknown): Error {
  return badRequest(`Unknown patch type: ${JSON.stringify(directive)}`);
}
