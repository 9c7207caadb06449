import { expect } from 'chai';
import { schemaProblems } from '../../../../local/kubernetes/schema/definition.ts';

const problems = (spec: Record<string, unknown>) =>
  schemaProblems({ type: 'object', properties: { spec } }, 'schema').map(({ field, reason }) => `${field} ${reason}`);
const rule = (one: Record<string, unknown>) =>
  schemaProblems(
    {
      type: 'object',
      properties: {
        spec: {
          type: 'object',
          properties: { a: { type: 'integer' }, m: { type: 'object', additionalProperties: { type: 'string' } } },
          'x-kubernetes-validations': [one],
        },
      },
    },
    's',
  ).map(({ field, message }) => `${field.replace(/.*validations/, '')} ${message}`);

describe('the schema of a CRD', () => {
  it('is fine as our own are', () => {
    expect(
      problems({
        type: 'object',
        properties: { a: { type: 'string', pattern: '^(?i)a$' }, l: { type: 'array', items: { type: 'integer' } } },
      }),
    ).to.deep.equal([]);
    expect(
      rule({
        rule: "self.a > 0 && (!has(self.m) || self.m.all(k, self.m[k] != ''))",
        messageExpression: 'string(self.a)',
      }),
    ).to.deep.equal([]);
  });

  it('says each field’s type', () => {
    expect(problems({ properties: {} })).to.deep.equal(['schema.properties[spec].type FieldValueRequired']);
    expect(problems({ type: 'text' })).to.deep.equal(['schema.properties[spec].type FieldValueNotSupported']);
    expect(problems({ type: 'array' })).to.deep.equal(['schema.properties[spec].items FieldValueRequired']);
    expect(problems({ 'x-kubernetes-int-or-string': true })).to.deep.equal([]);
    expect(problems({ type: 'object', additionalProperties: {} })).to.deep.equal([
      'schema.properties[spec].additionalProperties.type FieldValueRequired',
    ]);
  });

  it('is structural', () => {
    expect(problems({ type: 'object', properties: {}, additionalProperties: { type: 'string' } })).to.deep.equal([
      'schema.properties[spec].additionalProperties FieldValueForbidden',
    ]);
    expect(problems({ type: 'array', items: { type: 'string' }, uniqueItems: true })).to.deep.equal([
      'schema.properties[spec].uniqueItems FieldValueForbidden',
    ]);
    expect(problems({ type: 'string', pattern: '(?=x)' })).to.deep.equal([
      'schema.properties[spec].pattern FieldValueInvalid',
    ]);
    const items = { type: 'object', properties: { k: { type: 'string' } } };
    const map = { type: 'array', items, 'x-kubernetes-list-type': 'map' };
    expect(problems(map)).to.deep.equal(['schema.properties[spec].x-kubernetes-list-map-keys FieldValueRequired']);
    expect(problems({ ...map, 'x-kubernetes-list-map-keys': ['z'] })).to.deep.equal([
      'schema.properties[spec].x-kubernetes-list-map-keys FieldValueInvalid',
    ]);
  });

  it('has rules that can be read, about fields that exist', () => {
    expect(rule({ rule: 'self.a >' })[0]).to.match(
      /^\[0\]\.rule Invalid value: .*compilation failed: ERROR: <input>: Syntax error/,
    );
    expect(rule({ rule: 'self.b > 0' })[0]).to.contain("undefined field 'b'");
    expect(rule({ rule: 'other > 0' })[0]).to.contain('compilation failed');
    expect(rule({ rule: 'self.a > 0', messageExpression: 'self.zz' })[0]).to.match(
      /^\[0\]\.messageExpression .*undefined field 'zz'/,
    );
    expect(rule({ rule: ' ' })[0]).to.equal('[0].rule Required value: rule is not specified');
  });

  it('has rules whose other parts are in order', () => {
    expect(rule({ rule: 'self.a > 0', message: ' ' })[0]).to.contain('[0].message');
    expect(rule({ rule: 'self.a > 0', message: 'a\nb' })[0]).to.contain('must not contain line breaks');
    expect(rule({ rule: 'self.a > 0', reason: 'Because' })[0]).to.contain('Unsupported value: "Because"');
    expect(rule({ rule: 'self.a > 0', fieldPath: 'a' })[0]).to.contain('must be a valid path');
    expect(rule({ rule: 'self.a > 0', optionalOldSelf: true })[0]).to.contain(
      'may not be set if oldSelf is not used in rule',
    );
  });
});
