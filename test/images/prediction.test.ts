// The image of the prediction handler, for both processors; and that all images together are those that the Pulumi program builds.
import { mkdtempSync, chmodSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { prepareImages, type Prepared } from '../../images/main.ts';
import { IMAGES } from '../../infra/naming.ts';
import { checkDockerfile, start } from './dockerfile.ts';

describe('The image of the prediction handler', function () {
  this.timeout(300_000);
  let folder: string;
  let prepared: Prepared[];
  before(async () => {
    folder = mkdtempSync(join(tmpdir(), 'spotlearn-images-'));
    chmodSync(folder, 0o755);
    prepared = await prepareImages(folder);
  });
  after(() => rmSync(folder, { recursive: true, force: true }));
  const path = () => prepared.find(({ image }) => image === 'prediction')?.path ?? '';

  it('is one of those that the Pulumi program builds, the same from the same sources', async () => {
    expect(prepared.map(({ image }) => image)).to.have.members([...IMAGES]);
    const again = await prepareImages(folder);
    expect(again.map(({ sha256 }) => sha256)).to.deep.equal(prepared.map(({ sha256 }) => sha256));
  });

  it('is pinned, without root, without a shell, with nothing but what it needs', () =>
    checkDockerfile('prediction', path()));

  it('starts from its image alone, for the processor of this machine', async () => {
    const { code, said } = await start('prediction', join(path(), process.arch === 'arm64' ? 'arm64' : 'amd64'));
    expect(code).not.to.equal(0);
    expect(said).not.to.match(/Cannot find|ERR_MODULE|\n\s+at /);
  });
});
