// The end of a training: what the instance left is copied on the server side into the user's folder, each file checked by size and
// sha256, the manifest last: a model exists once its manifest does. Every step may be repeated.
import { createHash } from 'node:crypto';
import { type Bucket, readJson } from '../../cloud/bucket.ts';
import type { Manifest, Result } from '../../cloud/contract/contract.generated.ts';
import { CloudError, DataError } from '../../cloud/errors.ts';
import { RESULT, RESULT_FOLDER } from '../../cloud/keys.ts';
import type { TrainingJob, TrainingJobStatus } from '../../crds/crds.generated.ts';
import { modelId, modelPlace, placeOf, type Places } from './job.ts';

const MANIFEST = 'manifest.json';
/** Larger files are checked by size and the store's own checksum of the copy; reading them would fill our memory. */
const HASHED_BYTES = 64 * 2 ** 20;
const MOST_NOTES = 8;
const NOTE_LENGTH = 300;
const SAFE_NAME = /^[\w-][\w.-]*(\/[\w-][\w.-]*)*$/;

export interface Collected {
  readonly model: NonNullable<TrainingJobStatus['model']>;
  readonly metrics: Record<string, number>;
  readonly intervals?: NonNullable<TrainingJobStatus['intervals']>;
}

/** Throws DataError (`ResultCorrupt`) when the result does not hold together. */
export async function collect(
  bucket: Pick<Bucket, 'get' | 'copy' | 'head' | 'list'>,
  places: Places,
  job: TrainingJob,
  instanceId: string,
): Promise<Collected> {
  const place = placeOf(places, instanceId);
  const result = await readJson<Result>(bucket, place + RESULT);
  if (result?.outcome !== 'Succeeded') throw corrupt('result.json is missing or tells of no success');
  const manifestFile = result.files.find(({ name }) => name === MANIFEST);
  if (!manifestFile || !result.files.some(({ name }) => name === 'model.onnx'))
    throw corrupt('the result has no model.onnx or no manifest.json');
  const { folder, uri } = modelPlace(places, job);
  const there = new Map((await bucket.list(folder)).map(({ key, bytes }) => [key, bytes]));
  for (const file of result.files) {
    if (!SAFE_NAME.test(file.name)) throw corrupt(`a file has the name ${JSON.stringify(file.name.slice(0, 100))}`);
    if (file !== manifestFile)
      await copyFile(bucket, `${place}${RESULT_FOLDER}${file.name}`, folder + file.name, file, there);
  }
  // The manifest is read and checked where it lies, then copied last.
  const manifest = await manifestOf(bucket, `${place}${RESULT_FOLDER}${MANIFEST}`, manifestFile.sha256);
  await copyFile(bucket, `${place}${RESULT_FOLDER}${MANIFEST}`, folder + MANIFEST, manifestFile, new Map());
  const model = modelOf(job, uri, manifest, result, manifestFile.sha256);
  return { model, metrics: result.metrics, ...intervalsOf(result) };
}

function intervalsOf({ intervals }: Result): Pick<Collected, 'intervals'> {
  if (intervals === undefined) return {};
  const told = Object.entries(intervals).flatMap(([name, [low, high]]) =>
    low === undefined || high === undefined ? [] : [[name, { low, high }] as const],
  );
  return { intervals: Object.fromEntries(told) };
}

function modelOf(
  job: TrainingJob,
  uri: string,
  manifest: Manifest,
  result: Result,
  manifestSha256: string,
): Collected['model'] {
  return {
    id: modelId(job),
    uri,
    type: manifest.model.type,
    task: manifest.task,
    target: manifest.target.name,
    features: manifest.features.map(({ name }) => name),
    bytes: result.files.find(({ name }) => name === 'model.onnx')?.size,
    rows: manifest.data.rows,
    trainRows: manifest.split.trainRows,
    testRows: manifest.split.testRows,
    manifestSha256,
    dataSha256: manifest.data.sha256,
    ...membersOf(manifest),
    ...notesOf(manifest),
  };
}

/** Of a blend; a single model is told by its type. */
function membersOf({ model: { members = [] } }: Manifest): Pick<Collected['model'], 'members'> {
  if (members.length < 2) return {};
  const told = members.map(({ type, weight }) => ({ type, weight }));
  return { members: told.sort((a, b) => b.weight - a.weight) };
}

/** The first of the manifest's notes, after what makes predictions differ: the status is no place for more. */
function notesOf({ notes = [], parity }: Manifest): Pick<Collected['model'], 'notes'> {
  const all = [...(parity.inexact === undefined ? [] : [parity.inexact]), ...notes];
  const told = all.slice(0, MOST_NOTES).map((note) => cut(note));
  return told.length > 0 ? { notes: told } : {};
}

const cut = (note: string): string => (note.length > NOTE_LENGTH ? `${note.slice(0, NOTE_LENGTH)}…` : note);

async function copyFile(
  bucket: Pick<Bucket, 'get' | 'copy' | 'head'>,
  from: string,
  to: string,
  file: Result['files'][number],
  there: ReadonlyMap<string, number>,
): Promise<void> {
  if (there.get(to) !== file.size) {
    const source = await bucket.head(from);
    if (!source) throw corrupt(`${file.name} is missing`);
    if (source.bytes !== file.size) throw corrupt(`${file.name} has ${source.bytes} bytes instead of ${file.size}`);
    await copying(() => bucket.copy(from, to, { ifMatch: source.etag }), file.name);
  }
  const copied = await bucket.head(to);
  if (copied?.bytes !== file.size)
    throw corrupt(`the copy of ${file.name} has ${copied?.bytes ?? 'no'} bytes instead of ${file.size}`);
  if (file.size > HASHED_BYTES) return;
  const found = await bucket.get(to);
  if (sha256(found?.body ?? new Uint8Array()) !== file.sha256) throw corrupt(`${file.name} does not have its sha256`);
}

async function copying(copy: () => Promise<string>, name: string): Promise<void> {
  try {
    await copy();
  } catch (error) {
    if (error instanceof CloudError && error.kind === 'precondition')
      throw corrupt(`${name} changed while it was copied`);
    throw error;
  }
}

async function manifestOf(bucket: Pick<Bucket, 'get'>, key: string, expected: string): Promise<Manifest> {
  const found = await bucket.get(key);
  if (!found || sha256(found.body) !== expected) throw corrupt('manifest.json does not have its sha256');
  try {
    return JSON.parse(new TextDecoder().decode(found.body)) as Manifest;
  } catch {
    throw corrupt('manifest.json is not JSON');
  }
}

const sha256 = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');
const corrupt = (what: string): DataError =>
  new DataError(`The result of the training is damaged: ${what}.`, { errorCode: 'ResultCorrupt', kind: 'invalid' });
