// What the API server says when it says no: every refusal is an ApiError, and its Status is what goes over the wire.
// Wording, reasons and details follow k8s.io/apimachinery's errors package.
import type { Cause } from './api.ts';

export interface StatusDetails {
  name?: string;
  group?: string;
  kind?: string;
  uid?: string;
  causes?: { reason?: string; message?: string; field?: string }[];
  retryAfterSeconds?: number;
}

/** The group and plural a message names; both of a ResourceInfo will do. */
export interface Named {
  readonly group: string;
  readonly plural: string;
}

export class ApiError extends Error {
  readonly code: number;
  readonly reason: string;
  readonly details: StatusDetails | undefined;

  constructor(code: number, reason: string, message: string, details?: StatusDetails) {
    super(message);
    this.name = 'ApiError';
    this.code = code;
    this.reason = reason;
    this.details = details;
  }

  status(): Record<string, unknown> {
    return {
      kind: 'Status',
      apiVersion: 'v1',
      metadata: {},
      status: 'Failure',
      message: this.message,
      ...(this.reason === '' ? {} : { reason: this.reason }),
      ...(this.details === undefined ? {} : { details: this.details }),
      code: this.code,
    };
  }
}

/** `widgets.example.com`, or `pods` in the core group. */
export function qualified(resource: Named): string {
  return resource.group === '' ? resource.plural : `${resource.plural}.${resource.group}`;
}

function detailsOf(resource: Named, name: string): StatusDetails {
  return {
    ...(name === '' ? {} : { name }),
    ...(resource.group === '' ? {} : { group: resource.group }),
    kind: resource.plural,
  };
}

export function notFound(resource: Named, name: string): ApiError {
  return new ApiError(404, 'NotFound', `${qualified(resource)} "${name}" not found`, detailsOf(resource, name));
}

export function noSuchPath(): ApiError {
  return new ApiError(404, 'NotFound', 'the server could not find the requested resource', {});
}

/** `ending`: it is there only because something still holds it. */
export function alreadyExists(resource: Named, name: string, ending = false): ApiError {
  const message = `${ending ? 'object is being deleted: ' : ''}${qualified(resource)} "${name}" already exists`;
  return new ApiError(409, 'AlreadyExists', message, detailsOf(resource, name));
}

export function conflict(resource: Named, name: string, why: string): ApiError {
  const message = `Operation cannot be fulfilled on ${qualified(resource)} "${name}": ${why}`;
  return new ApiError(409, 'Conflict', message, detailsOf(resource, name));
}

export const MODIFIED = 'the object has been modified; please apply your changes to the latest version and try again';

export function forbidden(resource: Named, name: string, why: string, causes?: StatusDetails['causes']): ApiError {
  const subject = name === '' ? `${qualified(resource)} is forbidden` : `${qualified(resource)} "${name}" is forbidden`;
  const details = { ...detailsOf(resource, name), ...(causes === undefined ? {} : { causes }) };
  return new ApiError(403, 'Forbidden', `${subject}: ${why}`, details);
}

/** 422 with every cause; `kind` and `group` of the object, not of the resource. */
export function invalid(kind: string, group: string, name: string, causes: readonly Cause[]): ApiError {
  const qualifiedKind = group === '' ? kind : `${kind}.${group}`;
  const texts = causes.map((cause) => `${cause.field}: ${cause.message}`);
  const list = texts.length === 1 ? texts.join('') : `[${[...new Set(texts)].join(', ')}]`;
  return new ApiError(422, 'Invalid', `${qualifiedKind} "${name}" is invalid: ${list}`, {
    ...(name === '' ? {} : { name }),
    ...(group === '' ? {} : { group }),
    ...(kind === '' ? {} : { kind }),
    causes: causes.map(({ reason, message, field }) => ({ reason, message, field })),
  });
}

export function badRequest(message: string): ApiError {
  return new ApiError(400, 'BadRequest', message);
}

export function unauthorized(): ApiError {
  return new ApiError(401, 'Unauthorized', 'Unauthorized');
}

export function methodNotAllowed(): ApiError {
  const message = 'the server does not allow this method on the requested resource';
  return new ApiError(405, 'MethodNotAllowed', message, {});
}

export function unsupportedMediaType(message: string): ApiError {
  return new ApiError(415, 'UnsupportedMediaType', message);
}

export function notAcceptable(accepted: string): ApiError {
  return new ApiError(406, 'NotAcceptable', `only the following media types are accepted: ${accepted}`);
}

export function requestTooLarge(limit: number): ApiError {
  return new ApiError(413, 'RequestEntityTooLarge', `Request entity too large: limit is ${limit}`);
}

/** 410: a watch or an exact list asks for history that is no longer kept. */
export function tooOld(requested: number, oldest: number): ApiError {
  return new ApiError(410, 'Expired', `too old resource version: ${requested} (${oldest})`);
}

export function continueTooOld(): ApiError {
  return new ApiError(
    410,
    'Expired',
    'The provided continue parameter is too old to display a consistent list result. You can start a new list without the continue parameter.',
  );
}

/** 504: the client has seen a newer world than this server knows. */
export function tooNew(requested: number, current: number): ApiError {
  const message = `Timeout: Too large resource version: ${requested}, current: ${current}`;
  return new ApiError(504, 'Timeout', message, {
    causes: [{ reason: 'ResourceVersionTooLarge', message: 'Too large resource version' }],
    retryAfterSeconds: 1,
  });
}

export function internal(message: string): ApiError {
  return new ApiError(500, 'InternalError', `Internal error occurred: ${message}`, { causes: [{ message }] });
}

/** Field errors in the words of k8s.io/apimachinery's validation/field. */
export const fieldError = {
  required: (field: string, detail = ''): Cause =>
    cause(field, 'FieldValueRequired', `Required value${detail === '' ? '' : `: ${detail}`}`),
  invalid: (field: string, value: unknown, detail: string): Cause =>
    cause(field, 'FieldValueInvalid', `Invalid value: ${shown(value)}: ${detail}`),
  forbidden: (field: string, detail: string): Cause => cause(field, 'FieldValueForbidden', `Forbidden: ${detail}`),
  notSupported: (field: string, value: unknown, supported: readonly string[]): Cause =>
    cause(
      field,
      'FieldValueNotSupported',
      `Unsupported value: ${shown(value)}: supported values: ${supported.map((one) => JSON.stringify(one)).join(', ')}`,
    ),
  duplicate: (field: string, value: unknown): Cause =>
    cause(field, 'FieldValueDuplicate', `Duplicate value: ${shown(value)}`),
  tooLong: (field: string, bytes: number): Cause =>
    cause(field, 'FieldValueTooLong', `Too long: may not be more than ${bytes} bytes`),
};

function cause(field: string, reason: string, message: string): Cause {
  return { field, reason, message, type: reason };
}

function shown(value: unknown): string {
  return value === undefined ? 'null' : JSON.stringify(value);
}
