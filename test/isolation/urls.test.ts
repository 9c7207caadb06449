// Attacks on presigned URLs: whatever is changed in one, S3 knows it is not what was signed. On AWS the bucket's access log has each request.
import { expect } from 'chai';
import {
  CreateBucketCommand,
  GetObjectCommand,
  ListObjectsV2Command,
  PutObjectCommand,
  type S3Client,
} from '@aws-sdk/client-s3';
import type { Clients } from '../../cloud/clients.ts';
import { presignGet, presignPart, presignPut } from '../../cloud/presign.ts';
import { exchange, type RawAnswer } from '../local/aws/raw.ts';
import { ROOT, Stand } from '../local/aws/stand.ts';
import { attackTold } from './tally.ts';

const BUCKET = 'spotlearn-data';
const OTHER_BUCKET = 'spotlearn-other';
const MINE = 'datasets/user_1/a.csv';
const YOURS = 'datasets/user_2/a.csv';
const TWIN = 'datasets/user_12/a.csv';
const SECRET = 'top-secret';

type Kind = 'get' | 'put' | 'part' | 'session';

interface Attack {
  readonly what: string;
  readonly of: Kind;
  readonly method?: string;
  /** Changes the URL; what comes is sent as it is. */
  readonly url?: (url: URL) => void;
  /** In place of the URL's path, for what URL would tidy. */
  readonly path?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
  /** Seconds after which it is sent. */
  readonly later?: number;
}

const set = (name: string, value: string) => (url: URL) => url.searchParams.set(name, value);
const drop = (name: string) => (url: URL) => url.searchParams.delete(name);
const to = (path: string) => (url: URL) => void (url.pathname = path);
const scope = (change: (parts: string[]) => void) => (url: URL) => {
  const parts = (url.searchParams.get('X-Amz-Credential') ?? '').split('/');
  change(parts);
  url.searchParams.set('X-Amz-Credential', parts.join('/'));
};

