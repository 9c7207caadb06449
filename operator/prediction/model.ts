// Which model a PredictionJob means: a TrainingJob of its namespace (waited for while it trains) or a model id of the user. Next: its manifest
// is held against the table's head (schema.ts).
import { createHash } from 'node:crypto';
import type { Bucket } from '../../cloud/bucket.ts';
import type { Manifest } from '../../cloud/contract/contract.generated.ts';
import { modelFolder, s3Uri, type Prefixes } from '../../cloud/keys.ts';
import type { TrainingJob } from '../../crds/crds.generated.ts';
import type { PredictionReason } from '../../crds/reasons.ts';

export interface Model {
  readonly id: string;
  readonly folder: string;
  readonly uri: string;
  readonly manifest: Manifest;
  readonly manifestSha256: string;
  readonly onnxSha256: string;
}

export type Found =
  | { is: 'found'; model: Model }
  | { is: 'waiting'; message: string }
  | { is: 'refused'; reason: PredictionReason; message: string };

export async function findModel(
  bucket: Pick<Bucket, 'get'>,
  places: Prefixes & { bucket: string },
  userId: string,
  modelRef: string,
  training: TrainingJob | undefined,
): Promise<Found> {
  if (training) {
    const { phase, message, model } = training.status ?? {};
    if (phase === 'Failed')
      return {
        is: 'refused',
        reason: 'ModelFailed',
        message: `The training ${modelRef} failed, so there is no model: ${message}`,
      };
    if (phase !== 'Succeeded' || !model?.id)
      return { is: 'waiting', message: `The model ${modelRef} is still being trained (${phase ?? 'Pending'}).` };
  }
  const id = training?.status?.model?.id ?? modelRef;
  const folder = modelFolder(places, userId, id);
  const found = await bucket.get(`${folder}manifest.json`);
  if (!found)
    return {
      is: 'refused',
      reason: 'ModelMissing',
      message: `There is neither a training nor a model named ${modelRef}. kubectl get trainingjobs shows the trainings of this namespace.`,
    };
  const manifest = readManifest(found.body);
  if (typeof manifest === 'string')
    return { is: 'refused', reason: 'ModelRefused', message: `The model ${id} cannot be used: ${manifest}.` };
  const onnx = manifest.files.find(({ name }) => name === manifest.onnx.file);
  if (!onnx)
    return {
      is: 'refused',
      reason: 'ModelRefused',
      message: `The manifest of the model ${id} does not list its model.onnx.`,
    };
  const manifestSha256 = createHash('sha256').update(found.body).digest('hex');
  return {
    is: 'found',
    model: { id, folder, uri: s3Uri(places.bucket, folder), manifest, manifestSha256, onnxSha256: onnx.sha256 },
  };
}

/** The manifest, or what is wrong with it. The handler checks the whole; here only what we use. */
function readManifest(body: Uint8Array): Manifest | string {
  let manifest: Partial<Manifest> | null;
  try {
    manifest = JSON.parse(new TextDecoder().decode(body)) as Partial<Manifest> | null;
  } catch {
    return 'its manifest is not JSON';
  }
  if (manifest?.version !== 1)
    return `its manifest has version ${JSON.stringify(manifest?.version)}, this program knows 1`;
  const { features, files, onnx, model, preprocessing, split, target } = manifest;
  if (!Array.isArray(features) || !Array.isArray(files) || !onnx || !model || !preprocessing || !split || !target)
    return 'its manifest is incomplete';
  return manifest as Manifest;
}
