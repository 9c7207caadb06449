// Lambda's control plane over REST: create, change, publish, alias, list, delete. service.ts routes to these.
import { randomUUID } from 'node:crypto';
import { AwsServiceError, type AwsResponse, type Principal, type ServiceContext } from '../service.ts';
import { invalid, type Alias, type Functions, type FunctionVersion, type LambdaFunction } from './functions.ts';

const RUNTIMES = ['nodejs22.x', 'nodejs24.x'];
const MAX_ENVIRONMENT_BYTES = 4096;

export interface LambdaCall {
  readonly context: ServiceContext;
  readonly functions: Functions;
  readonly principal: Principal;
  /** Name, resolved from a name, a partial or a whole ARN; empty where none is in the path. */
  readonly name: string;
  readonly qualifier: string | undefined;
  readonly query: URLSearchParams;
  readonly body: Readonly<Record<string, unknown>>;
  /** Bytes of an object, for code that lies in S3. */
  readonly readObject: ((bucket: string, key: string, version?: string) => Promise<Buffer>) | undefined;
}

export function functionArn(context: ServiceContext, name: string): string {
  return `arn:aws:lambda:${context.region}:${context.accountId}:function:${name}`;
}

export function permit(call: LambdaCall, action: string, suffix = ''): void {
  const resource = call.name === '' ? '*' : `${functionArn(call.context, call.name)}${suffix}`;
  call.context.authorizer.authorize(call.principal, `lambda:${action}`, resource);
}

export function json(value: unknown, status = 200): AwsResponse {
  return { status, headers: { 'content-type': 'application/json' }, body: JSON.stringify(value) };
}

const text = (value: unknown): string | undefined => (typeof value === 'string' ? value : undefined);

export async function createFunction(call: LambdaCall): Promise<AwsResponse> {
  const { body, context, functions } = call;
  const name = text(body['FunctionName'])?.split(':').at(-1) ?? '';
  if (!/^[a-zA-Z0-9-_]{1,64}$/.test(name))
    throw invalid(`1 validation error detected: Value '${name}' at 'functionName' failed to satisfy constraint`);
  const named = { ...call, name };
  permit(named, 'CreateFunction');
  if (functions.has(name))
    throw new AwsServiceError('ResourceConflictException', `Function already exist: ${name}`, 409, { Type: 'User' });
  const arn = functionArn(context, name);
  const draft: FunctionVersion = {
    name,
    version: '$LATEST',
    arn,
    description: '',
    runtime: '',
    handler: '',
    role: '',
    memoryMb: 128,
    timeoutSeconds: 3,
    architectures: ['x86_64'],
    environment: {},
    ephemeralMb: 512,
    codeSha256: '',
    codeSize: 0,
    modifiedAt: context.clock.now(),
    revisionId: randomUUID(),
  };
  const latest = { ...draft, ...configuration(named), ...(await code(named, body['Code'])) };
  if (latest.runtime === '' || latest.handler === '')
    throw invalid('Runtime and Handler are mandatory parameters for functions created with deployment packages.');
  if (latest.role === '') throw invalid('The role defined for the function cannot be assumed by Lambda.');
  const tags = (body['Tags'] ?? {}) as Record<string, string>;
  const created: LambdaFunction = { name, latest, versions: [], aliases: [], published: 0, tags };
  functions.save(created);
  const answer = body['Publish'] === true ? functions.publish(created) : latest;
  return json(configurationJson(answer), 201);
}

