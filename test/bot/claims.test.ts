// Who may announce: one of several bots, whatever they write at the same time, and nobody once the job is gone.
import { expect } from 'chai';
import { Claims } from '../../bot/claims.ts';
import { NOTIFIED_ANNOTATION, PICTURES_ANNOTATION } from '../../bot/jobs.ts';
import { KubernetesError, type Kubernetes } from '../../bot/kubernetes/client.ts';
import type { Job } from '../../bot/wording/lists.ts';

interface Stored {
  uid: string;
  version: number;
  annotations: Record<string, string>;
}
interface Patch {
  metadata: { uid?: string; resourceVersion?: string; annotations: Record<string, string> };
}

/** One job behind an optimistic lock. `meanwhile` runs before a patch is decided. */
function cluster(annotations: Record<string, string> = {}) {
  const world = {
    stored: { uid: 'u', version: 1, annotations } as Stored | undefined,
    meanwhile: () => {},
  };
  const job = (kind: 'TrainingJob' | 'PredictionJob' = 'TrainingJob'): Job =>
    ({
      kind,
      metadata: {
        name: 'job',
        namespace: 'ml-user-1',
        uid: world.stored?.uid,
        resourceVersion: String(world.stored?.version),
        annotations: { ...world.stored?.annotations },
      },
      status: { phase: 'Succeeded' },
    }) as unknown as Job;
  const there = (): Stored => {
    if (!world.stored) throw new KubernetesError('NotFound', 'gone');
    return world.stored;
  };
  const api = {
    get: async () => {
      there();
      return job();
    },
    patch: async (_kind: string, _name: string, { metadata }: Patch) => {
      world.meanwhile();
      const now = there();
      if (metadata.uid !== now.uid || metadata.resourceVersion !== String(now.version))
        throw new KubernetesError('Conflict', 'changed');
      now.version += 1;
      Object.assign(now.annotations, metadata.annotations);
      return {};
    },
  } as unknown as Kubernetes;
  return { world, job, claims: new Claims(api) };
}

describe('A claim', () => {
  it('of the end is given once, and a model owes its pictures from then on', async () => {
    const { world, job, claims } = cluster();
    const seen = job();
    expect(await claims.end(seen)).to.equal(true);
    expect(world.stored?.annotations).to.deep.equal({
      [NOTIFIED_ANNOTATION]: 'Succeeded',
      [PICTURES_ANNOTATION]: 'owed',
    });
    expect(await claims.end(seen)).to.equal(false);
    const prediction = cluster();
    expect(await prediction.claims.end(prediction.job('PredictionJob'))).to.equal(true);
    expect(prediction.world.stored?.annotations).to.deep.equal({ [NOTIFIED_ANNOTATION]: 'Succeeded' });
  });

  it('is tried again when something else was written meanwhile, and lost to another bot', async () => {
    const { world, job, claims } = cluster();
    world.meanwhile = () => {
      if (world.stored?.version === 1) world.stored.version = 2;
    };
    expect(await claims.end(job())).to.equal(true);
    const other = cluster();
    other.world.meanwhile = () => {
      const { stored } = other.world;
      if (!stored || stored.annotations[NOTIFIED_ANNOTATION]) return;
      stored.version += 1;
      stored.annotations[NOTIFIED_ANNOTATION] = 'Succeeded';
    };
    expect(await other.claims.end(other.job())).to.equal(false);
  });

  it('of a job that is gone, or that another job has the name of, is nobody’s', async () => {
    const { world, job, claims } = cluster({ [PICTURES_ANNOTATION]: 'owed' });
    const seen = job();
    world.stored = { uid: 'another', version: 7, annotations: { [PICTURES_ANNOTATION]: 'owed' } };
    expect(await claims.end(seen)).to.equal(false);
    expect(await claims.pictures(seen).take()).to.equal(false);
    world.stored = undefined;
    expect(await claims.end(seen)).to.equal(false);
    expect(await claims.pictures(seen).take()).to.equal(false);
  });

  it('of the pictures is given when they are owed, and can be given back', async () => {
    const { world, job, claims } = cluster();
    expect(await claims.pictures(job()).take()).to.equal(false);
    await claims.end(job());
    const claim = claims.pictures(job());
    expect(await claim.take()).to.equal(true);
    expect(await claims.pictures(job()).take()).to.equal(false);
    await claim.giveBack();
    expect(world.stored?.annotations[PICTURES_ANNOTATION]).to.equal('owed');
    expect(await claims.pictures(job()).take()).to.equal(true);
  });

  it('is not taken for lost when the cluster is away', async () => {
    const { world, job, claims } = cluster();
    world.meanwhile = () => {
      throw new KubernetesError('Unreachable', 'away');
    };
    const error = await claims.end(job()).catch((thrown: unknown) => thrown);
    expect(error).to.be.an.instanceOf(KubernetesError);
  });
});
