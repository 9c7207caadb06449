import { expect } from 'chai';
import { floorType } from '../../../cloud/matrix.ts';
import type { TrainingJobSpec } from '../../../crds/crds.generated.ts';
import { isSmall, needInWords, needOf, type NeedInput } from '../../../operator/training/need.ts';

const MB = 1e6;
const GB = 1e9;
const input = (model: string, bytes: number, more: Partial<NeedInput> = {}): NeedInput => ({
  spec: { model: { type: model } } as TrainingJobSpec,
  bytes,
  fallbackType: 'm5.large',
  ...more,
});
const wishing = (model: string, resources: TrainingJobSpec['resources']) =>
  ({ model: { type: model }, resources }) as TrainingJobSpec;

describe('The need of a training', () => {
  const matrix: [string, number, string][] = [
    ['linear', 99 * MB, 't3.medium'],
    ['ridge', 99 * MB, 't3.medium'],
    ['lasso', 99 * MB, 't3.medium'],
    ['elastic_net', 100 * MB, 'm5.large'],
    ['logistic', 100 * MB, 'm5.large'],
    ['random_forest', 999 * MB, 'm5.large'],
    ['gradient_boosting', 1 * GB, 'm5.xlarge'],
    ['extra_trees', 1 * GB, 'm5.xlarge'],
    ['auto', 1 * GB, 'm5.xlarge'],
    ['neural_network', 5 * GB, 'm5.xlarge'],
    ['neural_network', 5.1 * GB, 'g4dn.xlarge'],
    ['polynomial', 99 * MB, 't3.medium'],
    ['naive_bayes', 99 * MB, 't3.medium'],
    ['sgd', 100 * MB, 'm5.large'],
    ['decision_tree', 999 * MB, 'm5.large'],
    ['hist_gradient_boosting', 1 * GB, 'm5.xlarge'],
    ['xgboost', 1 * GB, 'm5.xlarge'],
    ['lightgbm', 999 * MB, 'm5.large'],
    ['svm', 1, 'c5.large'],
    ['k_nearest_neighbors', 1, 'c5.large'],
    ['something_new', 1, 'c5.large'],
  ];
  for (const [model, bytes, type] of matrix)
    it(`is at least ${type}'s for ${model} and ${bytes / MB} MB`, () => {
      expect(floorType(model, bytes, 'c5.large')).to.equal(type);
    });

  it('is that of a small type where the default type is in no catalogue', () => {
    expect(needOf(input('something_new', 1, { fallbackType: 'x9.nano' }))).to.deep.equal({
      vcpu: 2,
      memoryGiB: 4,
      gpu: 0,
    });
  });

  it('is memory for several times the data, and what the user asks for', () => {
    expect(needOf(input('random_forest', 1 * MB))).to.deep.equal({ vcpu: 2, memoryGiB: 8, gpu: 0 });
    expect(needOf(input('random_forest', 4 * GB)).memoryGiB).to.be.closeTo(23.4, 0.1);
    const spec = wishing('linear', { vcpu: 8, memoryGiB: 2, gpu: 1 });
    expect(needOf(input('linear', 1, { spec }))).to.deep.equal({ vcpu: 8, memoryGiB: 2, gpu: 1 });
  });

  it('is more memory for families that keep rows or multiply columns', () => {
    const memory = (model: string) => needOf(input(model, 2 * GB)).memoryGiB;
    expect(memory('svm')).to.be.closeTo(memory('sgd') + 0.37, 0.01);
    expect(memory('k_nearest_neighbors')).to.be.closeTo(memory('sgd') + 0.09, 0.01);
    expect(memory('polynomial')).to.be.closeTo(memory('ridge') + 0.75, 0.01);
  });

  it('is twice the memory that was too little, unless the user says how much it is', () => {
    const memory = (more: Partial<NeedInput>) => needOf(input('ridge', 1 * MB, more)).memoryGiB;
    expect(memory({ outgrownGiB: 8 })).to.equal(16);
    expect(memory({ outgrownGiB: 8, spec: wishing('ridge', { memoryGiB: 2 }) })).to.equal(2);
    const one = input('auto', 1 * MB, { outgrownGiB: 8 });
    expect(needInWords(needOf(one), one)).to.equal('at least 2 vCPU, 16 GiB (8 were too little) for 1.0 MB and auto');
  });

  for (const [what, bytes, columns, gib] of [
    ['a narrow table', 1 * GB, 20, 6.6],
    ['a thousand columns', 1 * GB, 1000, 7.2],
    ['as many columns as the worker takes', 2 * GB, 20_000, 24.4],
    ['a wide table smaller than a batch', 100 * MB, 20_000, 3.4],
  ] as const)
    it(`is ${gib} GiB for the data of ${what}`, () => {
      // A linear model of that size has a floor of 4 or 8 GiB, so the data's share is looked at with a floor of nothing.
      const wide = needOf(input('ridge', bytes, { columns })).memoryGiB;
      expect(wide).to.be.closeTo(Math.max(gib, bytes < 100 * MB ? 4 : 8), 0.1);
    });

  it('is more cores where the deadline is nearer than the work, but only for families that use them', () => {
    const vcpu = (model: string, deadlineSeconds?: number, more: Partial<NeedInput> = {}) =>
      needOf(input(model, 1 * GB, { deadlineSeconds, ...more })).vcpu;
    // 1 GB is 3,000 s on two vCPUs, 1,500 s on the four of the floor, and 90 s to boot.
    expect(vcpu('random_forest')).to.equal(4);
    expect(vcpu('random_forest', 2000)).to.equal(4);
    expect(vcpu('random_forest', 1900)).to.equal(8);
    expect(vcpu('random_forest', 600)).to.equal(16);
    expect(vcpu('random_forest', 1)).to.equal(32);
    expect(vcpu('xgboost', 1)).to.equal(4);
    expect(needOf(input('lightgbm', 0.9 * GB, { deadlineSeconds: 1 })).vcpu).to.equal(4);
    expect(vcpu('gradient_boosting', 1)).to.equal(4);
    expect(vcpu('linear', 1)).to.equal(2);
    expect(vcpu('random_forest', 1, { spec: wishing('random_forest', { gpu: 1 }) })).to.equal(4);
    expect(vcpu('random_forest', 1, { spec: wishing('random_forest', { vcpu: 48 }) })).to.equal(48);
  });

  it('is small where t3.medium has it', () => {
    expect(isSmall(needOf(input('linear', 1 * MB)))).to.equal(true);
    expect(isSmall(needOf(input('linear', 100 * MB)))).to.equal(false);
    expect(isSmall({ vcpu: 2, memoryGiB: 4, gpu: 1 })).to.equal(false);
    expect(isSmall({ vcpu: 4, memoryGiB: 4, gpu: 0 })).to.equal(false);
  });

  it('is told with what raised it', () => {
    const words = (one: NeedInput) => needInWords(needOf(one), one);
    expect(words(input('linear', 900))).to.equal('at least 2 vCPU, 4 GiB for 1 kB and linear');
    expect(words(input('neural_network', 6 * GB))).to.equal(
      'at least 4 vCPU, 34.5 GiB and 1 GPU for 6.0 GB and neural_network',
    );
    expect(words(input('auto', 1 * GB, { columns: 20_000, deadlineSeconds: 600 }))).to.equal(
      'at least 16 vCPU (4 would be late for the deadline), 18.8 GiB for 1.0 GB of 20000 columns and auto',
    );
  });
});
