import { expect } from 'chai';
import { createMetrics } from '../../../operator/runtime/metrics.ts';

describe('The metrics of notices and collection', () => {
  it('tell what was collected, what EC2 said is wrong, and how long notices took', async () => {
    const metrics = createMetrics();
    metrics.collected('volume', 2);
    metrics.collected('volume', 1);
    metrics.collected('upload', 1);
    metrics.impaired('instance-retirement');
    metrics.interrupted('duplicate');
    metrics.noticed('interruption', 1_500);
    const text = await metrics.text();
    expect(text).to.include('spotlearn_collected_total{kind="volume"} 3');
    expect(text).to.include('spotlearn_collected_total{kind="upload"} 1');
    expect(text).to.include('spotlearn_instance_impairments_total{what="instance-retirement"} 1');
    expect(text).to.include('spotlearn_interruption_messages_total{kind="duplicate"} 1');
    const duration = 'spotlearn_interruption_message_queue_duration_seconds';
    expect(text).to.include(`${duration}_sum{kind="interruption"} 1.5`);
    expect(text).to.include(`${duration}_bucket{le="1",kind="interruption"} 0`);
  });
});
