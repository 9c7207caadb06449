// Warnings of the month when the cluster conflicts, is away, or somebody else has told.
import { expect } from 'chai';
import { KubernetesError, type Kubernetes, type KubernetesFailure } from '../../bot/kubernetes/client.ts';
import { SILENT } from '../../bot/logging.ts';
import { Warnings } from '../../bot/warnings.ts';
import type { Clock } from '../../cloud/clock.ts';
import { account } from './conversation/setting.ts';

const month = { period: '2026-11', limitUsd: 100, spentUsd: 81, warnedPercent: 80 };
const nearly = {
  ...account,
  metadata: { name: 'user-12', uid: 'u', resourceVersion: '7' },
  status: { ...account.status, month },
};

/** What is sent and written when the patches fail as listed, one after the other. */
async function told(failures: readonly KubernetesFailure[], sending: () => Promise<number> = async () => 1) {
  const patches: object[] = [];
  const sent: [number, string][] = [];
  const alarms: (() => void)[] = [];
  const left = [...failures];
  const clock: Clock = {
    now: () => 0,
    after: (_, run) => {
      alarms.push(run);
      return () => void alarms.splice(alarms.indexOf(run), 1);
    },
  };
  const kubernetes = {
    page: async () => ({ items: [nearly], metadata: { resourceVersion: '7' } }),
    watch: (_: string, __: object, ___: unknown, { signal }: { signal: AbortSignal }) =>
      new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve())),
    patch: async (_: string, __: string, patch: object) => {
      const failure = left.shift();
      if (failure) throw new KubernetesError(failure, failure);
      patches.push(patch);
      return nearly;
    },
  } as unknown as Kubernetes;
  const send = async (chat: number, { html }: { html: string }) => {
    sent.push([chat, html]);
    return sending();
  };
  const warnings = new Warnings({ kubernetes, outbox: { send }, clock, logger: SILENT });
  warnings.start();
  const settled = () => new Promise((resolve) => setImmediate(resolve));
  await settled();
  for (const run of [...alarms]) run();
  await settled();
  await warnings.stop();
  for (const run of [...alarms]) run();
  await settled();
  return { patches, sent };
}

describe('A warning of the month', () => {
  it('is written into the very account it is about, under the lock, and then told', async () => {
    const { patches, sent } = await told([]);
    const annotations = { 'spotlearn.io/warned': '2026-11/80' };
    expect(patches).to.deep.equal([{ metadata: { uid: 'u', resourceVersion: '7', annotations } }]);
    expect(sent.map(([chat]) => chat)).to.deep.equal([12]);
  });

  it('is left to who wrote the account meanwhile', async () => {
    for (const failure of ['Conflict', 'NotFound'] as const)
      expect((await told([failure])).sent, failure).to.deep.equal([]);
  });

  it('is told later when the cluster was away', async () => {
    expect((await told(['Unreachable'])).sent).to.have.length(1);
  });
});
