// compileSchema against the server's own answers: the same causes for the same bad object. Each case's schema becomes a
// CRD; its objects are sent with dryRun=All, its updates for real.
import { expect } from 'chai';
import type { Cause } from '../../../local/kubernetes/api.ts';
import { compileSchema } from '../../../local/kubernetes/schema/compile.ts';
import { ruleCases, type SchemaCase, valueCases } from './schema-cases.ts';
import { type Answer, type ContractServer, describeEachServer, eventually } from './servers.ts';

interface Verdict {
  readonly causes: string[];
  /** What is stored, without metadata; undefined when refused. */
  readonly stored: unknown;
}

let counter = 0;

class Case {
  readonly server: ContractServer;
  readonly plural: string;
  readonly group: string;
  readonly schema: Record<string, unknown>;
  readonly root: boolean;
  readonly title: string;
  readonly objects: readonly unknown[];
  readonly updates: readonly (readonly [unknown, unknown])[];

  constructor(server: ContractServer, { title, schema, root, objects, updates }: SchemaCase) {
    counter += 1;
    this.server = server;
    this.title = title;
    this.objects = objects;
    this.updates = updates ?? [];
    this.plural = 'things';
    this.group = `case${counter}.example.com`;
    this.root = root === true;
    this.schema = this.root ? schema : { type: 'object', properties: { spec: schema } };
  }

  async create(): Promise<void> {
    const answer = await this.server.call('POST', '/apis/apiextensions.k8s.io/v1/customresourcedefinitions', {
      apiVersion: 'apiextensions.k8s.io/v1',
      kind: 'CustomResourceDefinition',
      metadata: { name: `${this.plural}.${this.group}` },
      spec: {
        group: this.group,
        scope: 'Namespaced',
        names: { plural: this.plural, singular: 'thing', kind: 'Thing', listKind: 'ThingList' },
        versions: [{ name: 'v1', served: true, storage: true, schema: { openAPIV3Schema: this.schema } }],
      },
    });
    expect(answer.status, JSON.stringify(answer.body)).to.equal(201);
    await eventually('the CRD is served', async () =>
      (await this.server.call('GET', this.path)).status === 200 ? true : undefined,
    );
  }

  async remove(): Promise<void> {
    await this.server.call(
      'DELETE',
      `/apis/apiextensions.k8s.io/v1/customresourcedefinitions/${this.plural}.${this.group}`,
    );
  }

  get path(): string {
    return `/apis/${this.group}/v1/namespaces/default/${this.plural}`;
  }

  object(content: unknown): Record<string, unknown> {
    const fields = this.root ? (content as Record<string, unknown>) : { spec: content };
    return {
      apiVersion: `${this.group}/v1`,
      kind: 'Thing',
      metadata: { name: 'case' },
      ...structuredClone(fields),
    };
  }

  expected(content: unknown, old?: unknown): Verdict {
    const compiled = compileSchema(this.schema);
    const prepared = (one: unknown) => {
      const object = this.object(one);
      compiled.prune(object);
      compiled.applyDefaults(object);
      return object;
    };
    const object = prepared(content);
    const causes = compiled.validate(object, old === undefined ? undefined : prepared(old));
    return { causes: lines(causes), stored: causes.length > 0 ? undefined : withoutMetadata(object) };
  }

  verdict({ status, body }: Answer): Verdict {
    if (status === 201 || status === 200) return { causes: [], stored: withoutMetadata(body) };
    expect(status, JSON.stringify(body)).to.equal(422);
    return { causes: lines(body.details.causes), stored: undefined };
  }
}

function lines(causes: readonly Cause[]): string[] {
  return causes.map(({ field, reason, message }) => `${field} ${reason} ${message}`).sort();
}

function withoutMetadata(object: Record<string, unknown>): unknown {
  const { metadata: _metadata, ...rest } = object;
  return rest;
}

const cut = (value: unknown) => {
  const text = JSON.stringify(value);
  return text.length > 90 ? `${text.slice(0, 87)}...` : text;
};

describeEachServer('schemas of custom resources', (server) => {
  const all = [...valueCases, ...ruleCases].map((one) => new Case(server, one));
  before(async function () {
    this.timeout(60_000);
    await Promise.all(all.map((one) => one.create()));
  });
  after(() => Promise.all(all.map((one) => one.remove())));

  for (const one of all) {
    describe(one.title, () => {
      for (const content of one.objects) {
        it(`judges ${cut(content)} as compileSchema does`, async () => {
          const answer = await server.call('POST', `${one.path}?dryRun=All`, one.object(content));
          expect(one.expected(content)).to.deep.equal(one.verdict(answer));
        });
      }
      for (const [old, content] of one.updates) {
        it(`judges the update of ${cut(old)} to ${cut(content)} as compileSchema does`, async () => {
          const created = await server.call('POST', one.path, one.object(old));
          expect(created.status, JSON.stringify(created.body)).to.equal(201);
          const name = created.body.metadata.name as string;
          try {
            const object = one.object(content);
            object.metadata = { name, resourceVersion: created.body.metadata.resourceVersion };
            const answer = await server.call('PUT', `${one.path}/${name}`, object);
            expect(one.expected(content, old)).to.deep.equal(one.verdict(answer));
          } finally {
            await server.call('DELETE', `${one.path}/${name}`);
          }
        });
      }
    });
  }
});
