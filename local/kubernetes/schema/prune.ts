// The first thing that happens to a custom resource on its way in: fields that the schema doesn't name are dropped, and
// their paths handed back for fieldValidation. Then defaults.ts fills in.
import { additional, allowsAdditional, isObject, property, type Structural } from './structural.ts';

const META_FIELDS = new Set(['apiVersion', 'kind', 'metadata']);

/** Works in place; returns the sorted paths of what was dropped, such as `spec.foo` or `spec.list[2].bar`. */
export function prune(object: unknown, schema: Structural): string[] {
  const dropped: string[] = [];
  pruneNode(object, { ...schema, 'x-kubernetes-embedded-resource': true }, '', dropped);
  return dropped.sort();
}

function pruneNode(value: unknown, schema: Structural | undefined, path: string, dropped: string[]): void {
  const preserve = schema?.['x-kubernetes-preserve-unknown-fields'] === true;
  if (Array.isArray(value)) {
    for (const [index, item] of value.entries()) {
      const inner = preserve && schema !== undefined ? preserving(schema.items) : schema?.items;
      if (!preserve || inner !== undefined) pruneNode(item, inner, `${path}[${index}]`, dropped);
    }
    return;
  }
  if (!isObject(value)) return;
  for (const name of Object.keys(value)) {
    if (schema?.['x-kubernetes-embedded-resource'] && META_FIELDS.has(name)) continue;
    const here = path === '' ? name : `${path}.${name}`;
    const known = schema === undefined ? undefined : property(schema, name);
    if (known !== undefined) {
      pruneNode(value[name], known, here, dropped);
    } else if (schema !== undefined && allowsAdditional(schema)) {
      pruneNode(value[name], additional(schema), here, dropped);
    } else if (!preserve) {
      dropped.push(here);
      delete value[name];
    }
  }
}

/** Items of a preserving list are themselves preserved where their schema says nothing. */
function preserving(schema: Structural | undefined): Structural | undefined {
  return schema === undefined ? undefined : { ...schema, 'x-kubernetes-preserve-unknown-fields': true };
}
