// `npm run ledger` as a person uses it, on a bucket in memory.
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { parse } from 'csv-parse/sync';
import { expect } from 'chai';
import { audit } from '../../../cloud/audit.ts';
import { compact } from '../../../cloud/ledger/book.ts';
import { EXIT, ledgerCommand, REAL } from '../../../cloud/ledger/command.ts';
import type { LedgerEntry } from '../../../cloud/ledger/entries.ts';
import { packKey } from '../../../cloud/ledger/packs.ts';
import { compactAudit } from '../../../cloud/ledger/trail.ts';
import { failure, type FakeBucket } from '../../operator/aws.ts';
import { bucketWith, entryOf, FOLDER, keyOf, NOW, own, packs, PERIOD, USER } from './world.ts';

const ENVIRONMENT = { AWS_REGION: 'eu-central-1', SPOTLEARN_BUCKET: 'bucket' };

describe('npm run ledger', () => {
  let bucket: FakeBucket;
  beforeEach(() => {
    bucket = bucketWith(28);
    const other: LedgerEntry = { ...entryOf(3), userId: '7', job: { namespace: 'ml-user-7', name: '=cmd', uid: 'x' } };
    bucket.set(keyOf(other), other);
    const earlier = entryOf(4, { at: '2026-10-31T23:59:59.999Z' });
    bucket.set(keyOf(earlier), earlier);
  });

  async function run(words: string, environment: Record<string, string | undefined> = ENVIRONMENT) {
    const out: string[] = [];
    const complained: string[] = [];
    let opened = 0;
    const code = await ledgerCommand(words.split(' ').filter(Boolean), {
      print: (text) => void out.push(text),
      complain: (line) => complained.push(line),
      now: () => NOW,
      environment,
      open: (region, name) => {
        expect([region, name]).to.deep.equal(['eu-central-1', 'bucket']);
        opened += 1;
        return { bucket, close: () => (opened -= 1) };
      },
    });
    expect(opened, 'closed').to.equal(0);
    return { code, out: out.join(''), complained: complained.join('\n') };
  }
  async function rows(words: string): Promise<Record<string, string>[]> {
    const { code, out, complained } = await run(words);
    expect(complained).to.equal('');
    expect(code).to.equal(EXIT.done);
    return parse(out, { columns: true });
  }

  it('says what it can do, without arguments and with --help', async () => {
    for (const words of ['', '--help', 'sum -h']) {
      const { code, out } = await run(words, {});
      expect(code).to.equal(EXIT.done);
      expect(out)
        .to.match(/export .*\n.*\n.*\n? *sum/)
        .and.to.include('. .spotlearn/env');
    }
  });

  it('exports a month as CSV, one header line, exact decimals, no formulas', async () => {
    const before = await run('export --month 2026-11');
    expect(before.out.split('\r\n')[0]).to.equal(
      'user,at,operation,service,namespace,job,uid,attempt,usd,on_demand_usd,seconds,what,outcome,key',
    );
    const lines = await rows('export --month 2026-11');
    expect(lines).to.have.length(29);
    expect(lines[0]).to.include({ user: '7', job: "'=cmd", usd: '0.100000003' });
    expect(lines[1]).to.deep.equal({
      user: USER,
      at: '2026-11-01T10:00:00.000Z',
      operation: 'training',
      service: 'ec2',
      namespace: 'ml-user-42',
      job: 'job-1',
      uid: 'uid-1',
      attempt: '1',
      usd: '0.100000001',
      on_demand_usd: '0.3',
      seconds: '1.125',
      what: 'm7i.large eu-central-1a spot',
      outcome: 'Succeeded',
      key: keyOf(entryOf(1)),
    });
    await compact(bucket, USER, PERIOD, NOW, { most: 7 });
    expect((await run('export --month 2026-11')).out).to.equal(before.out);
  });

  it('exports by user, days, operation and service', async () => {
    await compact(bucket, USER, PERIOD, NOW, { most: 7 });
    expect(await rows('export --month 2026-11 --user 7')).to.have.length(1);
    const some = await rows(
      'export --month 2026-11 --user 42 --operation training --service ec2 --from 2026-11-03 --to 2026-11-09',
    );
    expect(some.map(({ uid }) => uid)).to.deep.equal(['uid-4', 'uid-5', 'uid-7', 'uid-8']);
    expect(await rows('export --from 2026-10-31 --to 2026-11-01')).to.have.length(2);
    expect(await rows('export --month 2026-09')).to.have.length(0);
    expect(await rows('export --month 2026-11 --operation prediction --service ec2')).to.have.length(0);
  });

  it('shows sums as a table', async () => {
    await compact(bucket, USER, PERIOD, NOW);
    const { out } = await run('sum --month 2026-11');
    expect(out).to.equal(
      [
        'user  operation   service  entries          USD  USD on demand  seconds',
        '42    prediction  lambda         9  0.900000135            2.7  136.125',
        '42    training    ec2           19  1.900000271            5.7  273.375',
        '7     prediction  lambda         1  0.100000003            0.3    3.125',
        'all                             29  2.900000409            8.7  412.625',
        '',
      ].join('\n'),
    );
    expect((await run('sum --month 2026-11 --by service --user 7')).out).to.match(/^service .*\nlambda .*\nall .*\n$/);
    expect((await run('sum --from 2026-10-01 --to 2026-11-30 --by month')).out).to.match(/2026-10 +1 .*\n2026-11 +29 /);
    expect((await run('sum --month 2026-01')).out).to.equal('There are no entries.\n');
  });

  it('compacts what is past, the audit trail too', async () => {
    await audit(bucket, trail('CreateTrainingJob'), NOW - 86_400_000);
    const { code, out } = await run('compact');
    expect(code).to.equal(EXIT.done);
    expect(out.split('\n')).to.deep.equal([
      'ledger/user_7/2026-11/packs/: 1 entries packed, 1 packs',
      'ledger/user_42/2026-10/packs/: 1 entries packed, 1 packs',
      'ledger/user_42/2026-11/packs/: 19 entries packed, 1 packs',
      'audit/packs/2026-11/: 1 entries packed, 1 packs',
      '22 entries packed, 0 findings.',
      '',
    ]);
    expect((await run('compact')).out).to.equal('0 entries packed, 0 findings.\n');
    expect(own(bucket)).to.have.length(9);
    bucket.set(keyOf(entryOf(1)), entryOf(1, { usd: 0 }));
    expect(await run('compact --user 42 --month 2026-11')).to.include({ code: EXIT.findings });
  });

  it('verifies everything, and ends with 1 when something does not fit', async () => {
    await run('compact');
    const whole = await run('verify');
    expect(whole.code).to.equal(EXIT.done);
    expect(whole.out)
      .to.match(/ledger\/user_42\/2026-11\/packs\/: 28 entries, 1 packs, head [0-9a-f]{64}\n/)
      .and.match(/3 folders: everything fits\.\n$/);
    bucket.objects.delete(`${FOLDER.packs}000001.json`);
    const { code, out } = await run('verify --month 2026-11 --user 42');
    expect(code).to.equal(EXIT.findings);
    expect(out).to.match(/holds 19 entries that are nowhere else.*\n.*\n1 folders: 1 findings\.\n$/);
    expect((await run('verify --month 2026-10')).code).to.equal(EXIT.done);
  });

  describe('with the statuses of the accounts', () => {
    let folder: string;
    before(async () => {
      folder = await mkdtemp(join(tmpdir(), 'spotlearn-ledger-'));
    });
    after(() => rm(folder, { recursive: true }));
    const accounts = async (head: unknown): Promise<string> => {
      await writeFile(
        join(folder, 'accounts.json'),
        JSON.stringify({ items: [{ spec: {} }, { spec: { userId: USER }, status: { ledger: head } }] }),
      );
      return join(folder, 'accounts.json');
    };

    it('verifies that the newest packs are those that they name, also when nothing is left', async () => {
      const { head, packs: count } = await compact(bucket, USER, PERIOD, NOW);
      const file = await accounts({ period: PERIOD, packs: count, head });
      expect((await run(`verify --accounts ${file}`)).code).to.equal(EXIT.done);
      for (const key of bucket.keys(FOLDER.entries)) bucket.objects.delete(key);
      const { code, out } = await run(`verify --accounts ${file}`);
      expect(code).to.equal(EXIT.findings);
      expect(out).to.include(`${packKey(FOLDER, 1)} is missing: the account’s status names it.`);
    });

    it('complains about a file that is none', async () => {
      const file = join(folder, 'other.json');
      expect(await run(`verify --accounts ${file}`)).to.include({
        code: EXIT.badFile,
        complained: `${file} can’t be read (ENOENT).`,
      });
      await writeFile(file, 'NAME USER');
      expect((await run(`verify --accounts ${file}`)).complained).to.match(/is not what kubectl get acct -o json says/);
    });
  });

  const trail = (what: string, more: object = {}) => ({
    who: USER,
    from: 'chat',
    what,
    resource: 'TrainingJob/ml-user-42/credit',
    outcome: 'Allowed' as const,
    ...more,
  });

  /** Of the one pack there. */
  const lines = async (prefix: string): Promise<string> => {
    const [key = ''] = bucket.keys(prefix).filter((name) => name.endsWith('.gz'));
    return gunzipSync(bucket.objects.get(key)?.body ?? '').toString();
  };

  it('shows the audit trail as CSV, by day or month, user and outcome, sealed or not', async () => {
    const at = (day: number) => Date.parse(`${PERIOD}-${String(day).padStart(2, '0')}T08:00:00Z`);
    await audit(bucket, trail('CreateTrainingJob'), at(3));
    await audit(bucket, trail('TopUp', { outcome: 'Refused', detail: '=no, "never"' }), at(4));
    await audit(bucket, trail('TopUp', { who: '7' }), at(4) + 1000);
    const before = await run('audit --month 2026-11');
    expect(before.out.split('\r\n')[0]).to.equal('at,who,from,what,resource,outcome,detail');
    expect(await compactAudit(bucket, PERIOD, NOW)).to.include({ packed: 3, packs: 1 });
    expect(bucket.keys('audit/2026')).to.deep.equal([]);
    expect(bucket.keys('audit/packs/2026-11/')).to.have.length(3);
    expect((await run('audit --month 2026-11')).out).to.equal(before.out);
    // A restarted operator may say again, in other words, what it says once only.
    const [, id = ''] = /"key":"(audit\/2026-11-03[^"]+)"/.exec(await lines('audit/packs/2026-11/')) ?? [];
    bucket.set(id, { ...trail('CreateTrainingJob'), version: 1, at: '2026-11-03T08:00:00Z', detail: 'again' });
    expect((await run('audit --month 2026-11')).out).to.equal(before.out);
    expect((await run('verify --month 2026-11')).code).to.equal(EXIT.done);
    expect(await compactAudit(bucket, PERIOD, NOW)).to.deep.include({ packed: 0, findings: [] });
    expect(bucket.keys('audit/2026')).to.deep.equal([]);
    expect(await rows('audit --day 2026-11-04')).to.have.length(2);
    expect(await rows('audit --month 2026-11 --who 42 --outcome Refused')).to.deep.equal([
      {
        at: '2026-11-04T08:00:00Z',
        who: USER,
        from: 'chat',
        what: 'TopUp',
        resource: 'TrainingJob/ml-user-42/credit',
        outcome: 'Refused',
        detail: `'=no, "never"`,
      },
    ]);
    expect((await run('verify --month 2026-11')).out).to.match(/audit\/packs\/2026-11\/: 3 entries, 1 packs/);
  });

  it('says what is wrong with the command line, how to ask, and ends with 64', async () => {
    const wrong = {
      'verify --nonsense': /Unknown option '--nonsense'/,
      '--month 2026-11': /Which command\?/,
      delete: /There is no command “delete”/,
      'export now': /What is “now”\?/,
      export: /Of which days\? Give --month, or --from and --to/,
      'export --from 2026-11-01': /Of which days\?/,
      'export --month 2026-13': /--month is a month such as 2026-11, not “2026-13”/,
      'export --from 2026-02-29 --to 2026-03-01': /--from is a day such as 2026-11-03, not “2026-02-29”/,
      'export --from 2026-11-09 --to 2026-11-03': /is after/,
      'export --month 2026-11 --to 2026-12-01': /are to lie in --month 2026-11/,
      'export --month 2026-11 --user ../1': /--user is the number of a user/,
      'export --month 2026-11 --operation mining': /--operation is training, prediction; not “mining”/,
      'sum --month 2026-11 --by shoe': /--by is user, month, day, operation, service; not “shoe”/,
      'export --month 2026-11 --by user': /export takes no --by/,
      'audit --who 42': /Give --day or --month/,
      'audit --day 2026-11-03 --month 2026-11': /--day or --month, not both/,
      'audit --day tomorrow': /--day is a day/,
      'audit --month 2026-11 --outcome Maybe': /--outcome is Allowed, Refused, Failed/,
    };
    for (const [words, said] of Object.entries(wrong)) {
      const { code, out, complained } = await run(words);
      expect([code, out], words).to.deep.equal([EXIT.usage, '']);
      expect(complained, words).to.match(said).and.to.include('Usage: npm run ledger');
    }
  });

  it('says what is missing in the environment', async () => {
    expect(await run('verify', {})).to.deep.equal({
      code: EXIT.usage,
      out: '',
      complained: 'Not set: AWS_REGION and SPOTLEARN_BUCKET. On this machine’s stack: . .spotlearn/env',
    });
    expect((await run('verify', { AWS_DEFAULT_REGION: 'x' })).complained).to.match(/^Not set: SPOTLEARN_BUCKET\./);
    expect((await run('verify', { ...ENVIRONMENT, SPOTLEARN_BUCKET: 'My Bucket' })).complained).to.match(
      /SPOTLEARN_BUCKET is "My Bucket"; allowed: an S3 bucket name/,
    );
  });

  it('says in a sentence what the bucket can’t do or what is damaged, and throws only what it does not know', async () => {
    bucket.before('list', failure('denied'));
    expect(await run('export --month 2026-11')).to.include({ code: EXIT.noAnswer, complained: 'denied on demand' });
    await compact(bucket, USER, PERIOD, NOW);
    const [key = ''] = packs(bucket);
    bucket.set(key, '{}');
    expect(await run('sum --month 2026-11')).to.include({
      code: EXIT.noAnswer,
      complained: `${key} is not the JSON of pack 1.`,
    });
    bucket.before('list', new Error('a mistake of ours'));
    expect(await run('sum --month 2026-11').catch(String)).to.equal('Error: a mistake of ours');
  });

  it('asks the S3 of the region when it is not told another', () => {
    const { bucket: real, close } = REAL.open('eu-central-1', 'bucket');
    expect(real).to.respondTo('deleteMany');
    close();
  });
});
