import { expect } from 'chai';
import { InterruptionConsumer, readNotification } from '../../../operator/interruption/consumer.ts';
import { SILENT } from '../../../operator/runtime/logging.ts';
import { ManualClock, settled } from '../clock.ts';
import { failure } from '../aws.ts';

const event = (type: string, instanceId: unknown = 'i-1', time: string | undefined = '2026-11-24T10:00:00Z') =>
  JSON.stringify({ 'detail-type': type, time, detail: { 'instance-id': instanceId } });

describe('The interruption queue', () => {
  it('reads the three kinds of notice', () => {
    expect(readNotification(event('EC2 Spot Instance Interruption Warning'))).to.deep.equal({
      instanceId: 'i-1',
      kind: 'interruption',
      at: Date.parse('2026-11-24T10:00:00Z'),
    });
    expect(readNotification(event('EC2 Instance Rebalance Recommendation'))).to.include({ kind: 'rebalance' });
    expect(readNotification(event('EC2 Instance State-change Notification', 'i-1', 'never'))).to.include({
      kind: 'state-change',
      at: 0,
    });
  });

  it('tells foreign events from poison', () => {
    expect(readNotification(event('Scheduled Event'))).to.equal('foreign');
    for (const body of ['', 'null', '[]', '3', '{"detail-type":1}', event('EC2 Spot Instance Interruption Warning', 7)])
      expect(readNotification(body), body).to.equal(undefined);
  });

  it('is asked again, after a pause, when it can’t be read', async () => {
    const clock = new ManualClock();
    let asked = 0;
    const consumer = new InterruptionConsumer({
      queue: {
        receive: async (signal) => {
          asked += 1;
          if (asked < 3) throw failure('unreachable');
          return new Promise((resolve) => signal.addEventListener('abort', () => resolve([])));
        },
        delete: async () => {},
      },
      observation: { notice: () => false },
      clock,
      logger: SILENT,
      onMessage: () => {},
    });
    consumer.start();
    await settled();
    await clock.advance(4_999);
    expect(asked).to.equal(1);
    await clock.advance(5_001);
    expect(asked).to.equal(3);
    await consumer.stop();
  });
});
