// Puts a model and a table into the storage and makes the event that the operator would send for them.
import type { Manifest, PredictionAnswer, PredictionEvent } from '../../cloud/contract/contract.generated.ts';
import type { Storage } from './storage.ts';

export const OUTPUT = '/predictions/out.csv';

export interface Asked {
  manifest: Manifest;
  onnx: Buffer;
  data: Buffer | string;
  rest?: Partial<PredictionEvent>;
}

export function eventFor(storage: Storage, { manifest, onnx, data, rest = {} }: Asked): PredictionEvent {
  const model = storage.put('/models/model.onnx', onnx);
  const declared = storage.put('/models/manifest.json', JSON.stringify(manifest));
  const table = storage.put('/datasets/data.csv', data);
  return {
    version: 1,
    job: { namespace: 'ml-user-1', name: 'score', uid: 'u-1', chunk: 0 },
    model: {
      uri: 's3://bucket/models/user_1/m/',
      url: model.url,
      sha256: model.sha256,
      manifestUrl: declared.url,
      manifestSha256: declared.sha256,
    },
    data: { uri: 's3://bucket/datasets/user_1/data.csv', url: table.url, bytes: table.bytes, etag: table.etag },
    output: { uri: 's3://bucket/predictions/user_1/out.csv', url: `${storage.url}${OUTPUT}?X-Amz-Signature=secret` },
    prediction_column_name: 'prediction',
    ...rest,
  };
}

/** The stored predictions as text, or a clear failure of the test. */
export function stored(storage: Storage, answer: PredictionAnswer, encoding: BufferEncoding = 'utf8'): string {
  if (!answer.success) throw new Error(`${answer.error_type}: ${answer.error}`);
  return storage.objects.get(OUTPUT)!.toString(encoding);
}
