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

describe('The metrics of attempts', () => {
  it('tell how launches and terminations are merged, how long a launch took and how attempts end', async () => {
    const metrics = createMetrics();
    metrics.batched('fleet', 3);
    metrics.batched('terminate', 500);
    metrics.attemptEnded('Interrupted', 'spot');
    metrics.provisioned('spot', 750);
    const text = await metrics.text();
    expect(text).to.include('spotlearn_cloudprovider_batcher_batch_size_sum{batcher="fleet"} 3');
    expect(text).to.include('spotlearn_cloudprovider_batcher_batch_size_bucket{le="200",batcher="terminate"} 0');
    expect(text).to.include('spotlearn_attempts_ended_total{reason="Interrupted",market="spot"} 1');
    expect(text).to.include('spotlearn_attempts_launch_duration_seconds_sum{market="spot"} 0.75');
  });
});
