import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect } from 'chai';
import { API_VERSION } from '../../../crds/objects.ts';
import {
  kubernetes,
  KubernetesError,
  statusError,
  type KubeObject,
  type Kubernetes,
} from '../../../operator/runtime/kubernetes.ts';
import { ACCOUNTS, NAMESPACES, TRAINING_JOBS } from '../../../operator/runtime/resources.ts';
import { EventRecorder } from '../../../operator/runtime/events.ts';
import { SILENT } from '../../../operator/runtime/logging.ts';
import { mergeDiff } from '../../../operator/runtime/status.ts';
import { EVENTS } from '../../../operator/runtime/resources.ts';
import { systemClock } from '../../../cloud/clock.ts';
import { eventually, startCluster, type Cluster } from '../cluster.ts';

const kindOf = async (promise: Promise<unknown>): Promise<string> =>
  promise.then(
    () => 'nothing',
    (error: unknown) => (error instanceof KubernetesError ? error.kind : String(error)),
  );

describe('The border to Kubernetes, on a Kubernetes API', () => {
  let cluster: Cluster;
  let client: Kubernetes;
  before(async () => {
    cluster = await startCluster();
    client = cluster.client;
    await client.create(NAMESPACES, { metadata: { name: 'ml-user-5' } });
  });
  after(() => cluster.close());
  const job = (name: string): KubeObject =>
    ({
      apiVersion: API_VERSION,
      kind: 'TrainingJob',
      metadata: { name, namespace: 'ml-user-5' },
      spec: { dataset: { uri: 's3://bucket/a' }, target: 't' },
    }) as KubeObject;

  it('translates every refusal once', async () => {
    const one = await client.create(TRAINING_JOBS, job('one'));
    expect(await kindOf(client.get(TRAINING_JOBS, 'none', 'ml-user-5'))).to.equal('NotFound');
    expect(await kindOf(client.create(TRAINING_JOBS, job('one')))).to.equal('AlreadyExists');
    expect(await kindOf(client.create(TRAINING_JOBS, { ...job('two'), spec: {} } as KubeObject))).to.equal('Invalid');
    const stale = { metadata: { resourceVersion: '1' }, spec: { suspend: true } };
    expect(await kindOf(client.mergePatch(TRAINING_JOBS, 'one', stale, { namespace: 'ml-user-5' }))).to.equal(
      'Conflict',
    );
    expect(await kindOf(client.delete(TRAINING_JOBS, 'one', { namespace: 'ml-user-5', uid: 'another' }))).to.equal(
      'Conflict',
    );
    await client.delete(TRAINING_JOBS, 'one', { namespace: 'ml-user-5', uid: one.metadata?.uid });
    const nobody = kubernetes({
      server: cluster.connection.server,
      options: async () => ({ ...(await cluster.connection.options()), headers: { authorization: 'Bearer x' } }),
    });
    expect(await kindOf(nobody.list(ACCOUNTS))).to.equal('Forbidden');
    nobody.close();
    expect(
      await kindOf(kubernetes({ server: 'http://127.0.0.1:1', options: async () => ({}) }).list(ACCOUNTS)),
    ).to.equal('Unreachable');
  });

  it('watches until it is told to stop', async () => {
    const seen: string[] = [];
    const stop = new AbortController();
    const { metadata } = await client.list(TRAINING_JOBS);
    const watching = kindOf(
      client.watch<KubeObject>(
        TRAINING_JOBS,
        { resourceVersion: metadata.resourceVersion },
        ({ type, object }) => seen.push(`${type} ${object.metadata?.name}`),
        { signal: stop.signal },
      ),
    );
    await client.create(TRAINING_JOBS, job('watched'));
    await client.delete(TRAINING_JOBS, 'watched', { namespace: 'ml-user-5' });
    await eventually(() => seen.length === 2);
    expect(seen).to.deep.equal(['ADDED watched', 'DELETED watched']);
    stop.abort();
    expect(await watching).to.be.oneOf(['Unreachable', 'nothing']);
  });

  it('says Gone of a version that is too old', async () => {
    const gone = statusError({ code: 410, message: 'too old' });
    expect(gone.kind).to.equal('Gone');
    expect(statusError({ code: 400, reason: 'Expired' }).kind).to.equal('Gone');
    expect(statusError({ code: 429 }, 3)).to.include({ kind: 'Throttled', retryAfterSeconds: 3 });
    expect(statusError({}).kind).to.equal('Server');
  });

  it('records an Event once and counts it from then on; names follow the telling, within a second too', async () => {
    const about = await client.create(TRAINING_JOBS, job('told'));
    const text = (message: string) => ({ type: 'Normal' as const, reason: 'Admitted', message });
    const recorder = new EventRecorder(client, systemClock(), SILENT);
    for (const message of ['Accepted.', 'Then.', 'And then.', 'Accepted.']) await recorder.record(about, text(message));
    const { items } = await client.list<{ metadata: { name: string }; count: number; message: string }>(
      EVENTS,
      {},
      'ml-user-5',
    );
    const told = items
      .toSorted((a, b) => (a.metadata.name < b.metadata.name ? -1 : 1))
      .map(({ message, count }) => `${message} ${count}`);
    expect(told).to.deep.equal(['Accepted. 2', 'Then. 1', 'And then. 1']);
    await recorder.record({ metadata: { namespace: 'no-such', name: 'x' } }, text('Nowhere.'));
  });
});

