// A Job on the cluster as the operator reads instances: state, reason, whose it is. Pure. As with EC2, `shutting-down` and `terminated`
// are positive evidence of an end; whatever is not sure counts as still there.
import type { Instance, InstanceState } from '../../../cloud/compute.ts';
import { TAG } from '../../../cloud/tags.ts';
import { INSTALLATION_LABEL, USER_LABEL } from '../../../crds/objects.ts';
import { type BatchJob, ending, failedByItsPod } from '../../cluster/jobs.ts';
import { JOB_ANNOTATION } from '../../cluster/pods.ts';
import { BATCH_LABEL, CLUSTER_TYPE, JOB_UID_LABEL } from './manifest.ts';

function stateOf(job: BatchJob): InstanceState {
  const { status = {}, metadata } = job;
  if (ending(job, 'Complete', 'Failed')) return 'terminated';
  if (metadata?.deletionTimestamp) return 'shutting-down';
  const { active = 0, ready = 0, terminating = 0, succeeded = 0, failed = 0, uncountedTerminatedPods = {} } = status;
  const counting = [...(uncountedTerminatedPods.succeeded ?? []), ...(uncountedTerminatedPods.failed ?? [])];
  // With one pod and no retries an ended pod is the end, also before the Job says so.
  if (ending(job, 'FailureTarget', 'SuccessCriteriaMet') || succeeded + failed + counting.length > 0)
    return 'shutting-down';
  // A pod on its grace period writes its checkpoint.
  return ready > 0 || (active === 0 && terminating > 0) ? 'running' : 'pending';
}

function reasonOf(job: BatchJob, podReason: string | undefined): string | undefined {
  const end = ending(job, 'Complete', 'Failed', 'FailureTarget', 'SuccessCriteriaMet');
  if (!end) return job.metadata?.deletionTimestamp ? 'Deleted' : undefined;
  if (end.type === 'Complete' || end.type === 'SuccessCriteriaMet') return 'Completed';
  return failedByItsPod(job) ? (podReason ?? 'Failed') : (end.reason ?? 'Failed');
}

/** `podReason`: what its pod says, when it failed by it. */
export function instanceFrom(job: BatchJob, podReason?: string): Instance {
  const { name = '', namespace = '', labels = {}, annotations = {}, creationTimestamp = '' } = job.metadata ?? {};
  const batch = labels[BATCH_LABEL];
  const jobUid = labels[JOB_UID_LABEL];
  return {
    id: name,
    instanceType: CLUSTER_TYPE,
    zone: namespace,
    state: stateOf(job),
    market: 'cluster',
    launchedAt: Date.parse(creationTimestamp) || 0,
    stateReason: reasonOf(job, podReason),
    batch,
    jobUid,
    tags: {
      [TAG.installation]: labels[INSTALLATION_LABEL] ?? '',
      [TAG.user]: labels[USER_LABEL] ?? '',
      [TAG.job]: `${namespace}/${annotations[JOB_ANNOTATION] ?? ''}`,
      [TAG.jobUid]: jobUid ?? '',
      [TAG.batch]: batch ?? '',
    },
  };
}
