// The same rows beside what the peers' own sources and settings say. None of them is run here: these are the waits built into them, so
// they flatter the peer. Rows of which a peer publishes nothing have none.
import { compared, type Measurement } from '../measurement.ts';

interface Peer {
  readonly row: string;
  readonly name: string;
  readonly value: number;
}

/** Karpenter: BATCH_IDLE_DURATION 1 s (10 s at most), then CreateFleet's batcher 35 ms idle, 1 s at most (pkg/batcher/createfleet.go). */
const KARPENTER_WINDOWS_MS = 1035;
/** Karpenter: 500 instances a TerminateInstances call (pkg/batcher/terminateinstances.go). */
const KARPENTER_TERMINATES = 500;
/** SkyPilot: a job's status is looked at every 15 s (JOB_STATUS_CHECK_GAP_SECONDS, sky/jobs/utils.py); recovery begins after that. */
const SKYPILOT_LOOK_MS = 15_000;

const PEERS: readonly Peer[] = [
  { row: 'created → fleet call, p50', name: "Karpenter's windows", value: KARPENTER_WINDOWS_MS },
  { row: 'notice → fleet call of the replacement, p95', name: "SkyPilot's look", value: SKYPILOT_LOOK_MS * 0.95 },
];
const TERMINATES = /^(\d+) .*: terminate calls$/;

export function peers(measured: readonly Measurement[]): Measurement[] {
  return measured.flatMap(({ name, value, unit }) => {
    const jobs = Number(TERMINATES.exec(name)?.[1]);
    if (jobs > 0)
      return value === 0
        ? []
        : [compared(name, value, unit, "Karpenter's batches", Math.ceil(jobs / KARPENTER_TERMINATES), 'less')];
    const peer = PEERS.find(({ row }) => row === name);
    return peer ? [compared(name, value, unit, peer.name, peer.value, 'less')] : [];
  });
}
