// A request body → an object of the resource's kind: apiVersion and kind fit, unknown fields dropped (and named, warned of
// or refused), types right. The first step of writer.ts.
import type { KubeObject, ResourceInfo } from '../api.ts';
import { badRequest, fieldError, invalid } from '../errors.ts';
import { groupVersion } from '../resources/builtin.ts';
import { decodeBuiltin, decodeMetadata, isObject, WrongType } from '../resources/fields.ts';

export type FieldValidation = 'Strict' | 'Warn' | 'Ignore';

interface DecodeOptions {
  readonly fieldValidation?: FieldValidation;
  readonly warn?: (warning: string) => void;
  readonly subject?: 'patch';
}

/** A private, pruned copy. Throws 400 or 422. */
export function decode(resource: ResourceInfo, body: unknown, options: DecodeOptions): KubeObject {
  if (!isObject(body)) {
    const is = Array.isArray(body) ? 'array' : typeof body;
    throw badRequest(
      `the object provided is unrecognized (must be of type ${resource.kind}): couldn't get version/kind; json parse error: json: cannot unmarshal ${is} into Go value of type struct { APIVersion string; Kind string }`,
    );
  }
  const { apiVersion, kind, ...fields } = structuredClone(body) as KubeObject;
  const object = { apiVersion, kind, ...fields } as KubeObject;
  const wanted = groupVersion(resource);
  const custom = resource.schema !== undefined;
  if (custom || (object.apiVersion as unknown)) checkVersion(resource, object, wanted, custom);
  object.apiVersion = wanted;
  object.kind = resource.kind;
  const sent = options.subject === 'patch' ? body : undefined;
  const unknown = decodeFields(resource, object, custom, sent);
  report(resource, unknown, options, sent);
  delete object.metadata['managedFields'];
  return object;
}

function checkVersion(resource: ResourceInfo, object: KubeObject, wanted: string, custom: boolean): void {
  const { apiVersion = '', kind = '' } = object as Partial<KubeObject>;
  if (apiVersion !== wanted) {
    throw badRequest(`the API version in the data (${apiVersion}) does not match the expected API version (${wanted})`);
  }
  if (kind === resource.kind || (kind === '' && !custom)) return;
  if (!custom) {
    throw badRequest(
      `${kind} in version "${resource.version}" cannot be handled as a ${resource.kind}: converting (${resource.version}.${kind}) to (${resource.group === '' ? 'core' : (resource.group.split('.')[0] ?? '')}.${resource.kind}): unknown conversion`,
    );
  }
  const name = isObject(object.metadata) && typeof object.metadata.name === 'string' ? object.metadata.name : '';
  const problem = fieldError.invalid('kind', kind, `must be ${resource.kind}`);
  throw invalid(kind, resource.group, name, [problem]);
}

function decodeFields(resource: ResourceInfo, object: KubeObject, custom: boolean, patched: unknown): string[] {
  try {
    const metadata: unknown = object.metadata ?? {};
    if (!isObject(metadata))
      throw new WrongType(
        `json: cannot unmarshal ${Array.isArray(metadata) ? 'array' : typeof metadata} into Go struct field ${resource.kind}.metadata of type v1.ObjectMeta`,
      );
    object.metadata = metadata as KubeObject['metadata'];
    if (!custom) {
      const unknown = decodeBuiltin(groupVersion(resource), resource.kind, object);
      if (resource.kind === 'Secret') checkBase64(object['data']);
      return unknown;
    }
    return [...decodeMetadata(metadata), ...(resource.schema?.prune(object) ?? [])];
  } catch (error) {
    if (error instanceof WrongType) throw undecodable(resource, error.message, patched);
    throw error;
  }
}

/** The values of a Secret are bytes. */
function checkBase64(data: unknown): void {
  for (const value of isObject(data) ? Object.values(data) : []) {
    const text = String(value);
    const wrong =
      /[^A-Za-z0-9+/=\r\n]/.exec(text)?.index ?? (text.replace(/[\r\n]/g, '').length % 4 === 0 ? -1 : text.length);
    if (wrong !== -1) throw new WrongType(`illegal base64 data at input byte ${wrong}`);
  }
}

/** What a patch led to is told as its fault, with the whole result; a body sent as it is by its kind. */
function undecodable(resource: ResourceInfo, why: string, patched: unknown): Error {
  if (patched !== undefined) return invalid('', '', '', [fieldError.invalid('patch', JSON.stringify(patched), why)]);
  const { kind, version } = resource;
  return badRequest(`${kind} in version ${JSON.stringify(version)} cannot be handled as a ${kind}: ${why}`);
}

function report(resource: ResourceInfo, unknown: readonly string[], options: DecodeOptions, patched: unknown): void {
  if (unknown.length === 0) return;
  const texts = unknown.map((path) => `unknown field "${path}"`);
  if (options.fieldValidation === 'Strict') {
    throw undecodable(resource, `strict decoding error: ${texts.join(', ')}`, patched);
  }
  if (options.fieldValidation !== 'Ignore') for (const text of texts) options.warn?.(text);
}
