import { expect } from 'chai';
import { mayBeOurs, readNotification } from '../../../operator/interruption/notification.ts';
import { event } from './queue.ts';

const WARNING = 'EC2 Spot Instance Interruption Warning';

describe('A message of the interruption queue', () => {
  const kinds: [type: string, kind: string][] = [
    [WARNING, 'interruption'],
    ['EC2 Instance Rebalance Recommendation', 'rebalance'],
    ['EC2 Instance State-change Notification', 'state-change'],
  ];
  for (const [type, kind] of kinds)
    it(`that is an ${type} is a notice of kind ${kind}`, () => {
      expect(readNotification(event(type, 'i-1', { id: 'e-1' }))).to.deep.equal({
        instanceId: 'i-1',
        kind,
        at: Date.parse('2026-11-24T10:00:00Z'),
        event: 'e-1',
      });
    });

  it('may lack its id and its time', () => {
    expect(readNotification(event(WARNING, 'i-1', { time: 'never' }))).to.deep.include({ at: 0, event: undefined });
  });

  it('of another kind is foreign', () => {
    for (const type of ['Scheduled Event', 'constructor'])
      expect(readNotification(event(type)), type).to.equal('foreign');
  });

  const poison: [what: string, body: string][] = [
    ['nothing', ''],
    ['half of JSON', '{"detail-type":'],
    ['null', 'null'],
    ['a list', '[]'],
    ['a number', '3'],
    ['a type that is no text', '{"detail-type":1}'],
    ['no detail', `{"detail-type":"${WARNING}"}`],
    ['a detail that is null', `{"detail-type":"${WARNING}","detail":null}`],
    ['an instance id that is no text', event(WARNING, 7)],
  ];
  for (const [what, body] of poison)
    it(`that is ${what} is poison`, () => {
      expect(readNotification(body)).to.equal(undefined);
    });

  const rows: [ours: boolean, instanceId: string, type: string][] = [
    [true, 'i-0123456789abcdef0', WARNING],
    [true, 'i-01234567', 'EC2 Instance Rebalance Recommendation'],
    [false, 'i-0123456789abcdef0', 'EC2 Instance State-change Notification'],
    [false, 'i-foreign', WARNING],
  ];
  for (const [ours, id, type] of rows)
    it(`about an unknown ${id} (${type}) ${ours ? 'may yet be ours' : 'is foreign'}`, () => {
      const notification = readNotification(event(type, id));
      if (notification === undefined || notification === 'foreign') return expect.fail('not read');
      expect(mayBeOurs(notification)).to.equal(ours);
    });
});
