// The crash windows of docs/life-of-a-job.md against the embedded API server, in real time: the operator is killed before and after
// every eighth call that changes the world, another takes over. One instance, one ledger entry, one model, nothing left running.
// Every call of every stage, in virtual time: faults/.
import { expect } from 'chai';
import { startCluster, type Cluster } from './cluster.ts';
import { Doom } from './doom.ts';
import { report, succeed, ticketOf } from './worker.ts';
import { World } from './world.ts';

/** Does the worker's part as soon as a ticket is there. */
function work(world: World): () => void {
  const begun = new Set<string>();
  const timer = setInterval(() => {
    for (const { id } of world.compute.running()) {
      if (!ticketOf(world.bucket, id)) continue;
      if (begun.has(id)) succeed(world.bucket, id);
      else report(world.bucket, id);
      begun.add(id);
    }
  }, 25);
  return () => clearInterval(timer);
}

/** One job's whole life under an operator that meets its doom, and another after it; the job's last phase. */
async function live(world: World, doom: Doom): Promise<string> {
  // The account is made before, so that the calls counted are the job's own.
  const early = await world.operate();
  await world.account();
  await early.close();
  const rest = work(world);
  try {
    const first = await world.operate({}, doom);
    await world.train('job');
    const done = world.trained('job', 'Succeeded').then(({ status }) => status.phase ?? '');
    const ended = await Promise.race([doom.struck.then(() => 'struck'), done.catch(() => 'failed')]);
    if (ended === 'struck') await world.operate();
    const phase = await done;
    doom.bury();
    await first.close();
    return phase;
  } finally {
    rest();
    doom.bury();
  }
}

const ONE_IN = 8;

describe('The operator killed at any call', function () {
  this.timeout(120_000);
  let cluster: Cluster;
  let world: World;
  before(async () => {
    cluster = await startCluster();
  });
  afterEach(() => world.close());
  after(() => cluster.close());

  for (const side of ['before', 'after'] as const)
    it(`${side} it takes effect, leaves one instance, one bill and one model`, async () => {
      const whole = new Doom();
      world = new World(cluster);
      await live(world, whole);
      await world.close();
      expect(whole.calls.length).to.be.greaterThan(15);
      for (let at = side === 'before' ? 1 : 5; at <= whole.calls.length; at += ONE_IN) {
        world = new World(cluster);
        const place = `killed ${side} call ${at} (${whole.calls[at - 1]})`;
        const phase = await live(world, new Doom(at, side)).catch((error: unknown) => {
          throw new Error(place, { cause: error });
        });
        expect(phase, place).to.equal('Succeeded');
        expect([...world.compute.machines.keys()], place).to.have.length(1);
        expect(world.compute.running(), place).to.deep.equal([]);
        expect(world.bucket.keys(`ledger/user_${world.userId}/`), place).to.have.length(1);
        expect(world.bucket.keys(`models/user_${world.userId}/`), place).to.have.length(4);
        const { status } = await world.training('job');
        expect(status?.attempts, place).to.have.length(1);
        expect(status?.counts ?? {}, place).to.deep.equal({});
        await world.close();
      }
    });
});
