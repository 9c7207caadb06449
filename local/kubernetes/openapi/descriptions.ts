// What the built-in kinds' fields mean, for kubectl explain: read off the declarations of @kubernetes/client-node, which
// carry the words of Kubernetes' own OpenAPI. Read when a document is first asked for; absent, there are no descriptions.
import { readFileSync } from 'node:fs';

export interface ModelDescription {
  readonly description?: string;
  readonly fields: ReadonlyMap<string, string>;
  readonly required: readonly string[];
}

const FIELD = /(?:\/\*\*([\s\S]*?)\*\/\s*)?'((?:[^'\\]|\\.)+)'(\?)?: /g;

export function describeModel(type: string): ModelDescription {
  let text: string;
  try {
    text = readFileSync(new URL(`gen/models/${type}.d.ts`, import.meta.resolve('@kubernetes/client-node')), 'utf8');
  } catch {
    return { fields: new Map(), required: [] };
  }
  const start = text.indexOf('export declare class');
  const before = text.slice(0, start);
  const body = text.slice(start, text.indexOf('static readonly discriminator'));
  const comment = /\/\*\*((?:(?!\*\/)[\s\S])*)\*\/\s*$/.exec(before)?.[1];
  const fields = new Map<string, string>();
  const required: string[] = [];
  for (const [, words, name = '', optional] of body.matchAll(FIELD)) {
    if (words !== undefined) fields.set(name, plain(words));
    if (optional === undefined) required.push(name);
  }
  return { ...(comment === undefined ? {} : { description: plain(comment) }), fields, required };
}

function plain(comment: string): string {
  return comment
    .replace(/^\s*\* ?/gm, '')
    .replace(/\\'/g, "'")
    .trim();
}
