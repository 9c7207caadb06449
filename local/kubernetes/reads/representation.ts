// Which shape the client asked for by Accept: the object, a Table (kubectl get) or metadata only; and an object in it.
import type { KubeObject, RenderTable, ResourceInfo } from '../api.ts';
import { ApiError, notAcceptable } from '../errors.ts';
import { served } from '../resources/events.ts';

export type Shape = 'object' | 'table' | 'metadata';

/** The first acceptable one wins. Protobuf is passed over; alone, it is a 406. */
export function shapeOf(accept: string | undefined): Shape {
  if (accept === undefined || accept === '') return 'object';
  for (const option of accept.split(',')) {
    const [media = '', ...parameters] = option.split(';').map((part) => part.trim());
    if (media === 'application/*' || media === '*/*') return 'object';
    if (media !== 'application/json' && media !== 'application/yaml') continue;
    const as = parameters.find((parameter) => parameter.startsWith('as='))?.slice(3);
    const known =
      parameters.includes('g=meta.k8s.io') && parameters.some((one) => one === 'v=v1' || one === 'v=v1beta1');
    if (as === undefined) return 'object';
    if (as === 'Table' && known) return 'table';
    if ((as === 'PartialObjectMetadata' || as === 'PartialObjectMetadataList') && known) return 'metadata';
  }
  throw notAcceptable('application/json, application/yaml');
}

/** As it goes out alone or in a watch event. Tables are made by the caller, who knows about columns. */
export function shaped(resource: ResourceInfo, stored: KubeObject, shape: 'object' | 'metadata'): unknown {
  const object = served(resource, stored);
  if (shape === 'object') return object;
  return { kind: 'PartialObjectMetadata', apiVersion: 'meta.k8s.io/v1', metadata: object.metadata };
}

export type IncludeObject = 'None' | 'Metadata' | 'Object';

export function includeObjectOf(query: URLSearchParams): IncludeObject {
  const asked = query.get('includeObject') ?? 'Metadata';
  if (asked === 'None' || asked === 'Metadata' || asked === 'Object') return asked;
  throw new ApiError(400, 'BadRequest', `unrecognized includeObject value: ${JSON.stringify(asked)}`);
}

export interface Renderer {
  readonly renderTable: RenderTable;
  readonly now: () => number;
}