/** The configuration fields that the body gives, checked. */
function configuration(call: LambdaCall): Partial<FunctionVersion> {
  const { body, context, principal } = call;
  const changes: { -readonly [Key in keyof FunctionVersion]?: FunctionVersion[Key] } = {};
  const role = text(body['Role']);
  if (role !== undefined) {
    if (!/^arn:aws[a-z-]*:iam::\d{12}:role\/.+/.test(role))
      throw invalid(
        `Value '${role}' at 'role' failed to satisfy constraint: Member must satisfy regular expression pattern`,
      );
    context.authorizer.authorize(principal, 'iam:PassRole', role, { 'iam:PassedToService': 'lambda.amazonaws.com' });
    changes.role = role;
  }
  const runtime = text(body['Runtime']);
  if (runtime !== undefined) {
    if (!RUNTIMES.includes(runtime))
      throw invalid(
        `Value ${runtime} at 'runtime' failed to satisfy constraint: Member must satisfy enum value set: [${RUNTIMES.join(', ')}]`,
      );
    changes.runtime = runtime;
  }
  changes.memoryMb = bounded(body['MemorySize'], 'memorySize', 128, 10_240);
  changes.timeoutSeconds = bounded(body['Timeout'], 'timeout', 1, 900);
  changes.ephemeralMb = bounded(
    (body['EphemeralStorage'] as { Size?: unknown } | undefined)?.Size,
    'ephemeralStorage',
    512,
    10_240,
  );
  changes.handler = text(body['Handler']);
  changes.description = text(body['Description']);
  if (Array.isArray(body['Architectures'])) changes.architectures = body['Architectures'] as string[];
  const environment = body['Environment'] as { Variables?: Record<string, string> } | undefined;
  if (environment) {
    changes.environment = environment.Variables ?? {};
    if (JSON.stringify(changes.environment).length > MAX_ENVIRONMENT_BYTES)
      throw invalid(
        'Lambda was unable to configure your environment variables because the environment variables you have provided exceeded the 4KB limit.',
      );
    const reserved = Object.keys(changes.environment).filter((key) =>
      /^(AWS_(ACCESS_KEY|SECRET|SESSION|REGION|DEFAULT_REGION|LAMBDA_|EXECUTION_ENV)|LAMBDA_|_HANDLER)/.test(key),
    );
    if (reserved.length > 0)
      throw invalid(
        `Lambda was unable to configure your environment variables because the environment variables you have provided contains reserved keys that are currently not supported for modification. Reserved keys used in this request: ${reserved.join(', ')}`,
      );
  }
  return Object.fromEntries(Object.entries(changes).filter(([, value]) => value !== undefined));
}

function bounded(value: unknown, name: string, least: number, most: number): number | undefined {
  if (value === undefined) return undefined;
  if (typeof value !== 'number' || !Number.isInteger(value) || value < least || value > most)
    throw invalid(
      `1 validation error detected: Value '${JSON.stringify(value)}' at '${name}' failed to satisfy constraint: Member must have value between ${least} and ${most}`,
    );
  return value;
}

async function code(call: LambdaCall, given: unknown): Promise<{ codeSha256: string; codeSize: number }> {
  const source = (given ?? {}) as Record<string, unknown>;
  const zip = text(source['ZipFile']);
  if (zip !== undefined) return call.functions.storeCode(Buffer.from(zip, 'base64'));
  const [bucket, key] = [text(source['S3Bucket']), text(source['S3Key'])];
  if (bucket === undefined || key === undefined) throw invalid('Please provide a source for function code.');
  call.context.authorizer.authorize(call.principal, 's3:GetObject', `arn:aws:s3:::${bucket}/${key}`);
  if (!call.readObject) throw invalid('This endpoint takes code as a zip file only.');
  try {
    return call.functions.storeCode(await call.readObject(bucket, key, text(source['S3ObjectVersion'])));
  } catch (error) {
    if (error instanceof AwsServiceError && error.code.endsWith('Exception')) throw error;
    const name = error instanceof Error ? error.name : 'Error';
    throw invalid(
      `Error occurred while GetObject. S3 Error Code: ${name}. S3 Error Message: ${error instanceof Error ? error.message : ''}`,
    );
  }
}

const found = (call: LambdaCall) => call.functions.get(call.name, functionArn(call.context, call.name));
const foundVersion = (call: LambdaCall) =>
  call.functions.version(call.name, call.qualifier, functionArn(call.context, call.name));

export async function updateCode(call: LambdaCall): Promise<AwsResponse> {
  permit(call, 'UpdateFunctionCode');
  const target = found(call);
  checkRevision(call, target);
  const stored = await code(call, call.body);
  const architectures = call.body['Architectures'];
  if (call.body['DryRun'] !== true)
    call.functions.update(target, {
      ...stored,
      ...(Array.isArray(architectures) ? { architectures: architectures as string[] } : {}),
    });
  return json(configurationJson(call.body['Publish'] === true ? call.functions.publish(target) : target.latest));
}

