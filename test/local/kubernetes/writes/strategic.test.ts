import { expect } from 'chai';
import { strategicMerge } from '../../../../local/kubernetes/writes/strategic.ts';

describe('A strategic merge patch', () => {
  const pod = {
    metadata: { labels: { a: '1', b: '2' }, finalizers: ['x/y'] },
    spec: {
      nodeSelector: { zone: 'a' },
      args: ['one', 'two'],
      containers: [
        {
          name: 'a',
          image: 'a:1',
          env: [
            { name: 'X', value: '1' },
            { name: 'Y', value: '2' },
          ],
        },
        { name: 'b', image: 'b:1' },
      ],
    },
  };

  it('merges objects, removes nulls, replaces plain lists', () => {
    const merged = strategicMerge(pod, { metadata: { labels: { a: null, c: '3' } }, spec: { args: ['three'] } });
    expect(merged['metadata']).to.deep.include({ labels: { b: '2', c: '3' } });
    expect(merged['spec']).to.deep.include({ args: ['three'] });
    expect(pod.metadata.labels).to.deep.equal({ a: '1', b: '2' });
  });

  it('merges keyed lists in depth, adds at the end, deletes by directive', () => {
    const patch = {
      spec: {
        containers: [
          {
            name: 'a',
            env: [
              { name: 'X', value: '9' },
              { name: 'Y', $patch: 'delete' },
              { name: 'Z', value: '3' },
            ],
          },
          { name: 'c', image: 'c:1', env: [{ name: 'N', value: null }] },
          { name: 'b', $patch: 'delete' },
        ],
      },
    };
    expect((strategicMerge(pod, patch)['spec'] as { containers: unknown }).containers).to.deep.equal([
      {
        name: 'a',
        image: 'a:1',
        env: [
          { name: 'X', value: '9' },
          { name: 'Z', value: '3' },
        ],
      },
      { name: 'c', image: 'c:1', env: [{ name: 'N' }] },
    ]);
  });

  it('replaces what is marked to be replaced', () => {
    const list = strategicMerge(pod, { spec: { containers: [{ name: 'z', image: 'z' }, { $patch: 'replace' }] } });
    expect(list['spec']).to.deep.include({ containers: [{ name: 'z', image: 'z' }] });
    const object = strategicMerge(pod, { spec: { nodeSelector: { $patch: 'replace', disk: 'ssd' } } });
    expect(object['spec']).to.deep.include({ nodeSelector: { disk: 'ssd' } });
    const element = strategicMerge(pod, { spec: { containers: [{ name: 'a', $patch: 'replace', image: 'n' }] } });
    expect((element['spec'] as { containers: unknown[] }).containers[0]).to.deep.equal({ name: 'a', image: 'n' });
    const gone = strategicMerge(pod, { spec: { nodeSelector: { $patch: 'delete' } } });
    expect(gone['spec']).to.deep.include({ nodeSelector: {} });
  });

  it('keeps only the keys it is told to', () => {
    const volume = { volumes: [{ name: 'v', emptyDir: {} }] };
    const patch = { volumes: [{ name: 'v', $retainKeys: ['name', 'hostPath'], hostPath: { path: '/x' } }] };
    expect(strategicMerge(volume, patch)).to.deep.equal({ volumes: [{ name: 'v', hostPath: { path: '/x' } }] });
  });

  it('treats finalizers as a set', () => {
    expect(strategicMerge(pod, { metadata: { finalizers: ['x/y', 'z/q'] } })['metadata']).to.deep.include({
      finalizers: ['x/y', 'z/q'],
    });
    const less = strategicMerge(pod, { metadata: { '$deleteFromPrimitiveList/finalizers': ['x/y'] } });
    expect(less['metadata']).to.deep.include({ finalizers: [] });
  });

  it('orders elements as asked', () => {
    const patch = {
      spec: {
        '$setElementOrder/containers': [{ name: 'b' }, { name: 'c' }, { name: 'a' }],
        containers: [{ name: 'c', image: 'c' }],
      },
    };
    const { containers } = strategicMerge(pod, patch)['spec'] as { containers: { name: string }[] };
    expect(containers.map(({ name }) => name)).to.deep.equal(['b', 'c', 'a']);
  });

  it('refuses an unknown directive and an element without its key', () => {
    expect(() => strategicMerge(pod, { spec: { $patch: 'explode' } })).to.throw('Unknown patch type: "explode"');
    expect(() => strategicMerge(pod, { spec: { containers: [{ image: 'x' }] } })).to.throw(
      'does not contain declared merge key: name',
    );
  });
});
