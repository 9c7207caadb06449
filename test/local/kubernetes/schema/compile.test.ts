// The whole of compileSchema on the contract cases is held to the servers by test/contract; here: what has literal answers.
import { expect } from 'chai';
import fc from 'fast-check';
import { compileSchema } from '../../../../local/kubernetes/schema/compile.ts';
import { ruleCases, valueCases } from '../../../contract/kubernetes/schema-cases.ts';

const spec = (schema: Record<string, unknown>) => compileSchema({ type: 'object', properties: { spec: schema } });
const causes = (schema: Record<string, unknown>, value: unknown, old?: unknown) =>
  spec(schema)
    .validate({ spec: value }, old === undefined ? undefined : { spec: old })
    .map(({ field, message }) => `${field}: ${message}`);

describe('a compiled schema', () => {
  it('drops unknown fields and tells their paths', () => {
    const compiled = spec({
      type: 'object',
      properties: { l: { type: 'array', items: { type: 'object', properties: { a: { type: 'string' } } } } },
    });
    const object = { metadata: { anything: 1 }, other: 1, spec: { x: 1, l: [{ a: 'x', b: 1 }] } };
    expect(compiled.prune(object)).to.deep.equal(['other', 'spec.l[0].b', 'spec.x']);
    expect(object).to.deep.equal({ metadata: { anything: 1 }, spec: { l: [{ a: 'x' }] } });
  });

  it('fills in defaults as copies', () => {
    const compiled = spec({
      type: 'object',
      default: {},
      properties: { l: { type: 'array', items: { type: 'string' }, default: ['x'] } },
    });
    const one = {} as { spec?: { l: string[] } };
    const two = {} as typeof one;
    compiled.applyDefaults(one);
    one.spec?.l.push('y');
    compiled.applyDefaults(two);
    expect(two).to.deep.equal({ spec: { l: ['x'] } });
  });

  it('words complaints as the API server does', () => {
    expect(causes({ type: 'integer', minimum: 1 }, 0)).to.deep.equal([
      'spec: Invalid value: 0: spec in body should be greater than or equal to 1',
    ]);
    expect(causes({ type: 'string', enum: ['a'] }, 'b\n')).to.deep.equal([
      'spec: Unsupported value: "b\\n": supported values: "a"',
    ]);
    expect(causes({ type: 'string', maxLength: 1 }, 'ab')).to.deep.equal([
      'spec: Too long: may not be more than 1 byte',
    ]);
    expect(causes({ type: 'object', required: ['x'] }, {})).to.deep.equal(['spec.x: Required value']);
    expect(causes({ type: 'integer' }, 'x')).to.deep.equal([
      'spec: Invalid value: "string": spec in body must be of type integer: "string"',
    ]);
    expect(causes({ type: 'array', items: {}, maxItems: 1 }, [1, 2])).to.deep.equal([
      'spec: Too many: 2: must have at most 1 item',
    ]);
  });

  it('evaluates rules, and tells which one failed', () => {
    const schema = { type: 'string', 'x-kubernetes-validations': [{ rule: 'self == oldSelf', message: 'immutable' }] };
    expect(causes(schema, 'a')).to.deep.equal([]);
    expect(causes(schema, 'b', 'a')).to.deep.equal(['spec: Invalid value: "string": immutable']);
    expect(causes({ type: 'integer', 'x-kubernetes-validations': [{ rule: 'self ' }] }, 1)).to.deep.equal([
      'spec: Invalid value: "integer": failed rule: self',
    ]);
    expect(causes({ type: 'integer', 'x-kubernetes-validations': [{ rule: 'self >' }] }, 1)[0]).to.contain(
      'rule compile error',
    );
  });

  it('finds fault in some of the contract cases and none in others, without ever failing itself', () => {
    const counts = { good: 0, bad: 0 };
    for (const { schema, root, objects, updates = [] } of [...valueCases, ...ruleCases]) {
      const compiled = root ? compileSchema(schema) : spec(schema);
      const check = (content: unknown, old?: unknown) => {
        const wrap = (one: unknown) => ({
          kind: 'Thing',
          metadata: { name: 'case' },
          ...structuredClone(root ? (one as object) : { spec: one }),
        });
        const object = wrap(content);
        compiled.prune(object);
        compiled.applyDefaults(object);
        if (compiled.validate(object, old === undefined ? undefined : wrap(old)).length === 0) counts.good += 1;
        else counts.bad += 1;
      };
      for (const content of objects) check(content);
      for (const [old, content] of updates) check(content, old);
    }
    expect(counts.good).to.be.greaterThan(35);
    expect(counts.bad).to.be.greaterThan(80);
  });

  it('never complains about an unchanged object', () => {
    const compiled = spec({ type: 'object', properties: { a: { type: 'integer', minimum: 5 } }, required: ['b'] });
    const property = fc.property(fc.jsonValue(), (value) => {
      const object = { spec: value } as object;
      return compiled.validate(object, structuredClone(object)).length === 0;
    });
    fc.assert(property);
  });
});
