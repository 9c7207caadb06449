import { expect } from 'chai';
import { listTrainings } from '../../../operator/collection/listing.ts';
import type { Kubernetes, Query } from '../../../operator/runtime/kubernetes.ts';
import { training } from './jobs.ts';

describe('The list of all TrainingJobs', () => {
  it('is read page by page, and is all or nothing', async () => {
    const asked: (Query | undefined)[] = [];
    const pages = [
      { items: [training('a', 'Running')], metadata: { continue: 'more' } },
      { items: [training('b', 'Failed')], metadata: { continue: '' } },
    ];
    const list = async (_resource: unknown, query?: Query) => {
      asked.push(query);
      const page = pages[asked.length - 1];
      if (!page) throw new Error('away');
      return page;
    };
    const kubernetes = { list } as unknown as Pick<Kubernetes, 'list'>;
    expect((await listTrainings(kubernetes)).map(({ metadata }) => metadata?.uid)).to.deep.equal(['a', 'b']);
    expect(asked).to.deep.equal([
      { limit: 500, continue: undefined },
      { limit: 500, continue: 'more' },
    ]);
    expect(await listTrainings(kubernetes).catch((error: Error) => error.message)).to.equal('away');
  });
});
