// The door: who is let in, who is not, and in which words. Requests are signed by hand so that they can be signed wrongly.
import { GetCallerIdentityCommand, STSClient } from '@aws-sdk/client-sts';
import { CreateBucketCommand, GetObjectCommand, PutObjectCommand } from '@aws-sdk/client-s3';
import { getSignedUrl } from '@aws-sdk/s3-request-presigner';
import { expect } from 'chai';
import { jsonError } from '../../../local/aws/protocol/json.ts';
import { ec2Error } from '../../../local/aws/protocol/query.ts';
import { type AwsService, AwsServiceError } from '../../../local/aws/service.ts';
import { exchange, send, sign } from './raw.ts';
import { Stand } from './stand.ts';

const MINUTE_MS = 60_000;

/** A service that answers with what it was given. */
function echo(name: string, error: AwsService['error']): AwsService {
  return {
    name,
    error,
    handle: async (request) => {
      if (request.query.has('break')) throw new Error('a bug');
      if (request.query.has('deny')) throw new AwsServiceError('AccessDenied', 'no', 403);
      const body = await request.body(1000);
      return {
        status: 200,
        body: JSON.stringify({ body: body.toString(), user: request.principal.userId, presigned: request.presigned }),
      };
    },
  };
}

describe('the local AWS endpoint', () => {
  let stand: Stand;
  before(async () => {
    stand = await Stand.start({
      roles: [{ name: 'worker', policies: [] }],
      services: () => [
        echo('ec2', (error, request) => ec2Error(error, request.requestId)),
        echo('logs', (error, request) => jsonError(error, request.requestId)),
        echo('lambda', (error, request) => jsonError(error, request.requestId, 'rest')),
      ],
    });
    await stand.s3().send(new CreateBucketCommand({ Bucket: 'door' }));
  });
  after(() => stand.close());
  afterEach(() => {
    stand.offsetMs = 0;
  });

  it('tells its health to anybody', async () => {
    const response = await fetch(`${stand.aws.url}/_health`);
    expect(await response.json()).to.deep.equal({ status: 'ok', services: ['s3', 'sts', 'ec2', 'logs', 'lambda'] });
  });

  it('finds the service by the credential scope', async () => {
    const answer = await send(stand.aws.url, { method: 'POST', path: '/', service: 'ec2', body: 'Action=X' });
    expect(JSON.parse(answer.body)).to.deep.equal({ body: 'Action=X', user: '000000000000', presigned: false });
  });

  it('gives every answer a request id', async () => {
    const answer = await send(stand.aws.url, { path: '/door/none' });
    expect(answer.headers['x-amz-request-id']).to.be.a('string');
    expect(answer.body).to.include(`<RequestId>${String(answer.headers['x-amz-request-id'])}</RequestId>`);
  });

  const refusals: [string, Parameters<typeof send>[1], string, number][] = [
    [
      'a wrong secret',
      { path: '/door', credentials: { accessKeyId: 'AKIATESTROOT', secretAccessKey: 'guess' } },
      'SignatureDoesNotMatch',
      403,
    ],
    [
      'an unknown key',
      { path: '/door', credentials: { accessKeyId: 'AKIANOBODY', secretAccessKey: 'x' } },
      'InvalidAccessKeyId',
      403,
    ],
    [
      'a token with a long-lived key',
      {
        path: '/door',
        credentials: { accessKeyId: 'AKIATESTROOT', secretAccessKey: 'test-root-secret', sessionToken: 'x' },
      },
      'InvalidToken',
      400,
    ],
    [
      'a request signed 16 minutes ago',
      {
        path: '/door',
        // Asked for when it is sent: the suite may begin minutes after it was declared.
        get at() {
          return Date.now() - 16 * MINUTE_MS;
        },
      },
      'RequestTimeTooSkewed',
      403,
    ],
    [
      'a request signed 16 minutes from now',
      {
        path: '/door',
        // Asked for when it is sent: the suite may begin minutes after it was declared.
        get at() {
          return Date.now() + 16 * MINUTE_MS;
        },
      },
      'RequestTimeTooSkewed',
      403,
    ],
    ['another region', { path: '/door', region: 'us-east-1' }, 'AuthorizationHeaderMalformed', 400],
    [
      'an x-amz header that was not signed',
      { path: '/door', unsigned: { 'x-amz-acl': 'private' } },
      'AccessDenied',
      403,
    ],
    ['a changed path', { path: '/door', tamper: (request) => (request.path = '/other') }, 'SignatureDoesNotMatch', 403],
    [
      'a query that was added',
      { path: '/door', tamper: (request) => (request.path += '?versions') },
      'SignatureDoesNotMatch',
      403,
    ],
    [
      'another body than the one hashed',
      { method: 'PUT', path: '/door/k', body: 'lie', payloadHash: 'a'.repeat(64), headers: { 'content-length': '3' } },
      'XAmzContentSHA256Mismatch',
      400,
    ],
    [
      'an authorization of another kind',
      { path: '/door', tamper: (request) => (request.headers.authorization = 'Basic eDp5') },
      'InvalidArgument',
      400,
    ],
    [
      'half an authorization',
      { path: '/door', tamper: (request) => (request.headers.authorization = 'AWS4-HMAC-SHA256 Credential=x') },
      'AuthorizationHeaderMalformed',
      400,
    ],
    ['no date', { path: '/door', tamper: (request) => delete request.headers['x-amz-date'] }, 'AccessDenied', 403],
    [
      'no payload hash',
      { path: '/door', tamper: (request) => delete request.headers['x-amz-content-sha256'] },
      'InvalidRequest',
      400,
    ],
    ['a service that is not here', { path: '/', service: 'dynamodb' }, 'NotImplemented', 501],
  ];
  for (const [what, options, code, status] of refusals) {
    it(`refuses ${what} with ${code}`, async () => {
      const answer = await send(stand.aws.url, options);
      expect([answer.code, answer.status]).to.deep.equal([code, status]);
    });
  }

  it('refuses unsigned requests', async () => {
    const get = await exchange(stand.aws.url, 'GET', '/door/k', {});
    expect([get.code, get.status]).to.deep.equal(['AccessDenied', 403]);
    const form = { 'content-type': 'application/x-www-form-urlencoded' };
    const post = await exchange(stand.aws.url, 'POST', '/', form, 'Action=GetCallerIdentity');
    expect([post.code, post.status]).to.deep.equal(['MissingAuthenticationToken', 403]);
  });

  it('says the same refusal in the words of each service', async () => {
    const wrong = { accessKeyId: 'AKIATESTROOT', secretAccessKey: 'guess' };
    const unknown = { accessKeyId: 'AKIANOBODY', secretAccessKey: 'x' };
    const said = async (service: string, options: object) => {
      const { code, status } = await send(stand.aws.url, { path: '/', service, method: 'POST', body: '', ...options });
      return [code, status];
    };
    expect(await said('ec2', { credentials: unknown })).to.deep.equal(['AuthFailure', 401]);
    expect(await said('sts', { credentials: unknown })).to.deep.equal(['InvalidClientTokenId', 403]);
    expect(await said('logs', { credentials: unknown })).to.deep.equal(['UnrecognizedClientException', 400]);
    expect(await said('lambda', { credentials: unknown })).to.deep.equal(['UnrecognizedClientException', 403]);
    expect(await said('logs', { credentials: wrong })).to.deep.equal(['InvalidSignatureException', 400]);
    expect(await said('ec2', { path: '/', query: 'deny=1' })).to.deep.equal(['UnauthorizedOperation', 403]);
    expect(await said('logs', { path: '/', query: 'deny=1' })).to.deep.equal(['AccessDeniedException', 400]);
  });

  it('answers InternalError for a bug, and hides it', async () => {
    const answer = await send(stand.aws.url, { path: '/', query: 'break=1', service: 'ec2' });
    expect([answer.code, answer.status, answer.body.includes('a bug')]).to.deep.equal(['InternalError', 500, false]);
  });

  it('refuses a body above the limit of the reader', async () => {
    const answer = await send(stand.aws.url, {
      method: 'POST',
      path: '/',
      service: 'ec2',
      body: 'x'.repeat(1001),
      headers: { 'x-amz-content-sha256': 'UNSIGNED-PAYLOAD' },
      payloadHash: 'UNSIGNED-PAYLOAD',
    });
    expect(answer.status).to.equal(413);
  });

  describe('presigned URLs', () => {
    const presign = (options: object = {}) =>
      getSignedUrl(stand.s3(), new GetObjectCommand({ Bucket: 'door', Key: 'k' }), { expiresIn: 60, ...options });
    const said = async (url: string) => {
      const response = await fetch(url);
      const body = await response.text();
      return [response.status, /<Code>(.*?)</.exec(body)?.[1], /<Message>(.*?)</.exec(body)?.[1]?.slice(0, 40)];
    };

    before(async () => {
      await stand.s3().send(new PutObjectCommand({ Bucket: 'door', Key: 'k', Body: 'open' }));
    });

    it('open until their time is over', async () => {
      const url = await presign();
      expect(await (await fetch(url)).text()).to.equal('open');
      stand.offsetMs = 61_000;
      expect(await said(url)).to.deep.equal([403, 'AccessDenied', 'Request has expired']);
    });

    it('do not open before their time', async () => {
      expect(await said(await presign({ signingDate: new Date(Date.now() + 16 * MINUTE_MS) }))).to.deep.equal([
        403,
        'AccessDenied',
        'Request is not valid yet',
      ]);
    });

    it('must be complete', async () => {
      const url = await presign();
      for (const name of ['Algorithm', 'Credential', 'Date', 'Expires', 'SignedHeaders', 'Signature']) {
        const without = new URL(url);
        without.searchParams.delete(`X-Amz-${name}`);
        expect((await said(without.href)).slice(0, 2)).to.deep.equal([400, 'AuthorizationQueryParametersError']);
      }
    });

    for (const [name, value] of [
      ['X-Amz-Algorithm', 'AWS4-HMAC-SHA1'],
      ['X-Amz-Credential', 'nonsense'],
      ['X-Amz-Credential', 'AKIATESTROOT/20200101/eu-west-1/s3/aws4_request'],
      ['X-Amz-Date', 'today'],
      ['X-Amz-Expires', 'soon'],
      ['X-Amz-Expires', '-1'],
      ['X-Amz-Expires', '604801'],
    ] as const) {
      it(`may not carry ${name}=${value}`, async () => {
        const url = new URL(await presign());
        url.searchParams.set(name, value);
        expect((await said(url.href)).slice(0, 2)).to.deep.equal([400, 'AuthorizationQueryParametersError']);
      });
    }

    it('may not be stretched', async () => {
      const url = new URL(await presign());
      url.searchParams.set('X-Amz-Expires', '3600');
      expect((await said(url.href)).slice(0, 2)).to.deep.equal([403, 'SignatureDoesNotMatch']);
    });

    it('carry the session that signed them, and end with it', async () => {
      const session = stand.aws.iam.issueSession('worker', 'i-1', 30);
      const url = await getSignedUrl(stand.s3(session), new GetObjectCommand({ Bucket: 'door', Key: 'k' }), {
        expiresIn: 600,
      });
      expect((await said(url)).slice(0, 2)).to.deep.equal([403, 'AccessDenied']);
      stand.offsetMs = 31_000;
      expect((await said(url)).slice(0, 2)).to.deep.equal([400, 'ExpiredToken']);
    });
  });

  describe('sessions', () => {
    const whoami = (credentials: { accessKeyId: string; secretAccessKey: string; sessionToken: string }) =>
      new STSClient(stand.client(credentials)).send(new GetCallerIdentityCommand({})).then(
        (answer) => answer.Arn,
        (error: Error) => error.name,
      );

    it('are known by role and name until they end', async () => {
      const session = stand.aws.iam.issueSession('worker', 'i-0abc', 60);
      expect(session.accessKeyId).to.match(/^ASIA[A-Z0-9]{16}$/);
      expect(session.principal.userId).to.match(/^AROA[A-Z2-7]{17}:i-0abc$/);
      expect(await whoami(session)).to.equal('arn:aws:sts::000000000000:assumed-role/worker/i-0abc');
      stand.offsetMs = 61_000;
      const late = { path: '/door', at: Date.now() + 61_000, credentials: session };
      expect((await send(stand.aws.url, late)).code).to.equal('ExpiredToken');
    });

    it('stay valid over a restart', async () => {
      const session = stand.aws.iam.issueSession('worker', 'i-0abc', 60);
      await stand.restart();
      expect(await whoami(session)).to.equal('arn:aws:sts::000000000000:assumed-role/worker/i-0abc');
    });

    it('are refused with a changed token, a foreign key or no token', async () => {
      const session = stand.aws.iam.issueSession('worker', 'i-1', 60);
      const other = stand.aws.iam.issueSession('worker', 'i-2', 60);
      expect(await whoami({ ...session, sessionToken: `x${session.sessionToken}` })).to.equal('InvalidClientTokenId');
      expect(await whoami({ ...session, sessionToken: other.sessionToken })).to.equal('InvalidClientTokenId');
      expect(await whoami({ ...session, sessionToken: '' })).to.equal('InvalidClientTokenId');
    });

    it('exist only for roles that exist', () => {
      expect(() => stand.aws.iam.issueSession('nobody', 'x', 60)).to.throw('cannot be found');
    });
  });

  it('survives a client that hangs up in the middle of an upload', async () => {
    const signed = sign(stand.aws.url, {
      method: 'PUT',
      path: '/door/cut',
      payloadHash: 'UNSIGNED-PAYLOAD',
      headers: { 'content-length': '1000000' },
    });
    const { connect } = await import('node:net');
    const { port } = new URL(stand.aws.url);
    await new Promise<void>((resolve) => {
      const socket = connect(Number(port), '127.0.0.1', () => {
        const head = Object.entries(signed.headers)
          .map(([name, value]) => `${name}: ${value}\r\n`)
          .join('');
        socket.write(`PUT /door/cut HTTP/1.1\r\n${head}\r\nhalf`, () => socket.destroy());
      });
      socket.on('close', () => resolve());
    });
    expect((await send(stand.aws.url, { path: '/door/cut' })).code).to.equal('NoSuchKey');
  });

  it('refuses to start on a port that is taken', async () => {
    const { port } = new URL(stand.aws.url);
    const error = await Stand.start({ port: Number(port) }).then(
      () => undefined,
      (failure: NodeJS.ErrnoException) => failure.code,
    );
    expect(error).to.equal('EADDRINUSE');
  });
});
