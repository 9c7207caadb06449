// Which resources are served right now: the built-in ones and those of every CustomResourceDefinition in the store.
import type { KubeObject, ResourceInfo } from '../api.ts';
import { BUILTIN_RESOURCES, groupVersion } from './builtin.ts';
import { definedResources } from './definitions.ts';

export const DEFINITIONS_KEY = 'apiextensions.k8s.io/customresourcedefinitions';

export class Catalogue {
  readonly #defined = new Map<string, ResourceInfo[]>();
  #all: readonly ResourceInfo[] = BUILTIN_RESOURCES;

  /** After a definition was created or changed. */
  define(crd: KubeObject): void {
    this.#defined.set(crd.metadata.name, definedResources(crd));
    this.#all = [...BUILTIN_RESOURCES, ...[...this.#defined.values()].flat()];
  }

  forget(name: string): void {
    this.#defined.delete(name);
    this.#all = [...BUILTIN_RESOURCES, ...[...this.#defined.values()].flat()];
  }

  all(): readonly ResourceInfo[] {
    return this.#all;
  }

  find(group: string, plural: string, version?: string): ResourceInfo | undefined {
    return this.#all.find(
      (one) => one.plural === plural && one.group === group && (version === undefined || one.version === version),
    );
  }

  findKind(apiVersion: string, kind: string): ResourceInfo | undefined {
    return this.#all.find((one) => one.kind === kind && groupVersion(one) === apiVersion);
  }

  /** Is anything served under this group? */
  serves(group: string): boolean {
    return this.#all.some((one) => one.group === group);
  }

  isCustom(resource: ResourceInfo): boolean {
    return !BUILTIN_RESOURCES.includes(resource);
  }
}
