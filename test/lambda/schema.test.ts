// The small validator against Ajv, on the contract's own schemas and damaged documents.
import { Ajv2020 } from 'ajv/dist/2020.js';
import { expect } from 'chai';
import fc from 'fast-check';
import handlerSchema from '../../cloud/contract/handler.schema.json' with { type: 'json' };
import manifestSchema from '../../cloud/contract/manifest.schema.json' with { type: 'json' };
import { problems, type Schema } from '../../lambda/schema.ts';
import { manifestOf, number } from '../../bench/prediction/manifest.ts';
import { damaged } from './damage.ts';

const event = {
  version: 1,
  job: { namespace: 'n', name: 'j', uid: 'u', chunk: 0 },
  model: { uri: 'u', url: 'u', sha256: 'a'.repeat(64), manifestUrl: 'u', manifestSha256: 'b'.repeat(64) },
  data: { uri: 'u', url: 'u', bytes: 3, etag: 'e', range: { start: 0, end: 3 } },
  output: { uri: 'u', url: 'u' },
  prediction_column_name: 'p',
  feature_columns: ['a'],
  probabilities: true,
};
const manifest = manifestOf({
  columns: [number('a'), { column: 'b', kind: 'oneHot', categories: ['x'], impute: null }],
  width: 2,
  classes: ['x', 'y'],
  divisor: 3,
});

describe('the validator', () => {
  const cases: [string, object, unknown][] = [
    ['events', handlerSchema, event],
    ['manifests', manifestSchema, manifest],
  ];
  for (const [name, schema, document] of cases) {
    const ajv = new Ajv2020({ strict: false, validateFormats: false });
    const fits = ajv.compile(schema);

    it(`takes and refuses the ${name} that Ajv takes and refuses`, () => {
      expect(problems(schema, document)).to.deep.equal([]);
      fc.assert(
        fc.property(damaged(document), (value) => {
          expect(problems(schema, value).length === 0, JSON.stringify(value)).to.equal(fits(value));
        }),
        { numRuns: 600 },
      );
      for (const value of [null, undefined, 1, 'x', []]) expect(problems(schema, value)).to.not.be.empty;
    });
  }

  it('says what is wrong and where', () => {
    const schema: Schema = {
      type: 'object',
      properties: { a: { type: 'array', items: { type: 'integer', maximum: 3 } } },
    };
    expect(problems(schema, { a: [1, 4, 'x'] })).to.deep.equal(['a[1] must be at most 3', 'a[2] must be integer']);
    expect(problems({ oneOf: [{ type: 'number' }, { type: 'integer' }] }, 1)).to.deep.equal([
      'the value fits more than one form',
    ]);
    expect(() => problems({ $ref: '#/$defs/none' }, 1)).to.throw(/does not define/);
  });
});
