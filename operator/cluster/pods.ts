// What the pods of this product have in common, whatever they run: no root, no rights, a file that is a Secret, a folder to write to.
// Next: training/cluster/manifest.ts and prediction/manifest.ts make Jobs of them, jobs.ts creates and reads these.
import { GROUP, INSTALLATION_LABEL, USER_LABEL, userOf } from '../../crds/objects.ts';
import type { KubeObject } from '../runtime/kubernetes.ts';

/** The whole name of the resource a Job works for; a label holds 63 characters of it. */
export const JOB_ANNOTATION = `${GROUP}/job-name`;
export const JOB_LABEL = `${GROUP}/job`;

/** Where the file lies in the pod. */
export const FILE_FOLDER = '/var/run/spotlearn';
export const SCRATCH = '/tmp';
/** Any number but root's, the same for the file's volume. */
const USER = 65_532;

/** Of a pod's spec: it can't reach the API server, and runs as nobody. */
export const POD_SECURITY = {
  automountServiceAccountToken: false,
  enableServiceLinks: false,
  securityContext: {
    runAsNonRoot: true,
    runAsUser: USER,
    runAsGroup: USER,
    fsGroup: USER,
    seccompProfile: { type: 'RuntimeDefault' },
  },
};

export const CONTAINER_SECURITY = {
  securityContext: {
    allowPrivilegeEscalation: false,
    readOnlyRootFilesystem: true,
    capabilities: { drop: ['ALL'] },
  },
};

export const VOLUME_MOUNTS = [
  { name: 'file', mountPath: FILE_FOLDER, readOnly: true },
  { name: 'scratch', mountPath: SCRATCH },
];

/** `secretName`: of the file; not optional, so the pod starts when it is there. */
export const volumes = (secretName: string): object[] => [
  { name: 'file', secret: { secretName, defaultMode: 0o440 } },
  { name: 'scratch', emptyDir: {} },
];

/** Labels of a Job and its pod. */
export function labelsOf(
  metadata: { readonly name?: string; readonly namespace?: string },
  installation: string,
  what: { readonly name: string; readonly component: string },
): Record<string, string> {
  return {
    'app.kubernetes.io/name': what.name,
    'app.kubernetes.io/component': what.component,
    'app.kubernetes.io/managed-by': 'spotlearn-operator',
    [INSTALLATION_LABEL]: installation,
    [USER_LABEL]: userOf(metadata.namespace ?? '') ?? '',
    [JOB_LABEL]: labelValue(metadata.name ?? ''),
  };
}

/** At most 63 letters, digits, `-`, `_` and `.`, beginning and ending with a letter or digit. */
export const labelValue = (text: string): string =>
  text
    .replace(/[^\w.-]+/g, '-')
    .slice(0, 63)
    .replace(/^[^A-Za-z0-9]+|[^A-Za-z0-9]+$/g, '');

/** The Secret with a pod's file (presigned URLs are secrets), named as its Job. It goes when the Job goes. */
export function fileSecret(
  job: { readonly name: string; readonly namespace: string; readonly uid: string },
  installation: string,
  file: { readonly name: string; readonly content: unknown },
): KubeObject & { data: Record<string, string> } {
  return {
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: {
      name: job.name,
      namespace: job.namespace,
      labels: { [INSTALLATION_LABEL]: installation, 'app.kubernetes.io/managed-by': 'spotlearn-operator' },
      ownerReferences: [{ apiVersion: 'batch/v1', kind: 'Job', name: job.name, uid: job.uid, controller: true }],
    },
    data: { [file.name]: Buffer.from(JSON.stringify(file.content)).toString('base64') },
  };
}
