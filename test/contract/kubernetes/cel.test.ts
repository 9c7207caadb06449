// CRDs whose rules can't work are refused when they are written, at the same place, by every server. The words after
// "compilation failed" are each CEL implementation's own and aren't compared. How rules judge objects: schema.test.ts.
import { expect } from 'chai';
import { describeEachServer, uniqueName } from './servers.ts';

const FIELDS = {
  a: { type: 'integer' },
  s: { type: 'string', maxLength: 10 },
  m: { type: 'object', additionalProperties: { type: 'string', maxLength: 10 }, maxProperties: 5 },
  o: { type: 'object', properties: { 'in-side': { type: 'integer' } } },
};

const good: Record<string, unknown>[] = [
  { rule: 'self.a > 0' },
  { rule: "!has(self.s) || self.s.matches('^a')", message: 'm', reason: 'FieldValueForbidden', fieldPath: '.s' },
  { rule: "!has(self.m) || self.m.all(k, self.m[k] != '')" },
  { rule: 'self.a >= oldSelf.a' },
  { rule: 'oldSelf.hasValue() || self.a > 0', optionalOldSelf: true },
  { rule: '!has(self.o) || self.o.in__dash__side > 0' },
];
const bad: readonly (readonly [Record<string, unknown>, string])[] = [
  [{ rule: 'self.a >' }, 'rule'],
  [{ rule: 'self.b > 0' }, 'rule'],
  [{ rule: 'self.o.outside > 0' }, 'rule'],
  [{ rule: 'other.a > 0' }, 'rule'],
  [{ rule: 'self.a.nonsense()' }, 'rule'],
  [{ rule: '' }, 'rule'],
  [{ rule: 'self.a > 0', messageExpression: 'self.b' }, 'messageExpression'],
  [{ rule: 'self.a > 0', message: 'two\nlines' }, 'message'],
  [{ rule: 'self.a > 0', reason: 'Because' }, 'reason'],
  [{ rule: 'self.a > 0', fieldPath: 'a' }, 'fieldPath'],
  [{ rule: 'self.a > 0', optionalOldSelf: true }, 'optionalOldSelf'],
];

describeEachServer('rules of CRDs', (server) => {
  const create = (rule: Record<string, unknown>) => {
    const group = `${uniqueName('cel')}.example.com`;
    const spec = { type: 'object', properties: FIELDS, 'x-kubernetes-validations': [rule] };
    return server.call('POST', '/apis/apiextensions.k8s.io/v1/customresourcedefinitions?dryRun=All', {
      apiVersion: 'apiextensions.k8s.io/v1',
      kind: 'CustomResourceDefinition',
      metadata: { name: `things.${group}` },
      spec: {
        group,
        scope: 'Namespaced',
        names: { plural: 'things', singular: 'thing', kind: 'Thing', listKind: 'ThingList' },
        versions: [
          {
            name: 'v1',
            served: true,
            storage: true,
            schema: { openAPIV3Schema: { type: 'object', properties: { spec } } },
          },
        ],
      },
    });
  };

  for (const rule of good) {
    it(`are accepted: ${JSON.stringify(rule)}`, async () => {
      const { status, body } = await create(rule);
      expect(status, JSON.stringify(body)).to.equal(201);
    });
  }
  for (const [rule, field] of bad) {
    it(`are refused: ${JSON.stringify(rule)}`, async () => {
      const { status, body } = await create(rule);
      expect(status).to.equal(422);
      const fields = (body.details.causes as { field: string }[]).map((one) =>
        one.field.replace(/^.*openAPIV3Schema\./, ''),
      );
      expect(fields).to.include(`properties[spec].x-kubernetes-validations[0].${field}`);
    });
  }
});
