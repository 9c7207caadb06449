// `npm run catalogue`: tells how the catalogue is refreshed, and does it (--refresh) or says what would change (--check).
import { createReadStream } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { createClients, type Clients } from '../clients.ts';
import { CloudError, ConfigurationError, DataError } from '../errors.ts';
import { differences, parseCatalogue, renderCatalogue, SPOT_TOLERANCE, type Catalogue } from './catalogue.ts';
import { spotOf, typesOf } from './market.ts';
import { readPriceList } from './offers.ts';
import { familiesOf, refresh, type Refreshed } from './refresh.ts';

const FILE = fileURLToPath(new URL('../catalogue.json', import.meta.url));
const FAMILY = /^[a-z][a-z0-9-]*$/;

/** Exit codes; those above 63 as in BSD's sysexits. */
export const EXIT = { done: 0, differs: 1, usage: 64, badFile: 65, noAnswer: 69 } as const;

export interface Surroundings {
  readonly say: (line: string) => void;
  readonly complain: (line: string) => void;
  readonly now: () => number;
  readonly clients: (region: string) => Pick<Clients, 'ec2' | 'close'>;
}

const OPTIONS = {
  refresh: { type: 'boolean', default: false },
  check: { type: 'boolean', default: false },
  offers: { type: 'string' },
  add: { type: 'string', default: '' },
  file: { type: 'string', default: FILE },
} as const;

const REAL: Surroundings = {
  say: (line) => console.log(line),
  complain: (line) => console.error(line),
  now: Date.now,
  clients: createClients,
};

/** Runs the command; gives its exit code. Everything that can go wrong outside is told in a sentence. */
export async function catalogueCommand(args: readonly string[], around: Surroundings = REAL): Promise<number> {
  try {
    return await run(options(args), around);
  } catch (error) {
    if (!(error instanceof CloudError)) throw error;
    around.complain(error.message);
    if (error instanceof ConfigurationError) return EXIT.usage;
    return error instanceof DataError ? EXIT.badFile : EXIT.noAnswer;
  }
}

type Options = ReturnType<typeof options>;

function options(args: readonly string[]) {
  const wrong = (what: string) => new ConfigurationError(`${what} Without arguments this command says what it can do.`);
  let values;
  try {
    ({ values } = parseArgs({ args: [...args], options: OPTIONS }));
  } catch (error) {
    throw wrong(`${(error as Error).message.split('. ')[0]}.`);
  }
  const added = values.add.split(',').filter((family) => family !== '');
  const bad = added.find((family) => !FAMILY.test(family));
  if (bad !== undefined) throw wrong(`--add takes families such as m8i,c8i; ${JSON.stringify(bad)} is none.`);
  const idle = !values.refresh && !values.check;
  if (idle && (values.offers !== undefined || added.length > 0))
    throw wrong('--offers and --add go with --refresh or --check.');
  return { ...values, added, idle };
}

async function run({ file, offers, added, check, idle }: Options, around: Surroundings): Promise<number> {
  const old = parseCatalogue(await read(file), file);
  if (idle) {
    explain(old).forEach(around.say);
    return EXIT.done;
  }
  const { catalogue, remarks } = await refreshed(old, offers, added, around);
  const changes = differences(old, catalogue);
  for (const line of [...changes, ...remarks]) around.say(`  ${line}`);
  const sum = `${changes.length === 0 ? 'No differences' : `${changes.length} differences`} (${catalogue.types.length} types; a Spot price that moved by less than ${SPOT_TOLERANCE * 100} % counts as the same)`;
  if (check) {
    around.say(`${sum}. Nothing was written.`);
    return changes.length === 0 ? EXIT.done : EXIT.differs;
  }
  await writeFile(file, renderCatalogue(catalogue));
  around.say(`${sum}. Wrote ${file}, dated ${catalogue.date}.`);
  return EXIT.done;
}

async function read(file: string): Promise<string> {
  try {
    return await readFile(file, 'utf8');
  } catch (error) {
    throw new DataError(`${file} can’t be read (${(error as NodeJS.ErrnoException).code}).`);
  }
}

async function refreshed(
  old: Catalogue,
  offers: string | undefined,
  added: readonly string[],
  { now, clients: open }: Surroundings,
): Promise<Refreshed> {
  const prices = offers === undefined ? undefined : await pricesFrom(offers, old.region);
  const clients = open(old.region);
  try {
    const families = familiesOf(old, added);
    const types = await typesOf(clients, families);
    if (types.length === 0)
      throw new CloudError(`EC2 in ${old.region} knows none of the families ${families.join(', ')}.`);
    const names = types.map(({ name }) => name);
    const spot = await spotOf(clients, names, now());
    return refresh({ old, families, types, spot, prices, date: new Date(now()).toISOString().slice(0, 10) });
  } finally {
    clients.close();
  }
}

async function pricesFrom(file: string, region: string) {
  try {
    return await readPriceList(createReadStream(file, { encoding: 'utf8', highWaterMark: 1 << 20 }), {
      from: file,
      region,
    });
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === undefined) throw error;
    throw new DataError(`${file} can’t be read (${code}).`);
  }
}

function explain({ date, region, sources, types }: Catalogue): string[] {
  const count = (of: (type: Catalogue['types'][number]) => boolean) => types.filter(of).length;
  const arm = count(({ arch }) => arch === 'arm64');
  return [
    `The catalogue of instance types (cloud/catalogue.json): ${types.length} types, ${types.length - arm} x86_64 and ${arm} arm64, ${count(({ gpu }) => Boolean(gpu))} with GPUs; ${region}, dated ${date}.`,
    `  shapes     ${sources.types}`,
    `  on-demand  ${sources.onDemand}`,
    `  Spot       ${sources.spot}`,
    '',
    'The operator chooses types from it. Its Spot prices only count until live ones are read; its on-demand prices are what',
    'on-demand attempts are charged with. It is refreshed from three places:',
    '  1. vCPUs, memory, GPUs and architecture: EC2 DescribeInstanceTypes, for the families that are in the catalogue',
    '     (and those of --add); sizes from 2 vCPUs and 4 GiB to 72 vCPUs, with GPUs any.',
    '  2. On-demand prices: the price list of AmazonEC2 for the region, a JSON file of AWS’s Price List API:',
    `       aws pricing list-price-lists --service-code AmazonEC2 --currency-code USD --region-code ${region} --effective-date ${date}`,
    '       aws pricing get-price-list-file-url --file-format json --price-list-arn <the ARN it named>',
    '     Download what the address gives and name the file with --offers. Without it on-demand prices stay as they are.',
    '  3. Spot prices: EC2 DescribeSpotPriceHistory; the median over the zones of the prices in force now.',
    '',
    'npm run catalogue -- --check [--offers FILE] [--add m8i,c8i]     says what would change; exit code 1 if anything would',
    'npm run catalogue -- --refresh [--offers FILE] [--add m8i,c8i]   writes it',
    'Credentials come from the AWS SDK’s default chain (ec2:DescribeInstanceTypes, ec2:DescribeSpotPriceHistory); AWS_ENDPOINT_URL is',
    'honoured. --file FILE takes another catalogue, for instance that of another region.',
  ];
}
