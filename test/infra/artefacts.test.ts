import { rmSync, unlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import { ArtefactsMissing, readArtefacts } from '../../infra/artefacts.ts';
import { makeArtefacts } from './mocks.ts';

describe('What is uploaded', () => {
  let folder: string;
  beforeEach(() => {
    folder = makeArtefacts();
  });
  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  it('is found where npm run package and package:worker leave it', () => {
    const { worker, handler } = readArtefacts(folder, 'arm64');
    expect(worker.x86_64.path).to.match(/x86_64\.tar\.gz$/);
    expect(worker.x86_64.packs).to.have.length(1);
    expect(worker.arm64?.path).to.match(/arm64\.tar\.gz$/);
    expect(handler.path).to.match(/lambda-linux-arm64\.zip$/);
    expect(readArtefacts(folder, 'x86_64').handler.path).to.match(/lambda-linux-x64\.zip$/);
  });

  it('has a layer where the zip became too large', () => {
    const zip = { path: join(folder, 'lambda-linux-x64.zip'), sha256: 'ab'.repeat(32) };
    const layer = { path: join(folder, 'lambda-linux-arm64.zip'), sha256: 'cd'.repeat(32) };
    writeFileSync(join(folder, 'lambda-linux-x64.zip.json'), JSON.stringify({ ...zip, layer }));
    expect(readArtefacts(folder, 'x86_64').handler).to.deep.equal({ ...zip, layer });
  });

  it('may lack the arm64 bundle: then there are no arm64 workers', () => {
    unlinkSync(join(folder, 'worker/worker-python3.12-arm64.json'));
    expect(readArtefacts(folder, 'arm64').worker).to.have.all.keys('x86_64');
  });

  it('says all that is missing, and by which command it is built', () => {
    unlinkSync(join(folder, 'worker/worker-python3.12-x86_64.json'));
    unlinkSync(join(folder, 'lambda-linux-arm64.zip'));
    expect(() => readArtefacts(folder, 'arm64'))
      .to.throw(ArtefactsMissing, /lambda-linux-arm64\.zip is missing; build it: npm run package\n/)
      .with.property('message')
      .that.includes('npm run package:worker -- --arch x86_64');
  });
});
