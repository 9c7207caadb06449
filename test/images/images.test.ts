// Images without a Docker engine: their folders are prepared, their Dockerfiles read line by line, and what the last stage would hold is
// started by its entry point, as its user where this machine lets us, with nothing in the environment.
import { spawn } from 'node:child_process';
import { chmodSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { prepareImages, type Prepared } from '../../images/main.ts';
import { IMAGES } from '../../infra/naming.ts';

interface Line {
  readonly instruction: string;
  readonly text: string;
}

const linesOf = (file: string): Line[] =>
  readFileSync(file, 'utf8')
    .split('\n')
    .filter((line) => line !== '' && !line.startsWith('#'))
    .map((line) => ({ instruction: line.split(' ', 1)[0] ?? '', text: line.slice(line.indexOf(' ') + 1) }));

describe('The images', function () {
  this.timeout(120_000);
  let folder: string;
  let prepared: Prepared[];
  before(async () => {
    folder = mkdtempSync(join(tmpdir(), 'spotlearn-images-'));
    chmodSync(folder, 0o755);
    prepared = await prepareImages(folder);
  });
  after(() => rmSync(folder, { recursive: true, force: true }));
  const of = (image: string) => prepared.find((one) => one.image === image) as Prepared;

  it('are those that the Pulumi program builds', () => {
    expect(prepared.map(({ image }) => image)).to.have.members([...IMAGES]);
    for (const { path, sha256 } of prepared)
      expect(JSON.parse(readFileSync(`${path}.json`, 'utf8'))).to.deep.equal({ sha256 });
  });

  it('are the same from the same sources', async () => {
    const again = await prepareImages(folder);
    expect(again.map(({ sha256 }) => sha256)).to.deep.equal(prepared.map(({ sha256 }) => sha256));
  });

  for (const image of IMAGES)
    it(`${image}: pinned, without root, without a shell, with nothing but what it needs`, () => {
      const lines = linesOf(join('images', `${image}.Dockerfile`));
      const texts = (instruction: string) =>
        lines.filter((line) => line.instruction === instruction).map(({ text }) => text);
      expect(lines.map(({ instruction }) => instruction)).to.include.members(['FROM', 'COPY', 'USER', 'ENTRYPOINT']);
      const base = texts('ARG').find((text) => text.includes('_IMAGE='));
      expect(base).to.match(/^[A-Z]+_IMAGE=[a-z]+:\d+\.\d+\.\d+-[a-z-]+$/);
      for (const from of texts('FROM')) expect(from).to.match(/^\$\{[A-Z]+_IMAGE\}( AS [a-z]+)?$/);
      expect(texts('USER')).to.deep.equal(['65532:65532']);
      expect(lines.at(-1)?.instruction).to.equal('ENTRYPOINT');
      expect(texts('ADD')).to.deep.equal([]);
      for (const run of [...texts('RUN'), ...texts('ENTRYPOINT')]) expect(JSON.parse(run)).to.be.an('array');
      for (const run of texts('RUN')) expect(run).to.include('--no-cache-dir').and.to.include('--require-hashes');
      const sources = texts('COPY')
        .filter((text) => !text.startsWith('--from='))
        .map((text) => text.split(' ')[0] ?? '');
      const there = new Set(readdirSync(of(image).path));
      const copied = sources.flatMap((source) =>
        source.startsWith('${TARGETARCH}') ? ['amd64', 'arm64'] : [source.replace(/\/$/, '')],
      );
      expect([...copied, 'Dockerfile']).to.have.members([...there]);
    });

  /** Runs what the entry point names in the folder that the image would have as /app. */
  const start = (image: string, app: string): Promise<{ code: number | null; said: string }> =>
    new Promise((resolve, reject) => {
      const entry = linesOf(join('images', `${image}.Dockerfile`)).at(-1)?.text ?? '';
      const [command, file = ''] = JSON.parse(entry) as string[];
      expect(command).to.equal('node');
      const path = file.replace('/app/', `${join(of(image).path, app)}/`);
      const asUser = process.getuid?.() === 0 ? { uid: 65532, gid: 65532 } : {};
      const child = spawn(process.execPath, [path], {
        env: {},
        cwd: '/',
        stdio: ['ignore', 'pipe', 'pipe'],
        ...asUser,
      });
      let said = '';
      for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk: Buffer) => (said += String(chunk)));
      child.once('error', reject);
      child.once('close', (code) => resolve({ code, said }));
    });

  for (const program of ['operator', 'bot'] as const)
    it(`${program}: starts from its image alone and says which settings are missing`, async () => {
      const { code, said } = await start(program, 'app');
      expect(code).to.equal(1);
      expect(said).to.include('AWS_REGION is missing').and.to.include('SPOTLEARN_BUCKET is missing');
      expect(said).not.to.match(/\n\s+at /);
    });

  it('prediction: starts from its image alone, for the processor of this machine', async () => {
    const { code, said } = await start('prediction', process.arch === 'arm64' ? 'arm64' : 'amd64');
    expect(code).not.to.equal(0);
    expect(said).not.to.match(/Cannot find|ERR_MODULE|\n\s+at /);
  });

  it('worker: has every source of the trainer and none of its tests', () => {
    const names = readdirSync(join(of('worker').path, 'app/trainer'), { recursive: true, encoding: 'utf8' });
    expect(names).to.include.members(['__main__.py', 'families']);
    expect(names.filter((name) => /(^|\/)(tests|__pycache__|packaging)(\/|$)/.test(name))).to.deep.equal([]);
  });
});
