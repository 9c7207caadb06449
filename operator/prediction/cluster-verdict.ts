// What came of a chunk on the cluster, from its answer in the bucket and from how its Job ended. Pure.
import type { PredictionAnswer } from '../../cloud/contract/contract.generated.ts';
import { type BatchJob, ending } from '../cluster/jobs.ts';
import { JOB_SECONDS, POD_SECONDS } from './cluster-job.ts';
import type { Billed, Invoked } from './invoker.ts';

/** The kernel's word, and the exit of a Node whose heap is full (SIGABRT). */
const OUT_OF_MEMORY = new Set(['OOMKilled', 'ExitCode134']);

/**
 * `job`: as it ended; undefined when it is gone. `podReason`: what its pod says, when it failed by it. Stored predictions count
 * whatever became of the pod; a refusal counts unless the pod was ended from outside, as it may be an earlier pod's.
 */
export function verdict(
  job: BatchJob | undefined,
  podReason: string | undefined,
  answer: PredictionAnswer | undefined,
  memoryMib: number,
): Invoked {
  const billed: Billed = { usd: 0, seconds: answer?.success ? answer.execution_time_ms / 1000 : 0, memoryMib };
  if (answer?.success) return { is: 'done', answer, billed };
  if (podReason !== undefined && OUT_OF_MEMORY.has(podReason)) {
    const message = `The pod ran out of its ${memoryMib} MiB of memory.`;
    return { is: 'exhausted', what: 'memory', message, billed };
  }
  if (podReason === 'DeadlineExceeded') {
    const message = `The pod was not done in ${POD_SECONDS / 60} minutes.`;
    return { is: 'exhausted', what: 'time', message, billed };
  }
  const end = job && ending(job, 'Failed', 'FailureTarget');
  if (end?.reason === 'DeadlineExceeded') {
    const message = `No pod could start and end within ${JOB_SECONDS / 60} minutes: the cluster has no room.`;
    return { is: 'throttled', message, billed };
  }
  if (answer) return { is: 'failed', answer, billed };
  return { is: 'lost', message: `The pod gave no answer (${lossOf(job, podReason)}).`, billed };
}

function lossOf(job: BatchJob | undefined, podReason: string | undefined): string {
  if (!job) return 'its Job was deleted';
  return podReason ?? ending(job, 'Failed', 'FailureTarget')?.reason ?? 'Completed';
}
