// Every table a person could send, through chat into S3, and what is left in the bucket afterwards.
import { gzipSync } from 'node:zlib';
import { readFileSync } from 'node:fs';
import { Readable } from 'node:stream';
import { expect } from 'chai';
import { ListMultipartUploadsCommand } from '@aws-sdk/client-s3';
import { upload } from '../../bot/uploads.ts';
import { BUCKET, contains, CSV, labels, Stand, type Person, random } from './stand.ts';

const EXAMPLE = readFileSync(new URL('../../examples/german_credit.csv', import.meta.url));

describe('A file sent in chat', function () {
  this.timeout(30_000);
  let stand: Stand;
  let ada: Person;
  let number = 2000;
  before(async () => {
    stand = await Stand.start();
    stand.startOperator();
    await stand.startBot();
  });
  after(() => stand.close());
  beforeEach(async () => {
    number += 1;
    ada = await stand.user(number);
    await ada.untilData();
  });
  const mine = () => stand.keys(`datasets/user_${number}/`);

  const fit: readonly (readonly [string, Buffer | string, string])[] = [
    ['with commas', CSV, '4 columns'],
    ['with CRLF', CSV.replaceAll('\n', '\r\n'), '4 columns'],
    ['with semicolons', CSV.replaceAll(',', ';'), '4 columns'],
    ['with tabs', CSV.replaceAll(',', '\t'), '4 columns'],
    ['in Latin-1', Buffer.from('größe,preis\n1,2\n3,4\n', 'latin1'), 'größe'],
    ['in UTF-16', Buffer.from(`\ufeff${CSV}`, 'utf16le'), '4 columns'],
    ['with quoted newlines', 'a,b\n"x\ny",1\n"z",2\n', '2 columns'],
    ['with empty trailing columns', 'a,b,,\n1,2,,\n3,4,,\n', '2 columns'],
    ['with markup in a column name', 'a,<b>{bold}</b> & more\n1,2\n3,4\n', '<b>{bold}</b> & more'],
    ['with a column name of 300 characters', `a,${'n'.repeat(300)}\n1,2\n3,4\n`, '2 columns'],
    ['with emoji as column names', 'a,👩‍👩‍👧‍👦\n1,2\n3,4\n', '👩‍👩‍👧‍👦'],
    ['that is gzipped', gzipSync(CSV), '4 columns'],
    ['that is Parquet', Buffer.from(`PAR1${'x'.repeat(96)}`), 'cannot be listed here'],
    // The head has no whole row then; the worker judges it.
    ['with a row of 2 MB', `a,b\n1,${'x'.repeat(2_000_000)}\n`, '2 columns'],
    ['with a third of the cells missing', 'a,b,c\n1,,3\n,2,\n4,,6\n', '3 columns'],
  ];
  for (const [what, data, expected] of fit)
    it(`${what} is taken`, async () => {
      const question = await ada.upload('table.csv', data, 'Which column');
      expect(contains(question, expected)).to.equal(true);
      expect(await mine()).to.have.length(1);
    });

  const unfit: readonly (readonly [string, string | Buffer, string])[] = [
    ['of a header only', 'a,b,c\n', 'no rows'],
    ['of one column', 'a\n1\n2\n', 'only one column'],
    ['with a column twice', 'a,b,a\n1,2,3\n', 'stands twice'],
    ['that is a PNG', Buffer.concat([Buffer.from([0x89, 0x50, 0x4e, 0x47]), random(200)]), 'a PNG picture'],
    ['that is random bytes', Buffer.concat([Buffer.from('a\0b'), random(500)]), 'CSV'],
  ];
  for (const [what, data, expected] of unfit)
    it(`${what} is refused with a reason and not kept`, async () => {
      const answer = await ada.upload('table.csv', data, 'cannot be used');
      expect(answer.text).to.contain(expected).and.contain('Send me a CSV file');
      expect(await mine()).to.deep.equal([]);
      await ada.upload('table.csv', CSV, 'Which column');
    });

  it('keeps its name, its time and its encryption', async () => {
    const name = 'Häuser <b>2024 & "mehr" 🏠.csv';
    const question = await ada.upload(name, CSV, 'Which column');
    expect(question.text).to.contain('Häuser <b>2024 & "mehr"');
    const [key = ''] = await mine();
    expect(key).to.match(/^datasets\/user_\d+\/\d{8}T\d{6}Z_Ha.*\.csv$/);
    const head = await stand.head(key);
    expect(decodeURIComponent(head.Metadata?.['original-filename'] ?? '')).to.equal(name);
    expect(Date.parse(head.Metadata?.['uploaded-at'] ?? '')).to.be.closeTo(Date.now(), 60_000);
    expect(head.ServerSideEncryption).to.equal('AES256');
  });

  it('goes in parts above 5 MB', async () => {
    const large = Buffer.concat(Array.from({ length: 180 }, () => EXAMPLE));
    expect(large.length).to.be.above(11_000_000);
    await ada.upload('large.csv', large, 'Which column');
    const [key = ''] = await mine();
    const head = await stand.head(key);
    expect(head.ContentLength).to.equal(large.length);
    expect(head.ETag).to.match(/-3"$/);
  });

  it('above 20 MB comes through a link', async () => {
    const asked = await ada.upload('huge.csv', Buffer.alloc(21 * 1024 * 1024, 'a,b\n1,2\n'), 'curl');
    expect(labels(asked)).to.deep.equal(['✅ I have uploaded it']);
    const url = /'(http[^']+)'/.exec(asked.text ?? '')?.[1] ?? '';
    expect((await ada.press('✅ I have uploaded it', 'no such file')).text).to.contain('cannot be used');
    expect((await fetch(url, { method: 'PUT', body: CSV })).status).to.equal(200);
    await ada.press('✅ I have uploaded it', 'Which column');
  });

  it('that is empty, by the link, is refused and not kept', async () => {
    const asked = await ada.press('🔗 Upload link', 'curl');
    const url = /'(http[^']+)'/.exec(asked.text ?? '')?.[1] ?? '';
    expect((await fetch(url, { method: 'PUT', body: '' })).status).to.equal(200);
    await ada.press('✅ I have uploaded it', 'The file is empty');
    expect(await mine()).to.deep.equal([]);
  });

  it('is offered again, and an address of one’s own is taken, but nobody else’s', async () => {
    await ada.upload('again.csv', CSV, 'Which column');
    const [key = ''] = await mine();
    await ada.say('/train', 'Where');
    const asked = await ada.press('🏠 On the cluster', 'Send me a CSV file');
    const recent = labels(asked).find((label) => label.startsWith('again.csv')) ?? '';
    await ada.press(recent, 'Which column');
    await ada.say('/train', 'Where');
    await ada.press('🏠 On the cluster', 'Send me a CSV file');
    await ada.say(`s3://${BUCKET}/datasets/user_1/x.csv`, 'is not yours');
    await ada.say(`s3://${BUCKET}/datasets/user_${number}/none.csv`, 'no such file');
    await ada.say('just words', 'Send me a CSV file');
    await ada.say(`s3://${BUCKET}/${key}`, 'Which column');
    const list = await ada.say('/datasets', 'Your data sets');
    expect(list.text).to.contain('again.csv');
  });

  it('is given up at /cancel and leaves nothing', async () => {
    let open: (() => void) | undefined;
    const held = new Promise<void>((resolve) => (open = resolve));
    await stand.stopBot();
    stand.around = (side) => ({
      ...side,
      call: async (method, payload, signal) => {
        if (method === 'getFile') await held;
        return side.call(method, payload, signal);
      },
    });
    await stand.startBot();
    await ada.user.upload({ name: 'slow.csv', data: CSV });
    await ada.say('/cancel', 'nothing was started');
    open?.();
    await ada.say('/datasets', 'no data sets');
    expect(await mine()).to.deep.equal([]);
    stand.around = (side) => side;
    await stand.stopBot();
    await stand.startBot();
  });
});

