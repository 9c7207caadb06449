import { expect } from 'chai';
import type { ResourceInfo } from '../../../local/kubernetes/api.ts';
import { openApiDocument, openApiIndex } from '../../../local/kubernetes/openapi.ts';
import { BUILTIN_RESOURCES } from '../../../local/kubernetes/resources/builtin.ts';

const THING: ResourceInfo = {
  group: 'example.com',
  version: 'v1',
  plural: 'things',
  singular: 'thing',
  kind: 'Thing',
  listKind: 'ThingList',
  shortNames: ['th'],
  categories: [],
  namespaced: true,
  subresources: { status: true },
  printerColumns: [],
  openAPIV3Schema: {
    description: 'A thing.',
    type: 'object',
    properties: { spec: { type: 'object', description: 'Wanted.', properties: { size: { type: 'integer' } } } },
  },
};

const all = [...BUILTIN_RESOURCES, THING];

// eslint-disable-next-line @typescript-eslint/no-explicit-any
function document(groupVersion: string): any {
  const found = openApiDocument(groupVersion, all);
  expect(found).to.not.equal(undefined);
  return found;
}

describe('the OpenAPI v3 index', () => {
  it('names a document for each group version, by a hash that changes with its content', () => {
    const paths = openApiIndex(all)['paths'] as Record<string, { serverRelativeURL: string }>;
    expect(Object.keys(paths)).to.include.members(['api/v1', 'apis/batch/v1', 'apis/example.com/v1']);
    const changed = { ...THING, openAPIV3Schema: { type: 'object' } };
    const others = openApiIndex([...BUILTIN_RESOURCES, changed])['paths'] as typeof paths;
    expect(others['api/v1']).to.deep.equal(paths['api/v1']);
    expect(others['apis/example.com/v1']).to.not.deep.equal(paths['apis/example.com/v1']);
  });
});

describe('an OpenAPI v3 document', () => {
  it('is there for served group versions only', () => {
    expect(openApiDocument('apis/nobody/v1', all)).to.equal(undefined);
  });

  it('describes a custom resource as its CRD does, with the fields every object has', () => {
    const schema = document('apis/example.com/v1').components.schemas['com.example.v1.Thing'];
    expect(schema.description).to.equal('A thing.');
    expect(schema.properties.spec).to.deep.equal(THING.openAPIV3Schema?.['properties']?.['spec' as never]);
    expect(schema.properties.metadata.allOf).to.deep.equal([
      { $ref: '#/components/schemas/io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta' },
    ]);
    expect(schema['x-kubernetes-group-version-kind']).to.deep.equal([
      { group: 'example.com', version: 'v1', kind: 'Thing' },
    ]);
  });

  it('tells kubectl that PATCH validates fields', () => {
    const { patch } =
      document('apis/example.com/v1').paths['/apis/example.com/v1/namespaces/{namespace}/things/{name}'];
    expect((patch.parameters as { name: string }[]).map((one) => one.name)).to.include('fieldValidation');
    expect(patch['x-kubernetes-group-version-kind']).to.deep.equal({
      group: 'example.com',
      version: 'v1',
      kind: 'Thing',
    });
    expect(patch.requestBody.content).to.not.have.property('application/strategic-merge-patch+json');
    expect(document('api/v1').paths['/api/v1/namespaces/{name}'].patch.requestBody.content).to.have.property(
      'application/strategic-merge-patch+json',
    );
  });

  it('has the status subresource where there is one', () => {
    expect(document('apis/example.com/v1').paths).to.have.property(
      '/apis/example.com/v1/namespaces/{namespace}/things/{name}/status',
    );
    expect(document('api/v1').paths).to.not.have.property('/api/v1/namespaces/{namespace}/secrets/{name}/status');
  });

  it('describes the fields of built-in kinds in the words of Kubernetes', () => {
    const { schemas } = document('api/v1').components;
    expect(schemas['io.k8s.api.core.v1.ConfigMap'].properties.data).to.include({ type: 'object' });
    expect(schemas['io.k8s.api.core.v1.ConfigMap'].properties.data.description).to.match(
      /^Data contains the configuration data/,
    );
    expect(schemas['io.k8s.api.core.v1.Container'].required).to.deep.equal(['name']);
    expect(schemas['io.k8s.api.core.v1.ConfigMap'].description).to.match(/^ConfigMap holds/);
  });

  it('refers only to what it holds', () => {
    for (const key of [
      'api/v1',
      'apis/batch/v1',
      'apis/example.com/v1',
      'apis/apiextensions.k8s.io/v1',
      'apis/rbac.authorization.k8s.io/v1',
    ]) {
      const found = document(key);
      const names = Object.keys(found.components.schemas);
      for (const [, name] of JSON.stringify(found).matchAll(/"#\/components\/schemas\/([^"]+)"/g))
        expect(names, key).to.include(name);
    }
  });

  it('is built once, and again when the resources change', () => {
    expect(document('apis/example.com/v1')).to.equal(document('apis/example.com/v1'));
    const before = document('apis/example.com/v1');
    expect(openApiDocument('apis/example.com/v1', [{ ...THING }])).to.not.equal(before);
  });
});
