import { expect } from 'chai';
import { KubernetesError, type Kubernetes } from '../../../operator/runtime/kubernetes.ts';
import { Leader, LEASE_SECONDS, microTime, RENEW_DEADLINE_MS, RETRY_MS } from '../../../operator/runtime/leader.ts';
import { LEASES, NAMESPACES } from '../../../operator/runtime/resources.ts';
import { SILENT } from '../../../operator/runtime/logging.ts';
import { ManualClock, settled } from '../clock.ts';
import { startCluster, type Cluster } from '../cluster.ts';

/** One Lease with optimistic locking, that can be away. */
class Leases {
  lease: { metadata: { resourceVersion: string }; spec: { holderIdentity: string } } | undefined;
  away = false;
  hanging = false;
  #check(): void {
    if (this.away) throw new KubernetesError('Unreachable', 'away');
  }
  async get() {
    if (this.hanging) await new Promise(() => {});
    this.#check();
    if (!this.lease) throw new KubernetesError('NotFound', 'none', 404);
    return structuredClone(this.lease);
  }
  async create(_: unknown, lease: never) {
    this.#check();
    if (this.lease) throw new KubernetesError('AlreadyExists', 'there', 409);
    this.lease = { ...(structuredClone(lease) as object), metadata: { resourceVersion: '1' } } as never;
    return structuredClone(this.lease);
  }
  async replace(_: unknown, lease: { metadata: { resourceVersion: string } }) {
    this.#check();
    if (lease.metadata.resourceVersion !== this.lease?.metadata.resourceVersion)
      throw new KubernetesError('Conflict', 'newer', 409);
    this.lease = {
      ...structuredClone(lease),
      metadata: { resourceVersion: String(Number(lease.metadata.resourceVersion) + 1) },
    } as never;
    return structuredClone(this.lease);
  }
}

describe('Leader election', () => {
  let clock: ManualClock;
  let leases: Leases;
  const leaders: Leader[] = [];
  let lost: string[];
  function candidate(identity: string): Leader {
    const leader = new Leader({
      kubernetes: leases as never,
      namespace: 'n',
      name: 'l',
      identity,
      clock,
      logger: SILENT,
      onLost: () => lost.push(identity),
    });
    leaders.push(leader);
    return leader;
  }
  beforeEach(() => {
    clock = new ManualClock();
    leases = new Leases();
    lost = [];
  });
  afterEach(async () => {
    leases.hanging = false;
    const releases = leaders.splice(0).map((leader) => leader.release());
    await clock.advance(60_000);
    await Promise.all(releases);
  });

  it('lets one lead and the other wait', async () => {
    const [a, b] = [candidate('a'), candidate('b')];
    expect(await a.acquire()).to.equal(true);
    let second = false;
    void b.acquire().then((got) => (second = got));
    await clock.advance(10 * LEASE_SECONDS * 1000);
    expect([a.leading, second]).to.deep.equal([true, false]);
  });

  it('passes to the other at once when released, and after its duration when the holder is dead', async () => {
    const [a, b, c] = [candidate('a'), candidate('b'), candidate('c')];
    await a.acquire();
    const second = b.acquire();
    await settled();
    await a.release();
    await clock.advance(RETRY_MS * 2);
    expect(await second).to.equal(true);
    expect(leases.lease?.spec).to.deep.include({ holderIdentity: 'b', leaseTransitions: 1 });
    leases.lease = {
      metadata: { resourceVersion: '50' },
      spec: { ...(leases.lease as { spec: object }).spec, holderIdentity: 'dead' } as never,
    };
    let third = false;
    void c.acquire().then((got) => (third = got));
    await clock.advance(LEASE_SECONDS * 1000 - 1);
    expect(third).to.equal(false);
    await clock.advance(RETRY_MS + 1);
    expect(third).to.equal(true);
  });

  it('stops leading before its lease expires when it can’t be renewed', async () => {
    const a = candidate('a');
    await a.acquire();
    leases.away = true;
    await clock.advance(RENEW_DEADLINE_MS - 1);
    expect(lost).to.deep.equal([]);
    await clock.advance(RETRY_MS + 1);
    expect(lost).to.deep.equal(['a']);
    expect(a.leading).to.equal(false);
    expect(RENEW_DEADLINE_MS + RETRY_MS).to.be.lessThan(LEASE_SECONDS * 1000);
  });

  it('is not kept leading by a call that hangs', async () => {
    const a = candidate('a');
    await a.acquire();
    leases.hanging = true;
    await clock.advance(RENEW_DEADLINE_MS + RETRY_MS);
    expect(lost).to.deep.equal(['a']);
  });

  it('stops at once when another holds the lease', async () => {
    const a = candidate('a');
    await a.acquire();
    leases.lease = {
      metadata: { resourceVersion: '9' },
      spec: { ...(leases.lease as { spec: object }).spec, holderIdentity: 'b' } as never,
    };
    await clock.advance(RETRY_MS);
    expect(lost).to.deep.equal(['a']);
  });

  it('gives up waiting when released', async () => {
    await candidate('a').acquire();
    const b = candidate('b');
    const waiting = b.acquire();
    await settled();
    await b.release();
    expect(await waiting).to.equal(false);
  });
});

describe('Leader election on a Kubernetes API', () => {
  let cluster: Cluster;
  before(async () => {
    cluster = await startCluster();
    await cluster.client.create(NAMESPACES, { metadata: { name: 'leases' } });
  });
  after(() => cluster.close());

  it('writes a Lease the API server takes, with times of six digits', async () => {
    const { systemClock } = await import('../../../cloud/clock.ts');
    const kubernetes: Kubernetes = cluster.client;
    const leader = new Leader({
      kubernetes,
      namespace: 'leases',
      name: 'l',
      identity: 'me',
      clock: systemClock(),
      logger: SILENT,
      onLost: () => {},
    });
    expect(await leader.acquire()).to.equal(true);
    const read = () => kubernetes.get<{ spec: { holderIdentity: string; renewTime: string } }>(LEASES, 'l', 'leases');
    expect((await read()).spec.renewTime).to.match(/\.\d{6}Z$/);
    await leader.release();
    expect((await read()).spec.holderIdentity).to.equal('');
    expect(microTime(0)).to.equal('1970-01-01T00:00:00.000000Z');
  });
});
