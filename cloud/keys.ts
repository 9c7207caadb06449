// Names of everything in the bucket (table "Keys in the bucket" of docs/life-of-a-job.md). A key is only ever built here.

/** First segments of user-owned keys; they come from the configuration. */
export interface Prefixes {
  readonly datasetPrefix: string;
  readonly modelPrefix: string;
  readonly predictionPrefix: string;
}

export const DEFAULT_PREFIXES: Prefixes = {
  datasetPrefix: 'datasets',
  modelPrefix: 'models',
  predictionPrefix: 'predictions',
};

const userFolder = (prefix: string, userId: string): string => `${prefix}/user_${userId}/`;

export const datasetsOf = (prefixes: Prefixes, userId: string): string => userFolder(prefixes.datasetPrefix, userId);
export const modelsOf = (prefixes: Prefixes, userId: string): string => userFolder(prefixes.modelPrefix, userId);
export const predictionsOf = (prefixes: Prefixes, userId: string): string =>
  userFolder(prefixes.predictionPrefix, userId);

/** `datasets/user_<id>/<UTC yyyyMMddTHHmmssZ>_<name>`; the name is made safe, `now` in milliseconds. */
export function datasetKey(prefixes: Prefixes, userId: string, now: number, fileName: string): string {
  const stamp = new Date(now)
    .toISOString()
    .replace(/\.\d{3}/, '')
    .replace(/[-:]/g, '');
  return `${datasetsOf(prefixes, userId)}${stamp}_${safeFileName(fileName)}`;
}

/** Letters, digits, dot, hyphen and underscore; at most 100 characters, the ending kept; never empty, `.` or `..`. */
export function safeFileName(name: string): string {
  const base = name
    .normalize('NFKD')
    .replace(/[^\w.-]+/g, '_')
    .replace(/^[._]+/, '');
  const short = base.length <= 100 ? base : `${base.slice(0, 80)}_${base.slice(-19)}`;
  return short === '' ? 'data.csv' : short;
}

/** `models/user_<id>/<model id>/` */
export const modelFolder = (prefixes: Prefixes, userId: string, modelId: string): string =>
  `${modelsOf(prefixes, userId)}${modelId}/`;
/** `predictions/user_<id>/<job uid>/` */
export const predictionFolder = (prefixes: Prefixes, userId: string, jobUid: string): string =>
  `${predictionsOf(prefixes, userId)}${jobUid}/`;

/** Where one instance may read and write: `aws:userid` of an instance role is `<role id>:<instance id>` (decision 2). */
export const INSTANCES = 'instances/';
export const instanceFolder = (roleId: string, instanceId: string): string => `${INSTANCES}${roleId}:${instanceId}/`;

/** Files in an instance's folder. */
export const TICKET = 'ticket.json';
export const CONTROL = 'control.json';
export const HEARTBEAT = 'heartbeat.json';
export const RESULT = 'result.json';
export const RESULT_FOLDER = 'result/';
export const CHECKPOINT_FOLDER = 'checkpoints/';

/** The instance a key under instances/ belongs to and the rest of the key, or undefined. */
export function instanceOf(key: string, roleId: string): { instanceId: string; file: string } | undefined {
  const start = `${INSTANCES}${roleId}:`;
  if (!key.startsWith(start)) return undefined;
  const slash = key.indexOf('/', start.length);
  return slash < 0 ? undefined : { instanceId: key.slice(start.length, slash), file: key.slice(slash + 1) };
}

/** `checkpoints/<job uid>/`: the newest checkpoint outlives its instance. */
export const CHECKPOINTS = 'checkpoints/';
export const checkpointsOf = (jobUid: string): string => `${CHECKPOINTS}${jobUid}/`;
/** A fleet call as it was written down before it was made. */
export const BATCHES = 'batches/';
export const batchKey = (batch: string): string => `${BATCHES}${batch}.json`;
/** Append-only entry of the ledger; the same job, attempt and kind always has the same key, so a retry can't double it. */
export const ledgerKey = (userId: string, at: string, jobUid: string, attempt: number, kind: string): string =>
  `ledger/user_${userId}/${at.slice(0, 7)}/${jobUid}-${attempt}-${kind}.json`;
/** Where all of a deleted account is copied to before it is removed; expires by the bucket's lifecycle. */
export const EXPORTS = 'exports/';
export const exportFolder = (userId: string, accountUid: string): string => `${EXPORTS}user_${userId}/${accountUid}/`;
export const auditKey = (at: string, id: string): string => `audit/${at.slice(0, 10)}/${at}-${id}.json`;
/** Code by content hash. */
export const artefactKey = (what: 'worker' | 'lambda', sha256: string, ending: string): string =>
  `artefacts/${what}/${sha256}.${ending}`;

export const s3Uri = (bucket: string, key: string): string => `s3://${bucket}/${key}`;