export function updateConfiguration(call: LambdaCall): AwsResponse {
  permit(call, 'UpdateFunctionConfiguration');
  const target = found(call);
  checkRevision(call, target);
  call.functions.update(target, configuration(call));
  return json(configurationJson(target.latest));
}

function checkRevision(call: LambdaCall, target: LambdaFunction): void {
  const revision = text(call.body['RevisionId']);
  if (revision !== undefined && revision !== target.latest.revisionId)
    throw new AwsServiceError(
      'PreconditionFailedException',
      'The Revision Id provided does not match the latest Revision Id. Call the GetFunction/GetAlias API to retrieve the latest Revision Id',
      412,
      { Type: 'User' },
    );
}

export function getFunction(call: LambdaCall): AwsResponse {
  permit(call, 'GetFunction');
  const version = foundVersion(call);
  const { tags, reservedConcurrency } = found(call);
  return json({
    Configuration: configurationJson(version),
    Code: {
      RepositoryType: 'S3',
      Location: `${call.context.endpoint()}/_spotlearn/lambda/code/${encodeURIComponent(version.codeSha256)}`,
    },
    ...(Object.keys(tags).length > 0 ? { Tags: tags } : {}),
    ...(reservedConcurrency === undefined
      ? {}
      : { Concurrency: { ReservedConcurrentExecutions: reservedConcurrency } }),
  });
}

export function getConfiguration(call: LambdaCall): AwsResponse {
  permit(call, 'GetFunctionConfiguration');
  return json(configurationJson(foundVersion(call)));
}

export function listFunctions(call: LambdaCall): AwsResponse {
  permit(call, 'ListFunctions');
  const versions = call.functions
    .all()
    .flatMap((each) => (call.query.get('FunctionVersion') === 'ALL' ? [each.latest, ...each.versions] : [each.latest]));
  const { items, NextMarker } = page(call, versions);
  return json({ Functions: items.map(configurationJson), NextMarker });
}

function page<Item>(call: LambdaCall, all: readonly Item[]): { items: Item[]; NextMarker: string | undefined } {
  const start = Number(Buffer.from(call.query.get('Marker') ?? '', 'base64').toString()) || 0;
  const end = start + Math.min(50, Number(call.query.get('MaxItems') ?? 50));
  return {
    items: all.slice(start, end),
    NextMarker: end < all.length ? Buffer.from(String(end)).toString('base64') : undefined,
  };
}

export function deleteFunction(call: LambdaCall): AwsResponse {
  permit(call, 'DeleteFunction');
  const target = found(call);
  if (call.qualifier === undefined) call.functions.delete(call.name);
  else {
    target.versions = target.versions.filter((each) => each.version !== call.qualifier);
    call.functions.save(target);
  }
  return { status: 204 };
}

export function publishVersion(call: LambdaCall): AwsResponse {
  permit(call, 'PublishVersion');
  const target = found(call);
  checkRevision(call, target);
  const sha = text(call.body['CodeSha256']);
  if (sha !== undefined && sha !== target.latest.codeSha256)
    throw invalid(
      `CodeSHA256 (${sha}) is different from current CodeSHA256 in $LATEST (${target.latest.codeSha256}). Please try again with the CodeSHA256 in $LATEST.`,
    );
  return json(configurationJson(call.functions.publish(target, text(call.body['Description']))), 201);
}

export function listVersions(call: LambdaCall): AwsResponse {
  permit(call, 'ListVersionsByFunction');
  const target = found(call);
  const { items, NextMarker } = page(call, [target.latest, ...target.versions]);
  return json({ Versions: items.map(configurationJson), NextMarker });
}

function aliasJson(call: LambdaCall, alias: Alias): object {
  return {
    AliasArn: `${functionArn(call.context, call.name)}:${alias.name}`,
    Name: alias.name,
    FunctionVersion: alias.version,
    Description: alias.description,
    RevisionId: alias.revisionId,
  };
}

function aliasFrom(call: LambdaCall, name: string, old?: Alias): Alias {
  const version = text(call.body['FunctionVersion']) ?? old?.version ?? '';
  call.functions.version(call.name, version, functionArn(call.context, call.name));
  return {
    name,
    version,
    description: text(call.body['Description']) ?? old?.description ?? '',
    revisionId: randomUUID(),
  };
}

