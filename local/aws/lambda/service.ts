// Lambda behind the front: REST paths to control actions (actions.ts) and to the invocation of a function (invoker.ts).
import { join } from 'node:path';
import { jsonError } from '../protocol/json.ts';
import {
  AwsServiceError,
  type AwsRequest,
  type AwsResponse,
  type AwsService,
  type ServiceContext,
} from '../service.ts';
import * as actions from './actions.ts';
import { functionArn, permit, type LambdaCall } from './actions.ts';
import { Functions } from './functions.ts';
import { Invoker, type LogSink } from './invoker.ts';

export type { LogSink } from './invoker.ts';

/** Payloads: 6 MB synchronous (in and out), 1 MB for events. */
const SYNCHRONOUS_BYTES = 6_291_456;
const EVENT_BYTES = 1_048_576;
/** A zip of 50 MB in base64, and some. */
const CONTROL_BYTES = 72 * 1024 * 1024;

export interface LambdaOptions {
  /** Concurrent executions of the account; default 10, as a new account's. */
  readonly concurrency?: number;
  /** An idle environment is ended after this; default 15,000. */
  readonly idleMs?: number;
  /** Between an event's failures and its retries; default 1 and 2 minutes. */
  readonly retryDelaysMs?: readonly number[];
  /** Delivers every event twice, as Lambda may. */
  readonly duplicateEvents?: boolean;
  /** Where functions log to; default nowhere. */
  readonly logs?: LogSink;
  /** For code given as an S3 object. */
  readonly readObject?: (bucket: string, key: string, version?: string) => Promise<Buffer>;
}

export interface LambdaService extends AwsService {
  /** Live execution environments (child processes). */
  readonly environments: number;
  readonly pids: readonly number[];
  close(): Promise<void>;
}

type Route = (call: LambdaCall, sub: string) => AwsResponse | Promise<AwsResponse>;

/** `METHOD resource`, the resource being what follows the function's name. */
const ROUTES: Record<string, Route> = {
  'GET ': actions.getFunction,
  'DELETE ': actions.deleteFunction,
  'PUT code': actions.updateCode,
  'GET configuration': actions.getConfiguration,
  'PUT configuration': actions.updateConfiguration,
  'POST versions': actions.publishVersion,
  'GET versions': actions.listVersions,
  'POST aliases': actions.createAlias,
  'GET aliases': (call, sub) => (sub === '' ? actions.listAliases(call) : actions.getAlias(call, sub)),
  'PUT aliases': actions.updateAlias,
  'DELETE aliases': actions.deleteAlias,
  'PUT concurrency': actions.putConcurrency,
  'GET concurrency': actions.getConcurrency,
  'DELETE concurrency': actions.deleteConcurrency,
};

export function lambdaService(context: ServiceContext, options: LambdaOptions = {}): LambdaService {
  const folder = join(context.stateDir, 'lambda');
  const functions = new Functions(folder, context.clock);
  const invoker = new Invoker({
    context,
    functions,
    folder,
    concurrency: options.concurrency ?? 10,
    idleMs: options.idleMs ?? 15_000,
    retryDelaysMs: options.retryDelaysMs ?? [60_000, 120_000],
    duplicateEvents: options.duplicateEvents ?? false,
    logs: options.logs,
  });
  return {
    name: 'lambda',
    get environments() {
      return invoker.environments;
    },
    get pids() {
      return invoker.pids;
    },
    async handle(request) {
      const [, name, resource = '', sub = ''] =
        /^\/20\d\d-\d\d-\d\d\/functions(?:\/([^/]*))?(?:\/([^/]*))?(?:\/([^/]*))?\/?$/.exec(request.path) ?? [];
      const target = splitName(decodeURIComponent(name ?? ''), request.query.get('Qualifier') ?? undefined);
      const call: LambdaCall = {
        context,
        functions,
        principal: request.principal,
        query: request.query,
        body: {},
        readObject: options.readObject,
        ...target,
      };
      if (request.method === 'POST' && resource === 'invocations') return invoke(call, request, invoker);
      const withBody = { ...call, body: await readJson(request) };
      if (call.name === '') {
        if (request.method === 'POST') return actions.createFunction(withBody);
        if (request.method === 'GET') return actions.listFunctions(withBody);
      }
      const key = `${request.method} ${resource}`;
      const route = Object.hasOwn(ROUTES, key) ? ROUTES[key] : undefined;
      if (!route)
        throw new AwsServiceError(
          'UnknownOperationException',
          `There is no operation ${request.method} ${request.path}`,
          404,
        );
      return route(withBody, decodeURIComponent(sub));
    },
    error(error, request) {
      const denied = error.code === 'AccessDenied';
      const named = denied ? new AwsServiceError('AccessDeniedException', error.message, 403) : error;
      return jsonError(named, request.requestId, 'rest');
    },
    async close() {
      invoker.close();
      functions.close();
    },
  };
}

