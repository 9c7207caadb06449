import { expect } from 'chai';
import * as fc from 'fast-check';
import * as keys from '../../cloud/keys.ts';

const prefixes = keys.DEFAULT_PREFIXES;
const now = Date.UTC(2026, 10, 23, 23, 5, 6, 789);

describe('Keys in the bucket', () => {
  it('are those of the life of a job', () => {
    expect(keys.datasetKey(prefixes, '12', now, 'my data.csv')).to.equal(
      'datasets/user_12/20261123T230506Z_my_data.csv',
    );
    expect(keys.modelFolder(prefixes, '12', 'm-1')).to.equal('models/user_12/m-1/');
    expect(keys.predictionFolder(prefixes, '12', 'uid')).to.equal('predictions/user_12/uid/');
    expect(keys.instanceFolder('AROAX', 'i-1')).to.equal('instances/AROAX:i-1/');
    expect(keys.checkpointsOf('uid')).to.equal('checkpoints/uid/');
    expect(keys.ledgerKey('12', '2026-11-23T00:00:00Z', 'uid', 2, 'ec2')).to.equal(
      'ledger/user_12/2026-11/uid-2-ec2.json',
    );
    expect(keys.auditKey('2026-11-23T00:00:00Z', 'x')).to.equal('audit/2026-11-23/2026-11-23T00:00:00Z-x.json');
    expect(keys.artefactKey('worker', 'ab', 'tar.gz')).to.equal('artefacts/worker/ab.tar.gz');
    expect(keys.s3Uri('b', 'k/l')).to.equal('s3://b/k/l');
  });

  it('tell which instance they belong to', () => {
    expect(keys.instanceOf('instances/AROAX:i-1/result/a.png', 'AROAX')).to.deep.equal({
      instanceId: 'i-1',
      file: 'result/a.png',
    });
    expect(keys.instanceOf('instances/AROAX:i-1', 'AROAX')).to.equal(undefined);
    expect(keys.instanceOf('instances/AROAY:i-1/a', 'AROAX')).to.equal(undefined);
  });

  it('hold any file name safely', () => {
    expect(keys.safeFileName('../../etc/passwd')).to.equal('etc_passwd');
    expect(keys.safeFileName('…')).to.equal('data.csv');
    expect(keys.safeFileName(`${'x'.repeat(300)}.csv`))
      .to.have.length(100)
      .and.match(/\.csv$/);
    fc.assert(fc.property(fc.string(), (name) => /^[A-Za-z0-9-][\w.-]{0,99}$/.test(keys.safeFileName(name))));
  });
});
