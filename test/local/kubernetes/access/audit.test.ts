// The audit trail of the embedded API: what gets a line, what stands in it, and how the file turns over.
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import type { IncomingMessage } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { pino } from 'pino';
import { auditEvent, auditFile, type AuditEvent, type Trail } from '../../../../local/kubernetes/access/audit.ts';
import { startKubernetes, type Kubernetes } from '../../../../local/kubernetes/server.ts';
import { connect } from '../../../../operator/runtime/connection.ts';
import { kubernetes, type KubeObject } from '../../../../operator/runtime/kubernetes.ts';
import { NAMESPACES, SECRETS } from '../../../../operator/runtime/resources.ts';
import { eventually } from '../../../operator/cluster.ts';

const AT = Date.parse('2026-11-27T10:00:00.123Z');
const request = (method: string, url: string, headers: Record<string, string> = {}): IncomingMessage =>
  ({ method, url, headers, socket: { remoteAddress: '127.0.0.1' } }) as unknown as IncomingMessage;
const trail: Trail = { receivedAt: AT, user: { name: 'ada', groups: ['g'] } };
const JOBS = '/apis/spotlearn.io/v1alpha1/namespaces/ml-user-1/trainingjobs';

describe('The audit trail of the embedded API', () => {
  it('has every refused request and every changing one, and whoever acts as somebody else', () => {
    const lines: [string, string, number, boolean, Record<string, string>?][] = [
      ['GET', JOBS, 200, false],
      ['GET', JOBS, 404, false],
      ['GET', JOBS, 403, true],
      ['GET', '/metrics', 403, true],
      ['GET', '/healthz', 200, false],
      ['HEAD', '/healthz', 200, false],
      ['GET', JOBS, 401, true],
      ['GET', `${JOBS}?watch=true`, 200, false],
      ['GET', JOBS, 200, true, { 'impersonate-user': 'bob' }],
      ['POST', JOBS, 201, true],
      ['POST', JOBS, 422, true],
      ['PATCH', `${JOBS}/a`, 200, true],
      ['DELETE', `${JOBS}/a`, 404, true],
      ['PUT', '/apis/coordination.k8s.io/v1/namespaces/x/leases/y', 200, false],
      ['PUT', '/apis/coordination.k8s.io/v1/namespaces/x/leases/y', 403, true],
      ['POST', '/api/v1/namespaces/x/events', 201, false],
    ];
    for (const [method, url, code, told, headers] of lines)
      expect(
        auditEvent(request(method, url, headers), code, trail, AT) !== undefined,
        `${method} ${url} ${code}`,
      ).to.equal(told);
  });

  it('tells who did what to which object and how it ended', () => {
    const told = { ...trail, impersonated: { name: 'bob', groups: [] }, reason: 'Forbidden', message: 'no' };
    const event = auditEvent(request('PATCH', `${JOBS}/a/status`, { 'user-agent': 'kubectl' }), 403, told, AT + 5);
    expect(event?.auditID).to.match(/^[0-9a-f-]{36}$/);
    expect({ ...event, auditID: '' }).to.deep.equal({
      kind: 'Event',
      apiVersion: 'audit.k8s.io/v1',
      level: 'Metadata',
      auditID: '',
      stage: 'ResponseComplete',
      requestURI: `${JOBS}/a/status`,
      verb: 'patch',
      user: { username: 'ada', groups: ['g'] },
      impersonatedUser: { username: 'bob', groups: [] },
      sourceIPs: ['127.0.0.1'],
      userAgent: 'kubectl',
      objectRef: {
        resource: 'trainingjobs',
        namespace: 'ml-user-1',
        name: 'a',
        apiGroup: 'spotlearn.io',
        apiVersion: 'v1alpha1',
        subresource: 'status',
      },
      responseStatus: { code: 403, reason: 'Forbidden', message: 'no' },
      requestReceivedTimestamp: '2026-11-27T10:00:00.123000Z',
      stageTimestamp: '2026-11-27T10:00:00.128000Z',
      annotations: { 'authorization.k8s.io/decision': 'forbid' },
    });
    expect(auditEvent(request('GET', '/metrics'), 401, { receivedAt: AT }, AT)).not.to.have.any.keys(
      'user',
      'objectRef',
    );
  });

  describe('as a file', () => {
    let folder: string;
    beforeEach(() => {
      folder = mkdtempSync(join(tmpdir(), 'audit-'));
    });
    afterEach(() => rmSync(folder, { recursive: true, force: true }));
    const event = (name: string) => auditEvent(request('POST', `${JOBS}/${name}`), 201, trail, AT) as AuditEvent;
    const names = (path: string) =>
      readFileSync(path, 'utf8')
        .trim()
        .split('\n')
        .map((line) => (JSON.parse(line) as AuditEvent).objectRef?.name);

    it('turns over when it is full, keeps the one before, and goes on after a restart', () => {
      const path = join(folder, 'audit.log');
      const bytes = Buffer.byteLength(JSON.stringify(event('a'))) + 1;
      const first = auditFile(path, 2 * bytes);
      expect(existsSync(path)).to.equal(false);
      for (const name of ['a', 'b', 'c']) first.write(event(name));
      first.close();
      expect(names(`${path}.1`)).to.deep.equal(['a', 'b']);
      const second = auditFile(path, 2 * bytes);
      for (const name of ['d', 'e']) second.write(event(name));
      second.close();
      second.close();
      expect([names(`${path}.1`), names(path)]).to.deep.equal([['c', 'd'], ['e']]);
      expect(statSync(path).mode & 0o777).to.equal(0o600);
    });
  });

  describe('in a server', () => {
    let folder: string;
    let server: Kubernetes;
    const events: AuditEvent[] = [];
    before(async () => {
      folder = mkdtempSync(join(tmpdir(), 'audit-'));
      const audit = (event: AuditEvent) => {
        if (event.objectRef?.name === 'unwritable') throw new Error('the disk is full');
        events.push(event);
      };
      server = await startKubernetes({ stateDir: folder, logger: pino({ level: 'silent' }), audit });
    });
    after(async () => {
      await server.close();
      rmSync(folder, { recursive: true, force: true });
    });

    it('goes where it is sent; a made object has its name, generated or not, and a sink that fails stops nobody', async () => {
      const client = kubernetes(await connect({ KUBECONFIG: server.kubeconfigPath }));
      await client.create(NAMESPACES, { metadata: { name: 'unwritable' } });
      await client.create(NAMESPACES, { metadata: { name: 'given' } });
      const secret: KubeObject = { metadata: { generateName: 'some-', namespace: 'given' } };
      const { metadata } = await client.create(SECRETS, secret);
      const made = await eventually(() => events.length >= 2 && events.map(({ objectRef }) => objectRef?.name));
      expect(made).to.deep.equal(['given', metadata?.name]);
      expect(existsSync(join(folder, 'audit.log'))).to.equal(false);
      client.close();
    });
  });
});
