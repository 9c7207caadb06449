// `npm run catalogue` against the local EC2, whose types are those of the catalogue and whose Spot prices wander around its prices.
import { spawn } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { EC2Client } from '@aws-sdk/client-ec2';
import { expect } from 'chai';
import { parseCatalogue, renderCatalogue, type Catalogue } from '../../../cloud/catalogue/catalogue.ts';
import { catalogueCommand, EXIT } from '../../../cloud/catalogue/command.ts';
import { refresh } from '../../../cloud/catalogue/refresh.ts';
import { REGION, startCloud, type Cloud } from '../../local/aws/ec2/cloud.ts';
import { priceList } from './price-list.ts';

const NOW = Date.now();
const TODAY = new Date(NOW).toISOString().slice(0, 10);

describe('npm run catalogue', function () {
  this.timeout(20_000);
  let cloud: Cloud;
  let folder: string;
  let file: string;
  let committed: Catalogue;
  const path = (name: string) => join(folder, name);

  before(async () => {
    cloud = await startCloud();
    folder = await mkdtemp(join(tmpdir(), 'spotlearn-catalogue-'));
    committed = parseCatalogue(await readFile(new URL('../../../cloud/catalogue.json', import.meta.url), 'utf8'), 'it');
  });
  after(async () => {
    await cloud.close();
    await rm(folder, { recursive: true });
  });
  beforeEach(async () => {
    file = path('catalogue.json');
    await writeFile(file, renderCatalogue(committed));
  });

  /** Runs it; gives exit code, and all it said on both streams. */
  async function run(...args: string[]): Promise<{ code: number; said: string; complained: string }> {
    const said: string[] = [];
    const complained: string[] = [];
    const code = await catalogueCommand(['--file', file, ...args], {
      say: (line) => said.push(line),
      complain: (line) => complained.push(line),
      now: () => NOW,
      clients: (region) => {
        expect(region).to.equal(REGION);
        const client = new EC2Client(cloud.connection);
        return { ec2: async () => client, close: () => client.destroy() };
      },
    });
    return { code, said: said.join('\n'), complained: complained.join('\n') };
  }
  const written = async () => parseCatalogue(await readFile(file, 'utf8'), file);

  it('explains, without arguments, what the catalogue is and how it is refreshed', async () => {
    const { code, said } = await run();
    expect(code).to.equal(EXIT.done);
    expect(said)
      .to.include(`${committed.types.length} types`)
      .and.include(committed.date)
      .and.include(committed.sources.spot);
    for (const words of [
      'DescribeInstanceTypes',
      'price list of AmazonEC2',
      'DescribeSpotPriceHistory',
      '--offers FILE',
    ])
      expect(said).to.include(words);
  });

  it('finds the shapes of EC2 in the catalogue, and writes nothing when only asked to check', async () => {
    const { code, said } = await run('--check');
    expect(said).to.match(/No differences \(\d+ types; .*\)\. Nothing was written\.$/);
    expect(code).to.equal(EXIT.done);
    expect(await written()).to.deep.equal(committed);
  });

  it('writes what EC2 and a price list say, sorted and dated, and the same again the next time', async () => {
    const stale = committed.types
      .filter(({ name }) => name !== 'm5.xlarge')
      .map((row) => (row.name === 'm5.large' ? { ...row, memoryGiB: 7, onDemand: 1, spot: 1 } : row));
    await writeFile(
      file,
      renderCatalogue({ ...committed, types: [...stale, { ...stale[0], name: 'm5.old' } as never] }),
    );
    await writeFile(path('offers.json'), JSON.stringify(priceList(REGION, { 'm5.large': 0.097, 'm5.xlarge': 0.194 })));
    const checked = await run('--check', '--offers', path('offers.json'));
    expect(checked.code).to.equal(EXIT.differs);
    const { code, said } = await run('--refresh', '--offers', path('offers.json'));
    expect(code).to.equal(EXIT.done);
    expect(said).to.include('m5.large was x86_64 2 vCPU 7 GiB, is x86_64 2 vCPU 8 GiB');
    expect(said).to.include('m5.large on-demand was 1, is 0.097').and.include('m5.large Spot was 1, is 0.0');
    expect(said).to.include('m5.xlarge is new: x86_64 4 vCPU 16 GiB, on-demand 0.194').and.include('m5.old is gone');
    expect(said).to.include('c5.large is not in the price list; its on-demand price stays 0.085');
    expect(said).to.match(/differences \(\d+ types; .*\)\. Wrote .*catalogue\.json, dated [\d-]+\.$/);
    const now = await written();
    expect(now).to.deep.include({ date: TODAY, region: REGION });
    expect(now.sources.onDemand).to.equal('the price list of AmazonEC2 published 2026-11-20');
    expect(now.types.map(({ name }) => name)).to.deep.equal(committed.types.map(({ name }) => name));
    const bytes = await readFile(file, 'utf8');
    await run('--refresh', '--offers', path('offers.json'));
    expect(await readFile(file, 'utf8')).to.equal(bytes);
  });

  it('keeps on-demand prices without a price list, and then leaves out types it has no price of', async () => {
    await writeFile(
      file,
      renderCatalogue({ ...committed, types: committed.types.filter(({ name }) => name !== 'm5.large') }),
    );
    const { said } = await run('--refresh');
    expect(said).to.include('m5.large is left out: there is no on-demand price of it');
    expect((await written()).sources.onDemand).to.equal(committed.sources.onDemand);
  });

  it('takes the families that are there and those to be added', async () => {
    const only = committed.types.filter(({ name }) => name.startsWith('t3.'));
    await writeFile(file, renderCatalogue({ ...committed, types: only }));
    await writeFile(path('offers.json'), JSON.stringify(priceList(REGION, { 'r7g.large': 0.1071, 'r5.large': 0.126 })));
    await run('--refresh', '--offers', path('offers.json'), '--add', 'r7g,zz9');
    expect((await written()).types.map(({ name }) => name)).to.deep.equal([
      'r7g.large',
      ...only.map(({ name }) => name),
    ]);
  });

  it('takes the median over the zones, and keeps the price of a type that has none now', () => {
    const shape = { vcpu: 2, memoryGiB: 8 };
    const of = (zones: number[]) => {
      const { catalogue, remarks } = refresh({
        old: { ...committed, types: [{ name: 'm5.large', ...shape, onDemand: 0.096, spot: 0.03 }] },
        families: ['m5'],
        types: [
          { name: 'm5.large', ...shape },
          { name: 'm5.metal', vcpu: 96, memoryGiB: 384 },
          { name: 'x1.large', ...shape },
        ],
        spot: new Map([['m5.large', zones]]),
        date: '2027-01-02',
      });
      return [catalogue.types.map(({ spot }) => spot), remarks];
    };
    expect(of([0.05, 0.01, 0.02])).to.deep.equal([[0.02], []]);
    expect(of([0.04, 0.01])).to.deep.equal([[0.025], []]);
    expect(of([])).to.deep.equal([[0.03], ['m5.large has no Spot price now; 0.03 stays']]);
  });

  for (const [what, args, code, words] of [
    ['an unknown option', ['--force'], EXIT.usage, "Unknown option '--force'. Without arguments this command says"],
    ['an argument too many', ['now'], EXIT.usage, 'Unexpected argument'],
    ['prices without saying what to do', ['--offers', 'x'], EXIT.usage, '--offers and --add go with --refresh'],
    ['a family that is none', ['--check', '--add', 'm5.large'], EXIT.usage, '"m5.large" is none'],
    [
      'a catalogue that is not there',
      ['--file', '/nowhere/c.json'],
      EXIT.badFile,
      '/nowhere/c.json can’t be read (ENOENT)',
    ],
    [
      'a price list that is not there',
      ['--check', '--offers', '/nowhere/o.json'],
      EXIT.badFile,
      '/nowhere/o.json can’t be read',
    ],
    [
      'something else as price list',
      ['--check', '--offers', import.meta.filename],
      EXIT.badFile,
      'it is not a JSON object',
    ],
  ] as const)
    it(`says what is wrong with ${what}`, async () => {
      const answer = await run(...args);
      expect(answer.complained).to.include(words);
      expect(answer.code).to.equal(code);
    });

  it('says so when EC2 knows no such type, or refuses to answer', async () => {
    const alien = { name: 'zz9.large', vcpu: 2, memoryGiB: 8, onDemand: 1, spot: 0.3 };
    await writeFile(file, renderCatalogue({ ...committed, types: [alien] }));
    expect(await run('--check')).to.include({
      code: EXIT.noAnswer,
      complained: 'EC2 in us-east-1 knows none of the families zz9.',
    });
    const strangers = await catalogueCommand(['--check'], {
      say: () => {},
      complain: (line) => expect(line).to.match(/^ec2: /),
      now: () => NOW,
      clients: () => {
        const credentials = { accessKeyId: 'AKIASTRANGER00000000', secretAccessKey: 'x' };
        const client = new EC2Client({ ...cloud.connection, credentials });
        return { ec2: async () => client, close: () => client.destroy() };
      },
    });
    expect(strangers).to.equal(EXIT.noAnswer);
  });

  it('does not hide its own mistakes', async () => {
    const broken = catalogueCommand(['--file', file, '--check'], {
      say: () => {},
      complain: () => {},
      now: () => NOW,
      clients: () => {
        throw new TypeError('a bug');
      },
    });
    let said = '';
    await broken.catch((error: Error) => (said = error.message));
    expect(said).to.equal('a bug');
  });

  it('runs as a program with the default credentials and AWS_ENDPOINT_URL', async () => {
    const program = spawn(
      process.execPath,
      [new URL('../../../cloud/catalogue/main.ts', import.meta.url).pathname, '--check', '--file', file],
      {
        stdio: ['ignore', 'pipe', 'inherit'],
        env: {
          ...process.env,
          AWS_ENDPOINT_URL: cloud.connection.endpoint,
          AWS_ACCESS_KEY_ID: cloud.connection.credentials.accessKeyId,
          AWS_SECRET_ACCESS_KEY: cloud.connection.credentials.secretAccessKey,
        },
      },
    );
    let said = '';
    program.stdout.on('data', (part: Buffer) => (said += part.toString()));
    const code = await new Promise((resolve) => program.once('close', resolve));
    expect(said).to.match(/types; .*Nothing was written\./);
    expect(code).to.equal(EXIT.done);
  });
});
