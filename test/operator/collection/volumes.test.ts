import { expect } from 'chai';
import type { Volume } from '../../../cloud/compute.ts';
import { looseVolumes, VolumeCollection } from '../../../operator/collection/volumes.ts';
import { SILENT } from '../../../operator/runtime/logging.ts';
import { failure, FakeCompute } from '../aws.ts';
import { ManualClock } from '../clock.ts';
import { HOUR, NOW } from './jobs.ts';

const volume = (id: string, more: Partial<Volume> = {}): Volume => ({
  id,
  state: 'available',
  createdAt: NOW - HOUR,
  tags: {},
  ...more,
});

describe('Orphaned volumes', () => {
  const rows: [what: string, volume: Partial<Volume>, before: string[], ready: boolean, loose: boolean][] = [
    ['seen on nothing for the first time', {}, [], false, true],
    ['seen on nothing twice', {}, ['v'], true, true],
    ['attached again', { state: 'in-use' }, ['v'], false, false],
    ['being deleted by EC2', { state: 'deleting' }, ['v'], false, false],
    ['made less than a minute ago', { createdAt: NOW - 59_999 }, ['v'], false, false],
  ];
  for (const [what, more, before, ready, loose] of rows)
    it(`${ready ? 'are' : 'are not'} deleted: ${what}`, () => {
      const found = looseVolumes([volume('v', more)], new Set(before), NOW);
      expect([found.ready.length, found.loose.size]).to.deep.equal([Number(ready), Number(loose)]);
    });

  it('go in the second pass, at most twenty, and one that EC2 keeps does not hold up the others', async () => {
    const compute = new FakeCompute(() => NOW);
    for (let at = 0; at < 25; at += 1) compute.disks.set(`v-${at}`, volume(`v-${at}`));
    const counted: number[] = [];
    const collection = new VolumeCollection({
      compute,
      clock: new ManualClock(NOW),
      logger: SILENT,
      onCollected: (count) => counted.push(count),
    });
    expect(await collection.collect()).to.deep.equal([]);
    compute.before('deleteVolume', failure('throttled'));
    expect(await collection.collect()).to.have.length(19);
    expect(await collection.collect()).to.have.length(6);
    expect(await collection.collect()).to.deep.equal([]);
    expect(counted).to.deep.equal([19, 6]);
    expect(compute.disks.size).to.equal(0);
  });

  it('must be seen twice in a row: a look without them in between begins anew', async () => {
    const compute = new FakeCompute(() => NOW);
    const collection = new VolumeCollection({
      compute,
      clock: new ManualClock(NOW),
      logger: SILENT,
      onCollected: () => {},
    });
    for (const state of ['available', 'in-use', 'available']) {
      compute.disks.set('v', volume('v', { state }));
      expect(await collection.collect()).to.deep.equal([]);
    }
    expect(await collection.collect()).to.deep.equal(['v']);
  });
});
