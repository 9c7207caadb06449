import { expect } from 'chai';
import { condition, isTrue, setCondition, timestamp } from '../../crds/conditions.ts';
import { accountName, namespaceOf, userOf } from '../../crds/objects.ts';

const ready = { type: 'Ready', status: 'True', reason: 'Done', message: 'all well' } as const;

describe('Conditions', () => {
  it('are added with the time and the generation', () => {
    expect(setCondition(undefined, ready, 3, 1_000)).to.deep.equal([
      { ...ready, lastTransitionTime: '1970-01-01T00:00:01Z', observedGeneration: 3 },
    ]);
  });

  it('stay the very same list when nothing changed', () => {
    const list = setCondition([], ready, 1, 0);
    expect(setCondition(list, ready, 1, 99_000)).to.equal(list);
  });

  it('move their time only when the status changes', () => {
    const list = setCondition(setCondition([], { ...ready, type: 'Other' }, 1, 0), ready, 1, 0);
    const reworded = setCondition(list, { ...ready, message: 'still well' }, 2, 60_000);
    expect(condition(reworded, 'Ready')).to.include({
      message: 'still well',
      lastTransitionTime: timestamp(0),
      observedGeneration: 2,
    });
    const changed = setCondition(reworded, { ...ready, status: 'False' }, 2, 60_000);
    expect(condition(changed, 'Ready')).to.include({ lastTransitionTime: timestamp(60_000) });
    expect([isTrue(reworded, 'Ready'), isTrue(changed, 'Ready'), isTrue(undefined, 'Ready')]).to.deep.equal([
      true,
      false,
      false,
    ]);
    expect(changed).to.have.length(2);
  });
});

describe('Identity', () => {
  it('is the namespace', () => {
    expect(userOf(namespaceOf('12'))).to.equal('12');
    expect(accountName('12')).to.equal('user-12');
    for (const name of ['default', 'ml-user-', 'ml-user-1x', 'xml-user-1', 'ml-user-1-2'])
      expect(userOf(name)).to.equal(undefined);
  });
});
