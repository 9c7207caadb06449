// What a chunk on the cluster is made of, as pure objects: the batch/v1 Job that runs the packaged handler, and the Secret with its event.
// The pod has no rights whatever: presigned URLs are all it can touch. Next: cluster.ts creates them and reads how they ended.
import { createHash } from 'node:crypto';
import type { PredictionEvent } from '../../cloud/contract/contract.generated.ts';
import type { PredictionJob } from '../../crds/crds.generated.ts';
import { API_VERSION, GROUP } from '../../crds/objects.ts';
import type { BatchJob } from '../cluster/jobs.ts';
import {
  CONTAINER_SECURITY,
  FILE_FOLDER,
  fileSecret,
  JOB_ANNOTATION,
  labelsOf,
  POD_SECURITY,
  SCRATCH,
  VOLUME_MOUNTS,
  volumes,
} from '../cluster/pods.ts';

/** Label of a chunk's Job and pod: uid of its PredictionJob. */
export const PREDICTION_UID_LABEL = `${GROUP}/prediction-uid`;
const EVENT = 'event.json';

/** A pod works this long at most, three times what a chunk is meant to take. */
export const POD_SECONDS = 900;
/** A Job waits and works this long at most; its pod may stand in line for the rest. */
export const JOB_SECONDS = 3600;
/** The operator deletes it when it has read how it ended; this is for one that nobody reads. */
const TTL_SECONDS = 600;
/** The handler has nothing to finish: what it has not put is put again. */
const GRACE_SECONDS = 5;
export const REQUESTED_MIB = 512;

export interface ChunkFacts {
  readonly image: string;
  readonly installation: string;
  /** Most memory of the pod. */
  readonly memoryMib: number;
}

/** The same for the same work: `name` is chunkName() of the chunk. */
export const chunkJobName = (jobUid: string, name: string): string =>
  `prediction-${jobUid}-${createHash('sha256').update(name).digest('hex').slice(0, 12)}`;

/** Renders the Job of a chunk. Nothing a user wrote gets into commands, environment or names. */
export function chunkJob(job: PredictionJob, chunk: string, facts: ChunkFacts): BatchJob {
  const { name = '', namespace = '', uid = '' } = job.metadata ?? {};
  const id = chunkJobName(uid, chunk);
  const labels = {
    ...labelsOf(job.metadata ?? {}, facts.installation, { name: 'spotlearn-handler', component: 'prediction' }),
    [PREDICTION_UID_LABEL]: uid,
  };
  const owner = { apiVersion: API_VERSION, kind: 'PredictionJob', name, uid };
  return {
    apiVersion: 'batch/v1',
    kind: 'Job',
    metadata: {
      name: id,
      namespace,
      labels,
      annotations: { [JOB_ANNOTATION]: name },
      ownerReferences: [{ ...owner, controller: true, blockOwnerDeletion: false }],
    },
    spec: {
      // What comes after a failed pod is decided by its answer, not by the Job controller.
      backoffLimit: 0,
      completions: 1,
      parallelism: 1,
      activeDeadlineSeconds: JOB_SECONDS,
      ttlSecondsAfterFinished: TTL_SECONDS,
      template: { metadata: { labels }, spec: podSpec(id, facts) },
    },
  };
}

function podSpec(id: string, { image, memoryMib }: ChunkFacts): object {
  return {
    restartPolicy: 'Never',
    ...POD_SECURITY,
    activeDeadlineSeconds: POD_SECONDS,
    terminationGracePeriodSeconds: GRACE_SECONDS,
    containers: [
      {
        name: 'handler',
        image,
        // The image's entry point is `node main.mjs` (lambda/main.ts).
        args: [`${FILE_FOLDER}/${EVENT}`],
        env: [
          { name: 'TMPDIR', value: SCRATCH },
          { name: 'HOME', value: SCRATCH },
        ],
        resources: {
          requests: { cpu: '1', memory: `${REQUESTED_MIB}Mi` },
          limits: { memory: `${Math.max(REQUESTED_MIB, memoryMib)}Mi` },
        },
        ...CONTAINER_SECURITY,
        volumeMounts: VOLUME_MOUNTS,
      },
    ],
    volumes: volumes(id),
  };
}

/** The Secret with the event of a chunk. */
export const eventSecret = (
  job: { readonly name: string; readonly namespace: string; readonly uid: string },
  installation: string,
  event: PredictionEvent,
): ReturnType<typeof fileSecret> => fileSecret(job, installation, { name: EVENT, content: event });
