import { readFileSync } from 'node:fs';
import { expect } from 'chai';
import { parse } from 'yaml';
import { AUTO, FAMILIES, familiesFor, hyperparameterProblem } from '../../cloud/families.ts';

describe('The families', () => {
  const crd = parse(readFileSync(new URL('../../crds/trainingjobs.yaml', import.meta.url), 'utf8')) as {
    spec: {
      versions: { schema: { openAPIV3Schema: { properties: { spec: { properties: { model: ModelSchema } } } } } }[];
    };
  };
  interface ModelSchema {
    properties: { type: { enum: string[] } };
  }
  const offered = crd.spec.versions[0]?.schema.openAPIV3Schema.properties.spec.properties.model.properties.type.enum;

  it('are the model types of a TrainingJob', () => {
    expect(offered).to.have.members([AUTO, ...FAMILIES.map(({ name }) => name)]);
  });

  it('each do a task', () => {
    expect(familiesFor('regression').map(({ name }) => name))
      .to.include('ridge')
      .and.not.to.include('logistic');
    expect(familiesFor('classification').map(({ name }) => name))
      .to.include('random_forest')
      .and.not.to.include('linear');
    for (const { name, tasks, title } of FAMILIES) {
      expect(tasks, name).not.to.deep.equal([]);
      expect(title, name).to.match(/^\S/);
    }
  });

  it('take their own defaults', () => {
    for (const { name, hyperparameters } of FAMILIES) {
      const defaults = Object.fromEntries(
        hyperparameters.flatMap((one) => (one.default === null ? [] : [[one.name, one.default]])),
      );
      expect(hyperparameterProblem(name, defaults)).to.equal(undefined);
    }
  });
});

describe('Hyperparameters', () => {
  for (const [model, asked, words] of [
    ['random_forest', { n_estimators: 1e9 }, 'n_estimators of random_forest cannot be 1000000000. It must be a whole'],
    ['random_forest', { n_estimators: 1.5 }, 'a whole number from 1'],
    ['random_forest', { n_estimators: 'many' }, 'cannot be "many"'],
    ['random_forest', { n_estimators: true }, 'cannot be true'],
    ['random_forest', { n_estimators: null }, 'cannot be null'],
    ['random_forest', { max_features: 'all' }, 'sqrt'],
    ['random_forest', { trees: 5 }, 'random_forest has no hyperparameter trees. Allowed: n_estimators: a whole number'],
    ['random_forest', { max_features: 'x'.repeat(100) }, '…'],
    ['linear', { fit_intercept: 1 }, 'true or false'],
    ['ridge', { alpha: '1e-12' }, 'a number from'],
    ['ridge', { alpha: 'automatic' }, 'or auto'],
    ['neural_network', { hidden_layer_sizes: '64,,32' }, '1 to 4 whole numbers'],
    ['neural_network', { hidden_layer_sizes: '1,2,3,4,5' }, 'cannot be "1,2,3,4,5"'],
    ['neural_network', { hidden_layer_sizes: 1e6 }, 'cannot be 1000000'],
    ['auto', { n_estimators: 5 }, 'auto chooses hyperparameters itself'],
  ] as const)
    it(`${JSON.stringify(asked).slice(0, 40)} of ${model} are refused with what is allowed`, () => {
      expect(hyperparameterProblem(model, asked)).to.contain(words);
    });

  for (const [model, asked] of [
    ['random_forest', { n_estimators: '200', max_depth: 0, max_features: 'sqrt' }],
    ['linear', { fit_intercept: 'False' }],
    ['ridge', { alpha: ' .5 ' }],
    ['ridge', { alpha: 'auto' }],
    ['neural_network', { hidden_layer_sizes: '64, 32' }],
    ['neural_network', { hidden_layer_sizes: 64 }],
    ['auto', {}],
    ['something_newer', { anything: 1 }],
  ] as const)
    it(`${JSON.stringify(asked)} of ${model} pass`, () => {
      expect(hyperparameterProblem(model, asked)).to.equal(undefined);
    });
});