/** `name`, `name:qualifier`, `account:function:name` or a whole ARN. */
function splitName(text: string, qualifier: string | undefined): { name: string; qualifier: string | undefined } {
  const [, name = text, own] =
    /^(?:arn:aws[a-z-]*:lambda:[a-z0-9-]+:\d{12}:function:|\d{12}:function:|function:)?([^:]*)(?::([^:]+))?$/.exec(
      text,
    ) ?? [];
  return { name, qualifier: qualifier ?? own };
}

async function readJson(request: AwsRequest): Promise<Record<string, unknown>> {
  let bytes: Buffer;
  try {
    bytes = await request.body(CONTROL_BYTES);
  } catch (error) {
    if (!(error instanceof AwsServiceError)) throw error;
    throw new AwsServiceError(
      'RequestEntityTooLargeException',
      `Request must be smaller than ${CONTROL_BYTES} bytes for the operation`,
      413,
    );
  }
  if (bytes.length === 0) return {};
  try {
    return JSON.parse(bytes.toString('utf8')) as Record<string, unknown>;
  } catch {
    throw new AwsServiceError('InvalidRequestContentException', 'Could not parse request body into json', 400, {
      Type: 'User',
    });
  }
}

async function invoke(call: LambdaCall, request: AwsRequest, invoker: Invoker): Promise<AwsResponse> {
  const suffix = call.qualifier === undefined ? '' : `:${call.qualifier}`;
  permit(call, 'InvokeFunction', suffix);
  const arn = functionArn(call.context, call.name);
  const version = call.functions.version(call.name, call.qualifier, arn);
  const type = header(request, 'x-amz-invocation-type') ?? 'RequestResponse';
  if (type === 'DryRun') return { status: 204 };
  const limit = type === 'Event' ? EVENT_BYTES : SYNCHRONOUS_BYTES;
  const payload = await readPayload(request, limit);
  if (type === 'Event') {
    invoker.enqueue(call.name, call.qualifier, payload, request.requestId, `${arn}${suffix}`);
    return { status: 202, body: '' };
  }
  const result = await invoker.invoke(version, payload, request.requestId, `${arn}${suffix}`);
  return {
    status: 200,
    headers: {
      'content-type': 'application/json',
      'x-amz-executed-version': result.version.version,
      ...(result.functionError ? { 'x-amz-function-error': result.functionError } : {}),
      ...(header(request, 'x-amz-log-type') === 'Tail'
        ? { 'x-amz-log-result': result.logTail.toString('base64') }
        : {}),
    },
    body: result.payload,
  };
}

function header(request: AwsRequest, name: string): string | undefined {
  const value = request.headers[name];
  return typeof value === 'string' ? value : undefined;
}

async function readPayload(request: AwsRequest, limit: number): Promise<Buffer> {
  let bytes: Buffer;
  try {
    bytes = await request.body(limit + 1);
  } catch (error) {
    if (!(error instanceof AwsServiceError)) throw error;
    throw tooLarge(limit);
  }
  if (bytes.length > limit) throw tooLarge(limit);
  if (bytes.length === 0) return Buffer.from('{}');
  try {
    JSON.parse(bytes.toString('utf8'));
  } catch (error) {
    throw new AwsServiceError(
      'InvalidRequestContentException',
      `Could not parse request body into json: ${(error as Error).message}`,
      400,
      { Type: 'User' },
    );
  }
  return bytes;
}

function tooLarge(limit: number): AwsServiceError {
  return new AwsServiceError(
    'RequestTooLargeException',
    `Request must be smaller than ${limit} bytes for the InvokeFunction operation`,
    413,
    { Type: 'User' },
  );
}
