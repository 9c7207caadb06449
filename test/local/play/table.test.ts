import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { exampleJob, jobOf, predictionInput } from '../../../local/play/table.ts';
import { StartFailure } from '../../../local/stack/failure.ts';

describe('The table of the main job', () => {
  let folder: string;
  beforeEach(() => (folder = mkdtempSync(join(tmpdir(), 'spotlearn-table-'))));
  afterEach(() => rmSync(folder, { recursive: true, force: true }));
  const file = (text: string) => {
    const path = join(folder, 'my data.csv');
    writeFileSync(path, text);
    return path;
  };

  it('is the example unless another is given', () => {
    const job = exampleJob();
    expect(jobOf(job)).to.equal(job);
    const { name, data } = predictionInput(job);
    expect(name).to.equal('german_credit_without_class.csv');
    expect(data.toString().split('\n')[0]).not.to.include('class');
  });

  it('is predicted for without its target, quotes kept where they are needed', () => {
    const data = file('a;"b;c";y\n1;"x\ny";2\n');
    expect(predictionInput({ data, target: 'y', predict: undefined }).data.toString()).to.equal('a;"b;c"\n1;"x\ny"\n');
    expect(predictionInput({ data, target: 'y', predict: data }).name).to.equal('my data.csv');
  });

  it('is checked before anything starts', () => {
    expect(() => jobOf({ data: join(folder, 'no.csv'), target: 'y', predict: undefined })).to.throw(
      StartFailure,
      'There is no file',
    );
    expect(() => jobOf({ data: file('a,b\n1,2\n'), target: 'y', predict: undefined })).to.throw(
      StartFailure,
      'has no column "y"; it has a, b',
    );
    expect(() => jobOf({ data: file(''), target: 'y', predict: undefined })).to.throw(StartFailure, 'is empty');
  });
});
