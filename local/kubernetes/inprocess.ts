// The Api of api.ts on top of store and writer: what the controllers and the kubelet of this process use.
import type { Api, ApiEvent, DeleteOptions, Draft, KubeObject, ResourceInfo, ResourceRef } from './api.ts';
import { noSuchPath } from './errors.ts';
import { storageKey } from './resources/builtin.ts';
import type { Catalogue } from './resources/catalogue.ts';
import type { Store } from './storage/store.ts';
import type { Writer } from './writes/writer.ts';

export function inProcessApi(store: Store, catalogue: Catalogue, writer: Writer): Api {
  const known = ({ group, plural }: ResourceRef): ResourceInfo => {
    const resource = catalogue.find(group, plural);
    if (resource === undefined) throw noSuchPath();
    return resource;
  };
  const place = (object: Draft) => ({ namespace: object.metadata?.namespace, name: object.metadata?.name ?? '' });
  // A definition's resources are gone from the catalogue before the events of its objects' removal are told.
  const lastKnown = new Map<string, ResourceInfo>();
  return {
    resources: () => [...catalogue.all()],
    find: (group, plural, version) => catalogue.find(group, plural, version),
    findKind: (apiVersion, kind) => catalogue.findKind(apiVersion, kind),
    list: (resource, namespace) => [...store.list(storageKey(resource), namespace)],
    get: (resource, namespace, name) => store.get(storageKey(resource), namespace, name),
    create: async (resource, object) =>
      writer.create(known(resource), object.metadata?.namespace, typed(known(resource), object)),
    async update(resource, object) {
      const { namespace, name } = place(object);
      return writer.update(known(resource), namespace, name, typed(known(resource), object));
    },
    async updateStatus(resource, object) {
      const { namespace, name } = place(object);
      return writer.update(known(resource), namespace, name, typed(known(resource), object), { subresource: 'Status' });
    },
    async finalizeNamespace(object) {
      const resource = known({ group: '', plural: 'namespaces' });
      return writer.update(resource, undefined, place(object).name, object, { subresource: 'Finalize' });
    },
    async delete(resource: ResourceRef, namespace: string | undefined, name: string, options: DeleteOptions = {}) {
      return (await writer.delete(known(resource), namespace, name, options)).object;
    },
    subscribe: (listener) =>
      store.subscribe((event) => {
        const [group = '', plural = ''] = event.resource.split('/');
        const resource = catalogue.find(group, plural) ?? lastKnown.get(event.resource);
        if (resource === undefined) return;
        lastKnown.set(event.resource, resource);
        const { type, object, old, revision } = event;
        const told: ApiEvent = { type, resource, object, resourceVersion: String(revision), ...(old ? { old } : {}) };
        listener(told);
      }),
    resourceVersion: () => String(store.revision),
  };
}

/** In process nobody should have to repeat what the resource says already. */
function typed(resource: ResourceInfo, object: Draft): KubeObject {
  const apiVersion = resource.group === '' ? resource.version : `${resource.group}/${resource.version}`;
  return { apiVersion, kind: resource.kind, ...object } as KubeObject;
}