describe('The way into the bucket', function () {
  this.timeout(20_000);
  let stand: Stand;
  before(async () => {
    stand = await Stand.start();
  });
  after(() => stand.close());
  const target = () => ({ clients: stand.clients(), bucket: BUCKET, kmsKeyId: undefined });
  const file = { key: 'datasets/user_1/x.csv', name: 'x.csv', bytes: 0, uploadedAt: 0 };
  const left = async () => {
    const open = await stand.s3.send(new ListMultipartUploadsCommand({ Bucket: BUCKET }));
    return [...(await stand.keys()), ...(open.Uploads ?? []).map(({ Key }) => `part of ${Key}`)];
  };

  it('leaves nothing of a source that breaks off, small or in parts', async () => {
    for (const size of [1000, 11_000_000]) {
      const broken = Readable.from(
        (function* () {
          yield Buffer.alloc(size, 'a');
          throw new Error('the line is dead');
        })(),
      );
      const thrown = await upload(target(), broken, file, new AbortController().signal).catch((error: Error) => error);
      expect(thrown).to.be.an('error').with.property('message', 'the line is dead');
      expect(await left()).to.deep.equal([]);
    }
  });

  it('leaves nothing of a file that is shorter than announced', async () => {
    const source = Readable.from([Buffer.from('a,b\n')]);
    const thrown = await upload(target(), source, { ...file, bytes: 10 }, new AbortController().signal).catch(
      (error: Error) => error,
    );
    expect(String(thrown)).to.contain('4 bytes came of 10');
    expect(await left()).to.deep.equal([]);
  });

  it('leaves nothing of an upload that is called off', async () => {
    const abort = new AbortController();
    const source = new Readable({ read() {} });
    source.push(Buffer.alloc(6_000_000));
    const going = upload(target(), source, file, abort.signal).catch((error: Error) => error);
    setTimeout(() => abort.abort(), 100);
    expect(await going).to.be.an('error');
    expect(await left()).to.deep.equal([]);
  });
});