export function createAlias(call: LambdaCall): AwsResponse {
  permit(call, 'CreateAlias');
  const target = found(call);
  const name = text(call.body['Name']) ?? '';
  if (!/^(?!^\d+$)[a-zA-Z0-9-_]{1,128}$/.test(name))
    throw invalid(`Value '${name}' at 'name' failed to satisfy constraint`);
  if (target.aliases.some((each) => each.name === name))
    throw new AwsServiceError(
      'ResourceConflictException',
      `Alias already exists: ${functionArn(call.context, call.name)}:${name}`,
      409,
      { Type: 'User' },
    );
  const alias = aliasFrom(call, name);
  target.aliases.push(alias);
  call.functions.save(target);
  return json(aliasJson(call, alias), 201);
}

function findAlias(call: LambdaCall, name: string): Alias {
  const alias = found(call).aliases.find((each) => each.name === name);
  if (!alias)
    throw new AwsServiceError(
      'ResourceNotFoundException',
      `Cannot find alias arn: ${functionArn(call.context, call.name)}:${name}`,
      404,
      { Type: 'User' },
    );
  return alias;
}

export function getAlias(call: LambdaCall, name: string): AwsResponse {
  permit(call, 'GetAlias', `:${name}`);
  return json(aliasJson(call, findAlias(call, name)));
}

export function updateAlias(call: LambdaCall, name: string): AwsResponse {
  permit(call, 'UpdateAlias', `:${name}`);
  const target = found(call);
  const alias = aliasFrom(call, name, findAlias(call, name));
  target.aliases = target.aliases.map((each) => (each.name === name ? alias : each));
  call.functions.save(target);
  return json(aliasJson(call, alias));
}

export function deleteAlias(call: LambdaCall, name: string): AwsResponse {
  permit(call, 'DeleteAlias', `:${name}`);
  const target = found(call);
  target.aliases = target.aliases.filter((each) => each.name !== name);
  call.functions.save(target);
  return { status: 204 };
}

export function listAliases(call: LambdaCall): AwsResponse {
  permit(call, 'ListAliases');
  const { items, NextMarker } = page(call, found(call).aliases);
  return json({ Aliases: items.map((each) => aliasJson(call, each)), NextMarker });
}

/** 100 of the account's concurrency must stay unreserved; a small account (10) can't spare any but keeps its rule to itself. */
export function putConcurrency(call: LambdaCall): AwsResponse {
  permit(call, 'PutFunctionConcurrency');
  const target = found(call);
  target.reservedConcurrency =
    bounded(call.body['ReservedConcurrentExecutions'], 'reservedConcurrentExecutions', 0, 1000) ?? 0;
  call.functions.save(target);
  return json({ ReservedConcurrentExecutions: target.reservedConcurrency });
}

export function getConcurrency(call: LambdaCall): AwsResponse {
  permit(call, 'GetFunctionConcurrency');
  return json({ ReservedConcurrentExecutions: found(call).reservedConcurrency });
}

export function deleteConcurrency(call: LambdaCall): AwsResponse {
  permit(call, 'DeleteFunctionConcurrency');
  const target = found(call);
  target.reservedConcurrency = undefined;
  call.functions.save(target);
  return { status: 204 };
}

export function configurationJson(version: FunctionVersion): object {
  return {
    FunctionName: version.name,
    FunctionArn: version.version === '$LATEST' ? version.arn : version.arn,
    Runtime: version.runtime,
    Role: version.role,
    Handler: version.handler,
    CodeSize: version.codeSize,
    Description: version.description,
    Timeout: version.timeoutSeconds,
    MemorySize: version.memoryMb,
    LastModified: new Date(version.modifiedAt).toISOString().replace('Z', '+0000'),
    CodeSha256: version.codeSha256,
    Version: version.version,
    ...(Object.keys(version.environment).length > 0 ? { Environment: { Variables: version.environment } } : {}),
    TracingConfig: { Mode: 'PassThrough' },
    RevisionId: version.revisionId,
    State: 'Active',
    LastUpdateStatus: 'Successful',
    PackageType: 'Zip',
    Architectures: version.architectures,
    EphemeralStorage: { Size: version.ephemeralMb },
    SnapStart: { ApplyOn: 'None', OptimizationStatus: 'Off' },
    LoggingConfig: { LogFormat: 'Text', LogGroup: `/aws/lambda/${version.name}` },
  };
}
