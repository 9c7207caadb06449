import { expect } from 'chai';
import { measurements, nameOf } from '../../bench/idle.ts';

describe('The benchmark of the idle stack', () => {
  const round = (readyMs: number, aws: number) => ({
    readyMs,
    processes: [
      { name: 'aws', rssMb: aws, pssMb: 10 },
      { name: 'leashes', rssMb: 1, pssMb: 10 },
      { name: 'leashes', rssMb: 2, pssMb: 10 },
    ],
  });
  const rows = [round(1000, 90), round(3000, 100), round(2000, 200)];
  const valueOf = (name: string) => measurements(9000, rows).find((one) => one.name === name)?.value;

  it('adds up the processes of a name and takes the median of the rounds', () => {
    expect(valueOf('aws: RSS')).to.equal(100);
    expect(valueOf('leashes: RSS')).to.equal(3);
    expect(valueOf('leashes: PSS')).to.equal(20);
    expect(valueOf('ready, first start')).to.equal(9);
    expect(valueOf('ready, later starts')).to.equal(2);
  });

  it('compares the sum with the limit', () => {
    expect(measurements(0, rows).find((one) => one.name === 'all: RSS')).to.deep.equal({
      name: 'all: RSS',
      value: 103,
      unit: 'MB',
      peer: 'the limit',
      peerValue: 500,
      ratio: 500 / 103,
    });
  });

  it('leaves PSS out where the system does not tell', () => {
    const silent = { readyMs: 1, processes: [{ name: 'aws', rssMb: 90, pssMb: undefined }] };
    expect(
      measurements(0, [silent])
        .map(({ name }) => name)
        .filter((name) => name.includes('PSS')),
    ).to.deep.equal([]);
  });

  it('names processes by what they run', () => {
    expect(nameOf('/usr/bin/node --optimize-for-size /s/artefacts/operator-0a1b2c3d4e5f6789/main.mjs')).to.equal(
      'operator',
    );
    expect(nameOf('node local/aws/main.ts --state /tmp/x')).to.equal('aws');
    expect(nameOf('/bin/sh /r/local/process/leash.sh 2 node /s/bot-0a1b/main.mjs')).to.equal('leashes');
    expect(nameOf('python3 -m trainer')).to.equal('python3 -m trainer');
  });
});
