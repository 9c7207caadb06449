import { expect } from 'chai';
import { systemClock } from '../../../cloud/clock.ts';
import { giveBack, heldIn, holderOf, isMove, take } from '../../../local/move/fence.ts';
import { NAMESPACES } from '../../../operator/runtime/resources.ts';
import { Leader, LEASE_SECONDS, OPERATOR_LEASE } from '../../../operator/runtime/leader.ts';
import { SILENT } from '../../../operator/runtime/logging.ts';
import { ManualClock } from '../../operator/clock.ts';
import { eventually, startCluster, type Cluster } from '../../operator/cluster.ts';

const HOLDER = holderOf('a', 'b');

describe('The stillness of a move', function () {
  this.timeout(20_000);
  let cluster: Cluster;
  let lost: string[];
  beforeEach(async () => {
    lost = [];
    cluster = await startCluster();
    await cluster.client.create(NAMESPACES, {
      ...{ apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'spotlearn-system' } },
    });
  });
  afterEach(() => cluster.close());
  const candidate = (identity: string, clock = systemClock()) =>
    new Leader({
      ...{ kubernetes: cluster.client, namespace: 'spotlearn-system', name: OPERATOR_LEASE, identity, clock },
      logger: SILENT,
      onLost: () => lost.push(identity),
    });

  it('ends a leader, and counts the time in which it may not know yet', async () => {
    const leader = candidate('one');
    expect(await leader.acquire()).to.equal(true);
    const before = Date.now();
    const quietAt = await take(cluster.client, HOLDER, systemClock());
    expect(quietAt).to.be.within(before + LEASE_SECONDS * 1000, Date.now() + LEASE_SECONDS * 1000);
    await eventually(() => lost.length > 0, 5_000);
    expect(lost).to.deep.equal(['one']);
    await leader.release();
    expect((await heldIn(cluster.client)).holder).to.equal(HOLDER);
    // Killed and run again: what is left of that time, not all of it anew.
    expect(await take(cluster.client, HOLDER, systemClock())).to.be.within(before + LEASE_SECONDS * 1000, quietAt);
  });

  it('lasts: who comes later waits for it, however long', async () => {
    const first = candidate('one');
    await first.acquire();
    await first.release();
    const now = Date.now();
    expect(await take(cluster.client, HOLDER, systemClock())).to.be.within(now, Date.now());
    const clock = new ManualClock(Date.now(), () => new Promise((resolve) => setTimeout(resolve, 15)));
    const later = candidate('two', clock);
    const led = later.acquire();
    await clock.advance(8 * LEASE_SECONDS * 1000);
    expect(later.leading).to.equal(false);
    await giveBack(cluster.client, HOLDER);
    await clock.advance(4_000);
    expect(later.leading).to.equal(true);
    expect(await led).to.equal(true);
    await later.release();
  });

  it('is one move’s alone', async () => {
    await take(cluster.client, HOLDER, systemClock());
    const other = holderOf('c', 'b');
    await giveBack(cluster.client, other);
    const refusal = await take(cluster.client, other, systemClock()).catch((error: Error) => error.message);
    expect(refusal).to.include('Another move is under way (spotlearn-move from a to b)');
    expect((await heldIn(cluster.client)).holder).to.equal(HOLDER);
    expect([isMove(HOLDER), isMove('host_1'), isMove('')]).to.deep.equal([true, false, false]);
  });
});