const ATTACKS: readonly Attack[] = [
  { what: 'the key of another user', of: 'get', url: to(`/${BUCKET}/${YOURS}`) },
  { what: 'the key of a user whose id begins so', of: 'get', url: to(`/${BUCKET}/${TWIN}`) },
  { what: 'dots in the key', of: 'get', path: `/${BUCKET}/datasets/user_1/../user_2/a.csv` },
  { what: 'encoded dots in the key', of: 'get', path: `/${BUCKET}/datasets/user_1/%2e%2e/user_2/a.csv` },
  { what: 'an encoded slash in the key', of: 'get', path: `/${BUCKET}/datasets/user_1%2f..%2fuser_2%2fa.csv` },
  { what: 'two slashes before the key', of: 'get', path: `/${BUCKET}//${MINE}` },
  { what: 'the bucket as its key', of: 'get', url: to(`/${BUCKET}/`) },
  { what: 'another bucket', of: 'get', url: to(`/${OTHER_BUCKET}/${MINE}`) },
  { what: 'the list of the bucket', of: 'get', url: (url) => (to(`/${BUCKET}/`)(url), set('list-type', '2')(url)) },
  { what: 'a longer life', of: 'get', url: set('X-Amz-Expires', '604800') },
  { what: 'a life beyond what there is', of: 'get', url: set('X-Amz-Expires', '99999999') },
  { what: 'a life without end', of: 'get', url: drop('X-Amz-Expires') },
  { what: 'a later date', of: 'get', url: set('X-Amz-Date', '20990101T000000Z') },
  { what: 'no change, after its time', of: 'get', later: 3_700 },
  { what: 'a longer life, after its time', of: 'get', url: set('X-Amz-Expires', '7200'), later: 3_700 },
  { what: 'PUT in place of GET', of: 'get', method: 'PUT', body: 'mine now' },
  { what: 'DELETE in place of GET', of: 'get', method: 'DELETE' },
  { what: 'HEAD in place of GET', of: 'get', method: 'HEAD' },
  { what: 'POST in place of GET', of: 'get', method: 'POST', body: '' },
  { what: 'another host', of: 'get', headers: { host: 'evil.example.com' } },
  { what: 'the host of another bucket', of: 'get', headers: { host: `${OTHER_BUCKET}.localhost` } },
  { what: 'another version of the object', of: 'get', url: set('versionId', 'null') },
  { what: 'its access list', of: 'get', url: set('acl', '') },
  { what: 'its tags', of: 'get', url: set('tagging', '') },
  { what: 'its uploads', of: 'get', url: set('uploads', '') },
  {
    what: 'another name to save it as',
    of: 'get',
    url: set('response-content-disposition', 'attachment; filename="evil.exe"'),
  },
  { what: 'another type to show it as', of: 'get', url: set('response-content-type', 'text/html') },
  { what: 'no signature', of: 'get', url: drop('X-Amz-Signature') },
  { what: 'an empty signature', of: 'get', url: set('X-Amz-Signature', '') },
  { what: 'a signature of zeros', of: 'get', url: set('X-Amz-Signature', '0'.repeat(64)) },
  {
    what: 'a second signature',
    of: 'get',
    url: (url) => (to(`/${BUCKET}/${YOURS}`)(url), url.searchParams.append('X-Amz-Signature', '0'.repeat(64))),
  },
  {
    what: 'no signed header',
    of: 'get',
    url: (url) => (to(`/${BUCKET}/${YOURS}`)(url), set('X-Amz-SignedHeaders', '')(url)),
  },
  { what: 'no algorithm', of: 'get', url: drop('X-Amz-Algorithm') },
  { what: 'an algorithm of none', of: 'get', url: set('X-Amz-Algorithm', 'NONE') },
  { what: 'another access key', of: 'get', url: scope((parts) => (parts[0] = 'AKIAOTHERKEY')) },
  { what: 'another region', of: 'get', url: scope((parts) => (parts[2] = 'us-east-1')) },
  { what: 'another service', of: 'get', url: scope((parts) => (parts[3] = 'sts')) },
  { what: 'another day of its key', of: 'get', url: scope((parts) => (parts[1] = '20200101')) },
  { what: 'nothing of the query', of: 'get', url: (url) => (url.search = '') },
  {
    what: 'the key of another user, written',
    of: 'put',
    method: 'PUT',
    url: to(`/${BUCKET}/${YOURS}`),
    body: 'mine now',
  },
  {
    what: 'a copy of another user’s file',
    of: 'put',
    method: 'PUT',
    headers: { 'x-amz-copy-source': `/${BUCKET}/${YOURS}` },
  },
  { what: 'a file open to the world', of: 'put', method: 'PUT', headers: { 'x-amz-acl': 'public-read' }, body: 'x' },
  { what: 'tags on the file', of: 'put', method: 'PUT', headers: { 'x-amz-tagging': 'user=2' }, body: 'x' },
  { what: 'metadata on the file', of: 'put', method: 'PUT', headers: { 'x-amz-meta-user': '2' }, body: 'x' },
  { what: 'GET in place of PUT', of: 'put', method: 'GET' },
  { what: 'DELETE in place of PUT', of: 'put', method: 'DELETE' },
  {
    what: 'many deletions',
    of: 'put',
    method: 'POST',
    url: (url) => (to(`/${BUCKET}/`)(url), set('delete', '')(url)),
    body: `<Delete><Object><Key>${YOURS}</Key></Object></Delete>`,
  },
  { what: 'the beginning of an upload in parts', of: 'put', method: 'POST', url: set('uploads', '') },
  { what: 'another part of an upload', of: 'part', method: 'PUT', url: set('partNumber', '2'), body: 'x' },
  { what: 'a part of another upload', of: 'part', method: 'PUT', url: set('uploadId', 'other'), body: 'x' },
  {
    what: 'no upload, the whole object',
    of: 'part',
    method: 'PUT',
    url: (url) => (drop('partNumber')(url), drop('uploadId')(url)),
    body: 'x',
  },
  {
    what: 'a part copied from another user’s file',
    of: 'part',
    method: 'PUT',
    headers: { 'x-amz-copy-source': `/${BUCKET}/${YOURS}` },
  },
  {
    what: 'the end of an upload',
    of: 'part',
    method: 'POST',
    url: drop('partNumber'),
    body: '<CompleteMultipartUpload/>',
  },
  { what: 'no session token', of: 'session', url: drop('X-Amz-Security-Token') },
  { what: 'another session token', of: 'session', url: set('X-Amz-Security-Token', 'AAAA') },
  { what: 'no change, after its session', of: 'session', later: 1_000 },
];

