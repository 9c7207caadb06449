// Images without a Docker engine: their folders are prepared, their Dockerfiles read line by line, and what the last stage would hold is
// started by its entry point, as its user where this machine lets us, with nothing in the environment.
import { chmodSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { prepareImages, type Prepared } from '../../images/main.ts';
import { IMAGES } from '../../infra/naming.ts';
import { checkDockerfile, start } from './dockerfile.ts';

/** Packing the handler for two processors takes a minute here: that image is in prediction.test.ts, which runs with the journeys. */
const QUICK = IMAGES.filter((image) => image !== 'prediction');

describe('The images', function () {
  this.timeout(120_000);
  let folder: string;
  let prepared: Prepared[];
  before(async () => {
    folder = mkdtempSync(join(tmpdir(), 'spotlearn-images-'));
    chmodSync(folder, 0o755);
    prepared = await prepareImages(folder, QUICK);
  });
  after(() => rmSync(folder, { recursive: true, force: true }));
  const of = (image: string) => prepared.find((one) => one.image === image) as Prepared;

  it('leave a hash where the Pulumi program looks for it', () => {
    for (const { path, sha256 } of prepared)
      expect(JSON.parse(readFileSync(`${path}.json`, 'utf8'))).to.deep.equal({ sha256 });
  });

  it('are the same from the same sources', async () => {
    const again = await prepareImages(folder, QUICK);
    expect(again.map(({ sha256 }) => sha256)).to.deep.equal(prepared.map(({ sha256 }) => sha256));
  });

  for (const image of QUICK)
    it(`${image}: pinned, without root, without a shell, with nothing but what it needs`, () => {
      checkDockerfile(image, of(image).path);
    });

  for (const program of ['operator', 'bot'] as const)
    it(`${program}: starts from its image alone and says which settings are missing`, async () => {
      const { code, said } = await start(program, join(of(program).path, 'app'));
      expect(code).to.equal(1);
      expect(said).to.include('AWS_REGION is missing').and.to.include('SPOTLEARN_BUCKET is missing');
      expect(said).not.to.match(/\n\s+at /);
    });

  it('worker: has every source of the trainer and none of its tests', () => {
    const names = readdirSync(join(of('worker').path, 'app/trainer'), { recursive: true, encoding: 'utf8' });
    expect(names).to.include.members(['__main__.py', 'families']);
    expect(names.filter((name) => /(^|\/)(tests|__pycache__|packaging)(\/|$)/.test(name))).to.deep.equal([]);
  });
});
