// What stands in crds/ as YAML, as plain objects: the definitions of the custom resources; namespace, service accounts and RBAC.
import { readdirSync, readFileSync } from 'node:fs';
import { parseAllDocuments } from 'yaml';
import type { KubernetesObject } from './object.ts';

const FOLDER = new URL('../../crds/', import.meta.url);

function objects(): KubernetesObject[] {
  const files = readdirSync(FOLDER).filter((name) => name.endsWith('.yaml'));
  return files.sort().flatMap((file) =>
    parseAllDocuments(readFileSync(new URL(file, FOLDER), 'utf8'))
      .map((document) => document.toJS() as KubernetesObject | null)
      .filter((object) => object !== null),
  );
}

const isDefinition = ({ kind }: KubernetesObject) => kind === 'CustomResourceDefinition';

export const definitions = (): KubernetesObject[] => objects().filter(isDefinition);

/** The namespace first. */
export const permissions = (): KubernetesObject[] => objects().filter((object) => !isDefinition(object));
