import { expect } from 'chai';
import { INSTANCE_TYPES as CATALOGUE } from '../../../../cloud/prices.ts';
import { INSTANCE_TYPES, offeredInZone } from '../../../../local/aws/ec2/catalogue.ts';

describe('The types of the local EC2', () => {
  it('are those of the operator’s catalogue, with the same shapes and prices', () => {
    expect([...INSTANCE_TYPES.keys()]).to.deep.equal(CATALOGUE.map(({ name }) => name));
    for (const { name, vcpu, memoryGiB, gpu, arch, burstable, onDemand, spot } of CATALOGUE)
      expect(INSTANCE_TYPES.get(name), name).to.deep.include({
        ...{ vcpus: vcpu, memoryMiB: memoryGiB * 1024, architecture: arch, burstable },
        ...{ onDemandUsd: onDemand, spotUsd: spot },
        ...(gpu > 0 ? { gpu: { ...INSTANCE_TYPES.get(name)?.gpu, count: gpu } } : {}),
      });
  });

  it('name the model of every GPU', () => {
    for (const { name, gpu } of INSTANCE_TYPES.values()) expect(gpu?.name, name).not.to.equal('GPU');
    expect(INSTANCE_TYPES.get('g6.12xlarge')?.gpu).to.deep.equal({
      ...{ name: 'L4', manufacturer: 'NVIDIA', memoryMiB: 22_888, count: 4 },
    });
  });

  it('are not all in every zone', () => {
    expect([0, 1, 2].map((zone) => offeredInZone('p3.2xlarge', zone))).to.deep.equal([true, true, false]);
    expect(offeredInZone('m5.large', 2)).to.equal(true);
  });
});