describe('The border to Kubernetes, on a bad connection', () => {
  let server: Server;
  let client: Kubernetes;
  let answer: (path: string) => { status: number; body: string; headers?: Record<string, string> } | undefined;
  before(async () => {
    server = createServer((request, response) => {
      const given = answer(request.url ?? '');
      if (given) response.writeHead(given.status, given.headers).end(given.body);
      else if (request.url?.includes('cut')) request.socket.destroy();
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    client = kubernetes(
      { server: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, options: async () => ({}) },
      { timeoutMs: 60 },
    );
  });
  after(() => {
    client.close();
    server.closeAllConnections();
    server.close();
  });

  it('is Unreachable when the answer is cut off or never comes', async () => {
    answer = () => undefined;
    expect(await kindOf(client.get(ACCOUNTS, 'cut'))).to.equal('Unreachable');
    expect(await kindOf(client.get(ACCOUNTS, 'never'))).to.equal('Unreachable');
  });

  it('reads how long the server wants to be left alone, and errors that are not JSON', async () => {
    answer = () => ({ status: 429, body: '{}', headers: { 'retry-after': '7' } });
    const error = await client.get(ACCOUNTS, 'a').catch((thrown: unknown) => thrown as KubernetesError);
    expect(error).to.include({ kind: 'Throttled', retryAfterSeconds: 7 });
    answer = () => ({ status: 502, body: '<html>bad gateway' });
    expect(await kindOf(client.get(ACCOUNTS, 'a'))).to.equal('Server');
    expect(await kindOf(client.watch(ACCOUNTS, {}, () => {}, { signal: new AbortController().signal }))).to.equal(
      'Server',
    );
  });

  it('gives whole lines of a watch, however they come', async () => {
    const body = `${JSON.stringify({ type: 'ADDED', object: { metadata: { name: 'ä' } } })}\n\n${JSON.stringify({ type: 'BOOKMARK', object: {} })}\n`;
    answer = () => ({ status: 200, body });
    const seen: string[] = [];
    await client.watch<KubeObject>(
      ACCOUNTS,
      {},
      ({ type, object }) => seen.push(`${type}${object.metadata?.name ?? ''}`),
      { signal: new AbortController().signal },
    );
    expect(seen).to.deep.equal(['ADDEDä', 'BOOKMARK']);
    answer = () => ({ status: 200, body: '{"type":"ERROR","object":{"code":410}}\n' });
    const refusing = client.watch<KubeObject>(
      ACCOUNTS,
      {},
      ({ object }) => {
        throw statusError(object as object);
      },
      { signal: new AbortController().signal },
    );
    expect(await kindOf(refusing)).to.equal('Gone');
  });
});

describe('The difference of two statuses', () => {
  it('is what changed, null for what vanished, lists whole, and nothing for equals', () => {
    expect(mergeDiff({ a: 1, b: { c: 1, d: 2 }, list: [1] }, { a: 1, b: { c: 1, d: 2 }, list: [1] })).to.equal(
      undefined,
    );
    expect(mergeDiff({ a: 1, b: { c: 1, d: 2 }, list: [1, 2] }, { b: { c: 3, d: 2 }, list: [2] })).to.deep.equal({
      a: null,
      b: { c: 3 },
      list: [2],
    });
    expect(mergeDiff({}, { a: undefined })).to.equal(undefined);
    expect(mergeDiff(undefined, { a: 1 })).to.deep.equal({ a: 1 });
  });
});