describe('Attacks on presigned URLs', function () {
  this.timeout(20_000);
  let stand: Stand;
  let root: S3Client;
  const urls = new Map<Kind, string>();

  before(async () => {
    stand = await Stand.start({
      roles: [{ name: 'operator', policies: [{ Statement: { Effect: 'Allow', Action: 's3:*', Resource: '*' } }] }],
    });
    root = stand.s3();
    for (const Bucket of [BUCKET, OTHER_BUCKET]) await root.send(new CreateBucketCommand({ Bucket }));
    await root.send(new PutObjectCommand({ Bucket: BUCKET, Key: MINE, Body: 'my own' }));
    for (const Key of [YOURS, TWIN]) await root.send(new PutObjectCommand({ Bucket: BUCKET, Key, Body: SECRET }));
    await root.send(new PutObjectCommand({ Bucket: OTHER_BUCKET, Key: MINE, Body: SECRET }));
    const by = (credentials: object) => {
      const client = stand.s3(credentials as typeof ROOT, { requestChecksumCalculation: 'WHEN_REQUIRED' });
      return { presigning: async () => client } as unknown as Clients;
    };
    const part = { uploadId: 'mine', number: 1 };
    urls.set('get', await presignGet(by(ROOT), BUCKET, MINE, 3600, 'a.csv'));
    urls.set('put', await presignPut(by(ROOT), BUCKET, 'datasets/user_1/new.csv'));
    urls.set('part', await presignPart(by(ROOT), BUCKET, 'predictions/user_1/uid/p.csv', part));
    urls.set('session', await presignGet(by(stand.aws.iam.issueSession('operator', 'op', 900)), BUCKET, MINE));
  });
  after(() => stand.close());

  function send({ of, method = 'GET', url: change, path, headers, body }: Omit<Attack, 'what'>): Promise<RawAnswer> {
    const url = new URL(urls.get(of) ?? '');
    change?.(url);
    const given = {
      host: url.host,
      ...(body === undefined ? {} : { 'content-length': String(Buffer.byteLength(body)) }),
      ...headers,
    };
    return exchange(stand.aws.url, method, `${path ?? url.pathname}${url.search}`, given, body);
  }

  /** Everything that is stored. */
  async function stored(): Promise<string[]> {
    const all = [BUCKET, OTHER_BUCKET].map(async (Bucket) => {
      const { Contents = [] } = await root.send(new ListObjectsV2Command({ Bucket }));
      return Contents.map(({ Key, ETag }) => `${Bucket}/${Key} ${ETag}`);
    });
    return (await Promise.all(all)).flat();
  }

  it('are held against URLs that work', async () => {
    expect((await send({ of: 'get' })).body).to.equal('my own');
    expect((await send({ of: 'session' })).body).to.equal('my own');
    expect((await send({ of: 'put', method: 'PUT', body: 'new' })).status).to.equal(200);
    const read = await root.send(new GetObjectCommand({ Bucket: BUCKET, Key: 'datasets/user_1/new.csv' }));
    expect(await read.Body?.transformToString()).to.equal('new');
  });

  for (const attack of ATTACKS)
    it(`one ${attack.of === 'session' ? 'of a session ' : ''}with ${attack.what} is refused`, async () => {
      const had = await stored();
      await attackTold(
        'presigned URLs',
        async () => 'AWS',
        async () => {
          stand.offsetMs = (attack.later ?? 0) * 1000;
          const answer = await send(attack).finally(() => (stand.offsetMs = 0));
          expect([400, 403, 404], answer.body).to.include(answer.status);
          expect(answer.body).not.to.contain(SECRET);
          expect(answer.body).not.to.contain('my own');
          expect(await stored()).to.deep.equal(had);
        },
      );
    });
});
