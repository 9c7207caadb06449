// Bucket policies as they are put: is the document one, does it speak about this bucket, would it open it to the public?
import { S3Error } from './call.ts';

const MAX_POLICY_BYTES = 20 * 1024;

interface Statement {
  readonly Effect?: unknown;
  readonly Principal?: unknown;
  readonly NotPrincipal?: unknown;
  readonly Action?: unknown;
  readonly NotAction?: unknown;
  readonly Resource?: unknown;
  readonly NotResource?: unknown;
  readonly Condition?: Readonly<Record<string, Readonly<Record<string, unknown>>>>;
}

/** Throws MalformedPolicy; returns the statements. */
export function checkPolicy(text: string, bucket: string): readonly Statement[] {
  if (Buffer.byteLength(text) > MAX_POLICY_BYTES) throw malformed('Policies may not be larger than 20 KB');
  let document: { Version?: unknown; Statement?: unknown };
  try {
    document = JSON.parse(text) as typeof document;
  } catch {
    throw malformed("Policies must be valid JSON and the first byte must be '{'");
  }
  if (typeof document !== 'object' || document === null || !text.trimStart().startsWith('{'))
    throw malformed("Policies must be valid JSON and the first byte must be '{'");
  if (document.Version !== undefined && document.Version !== '2012-10-17' && document.Version !== '2008-10-17')
    throw malformed('The policy must contain a valid version string');
  const statements = [document.Statement ?? []].flat() as Statement[];
  if (statements.length === 0) throw malformed('Missing required field Statement');
  for (const statement of statements) checkStatement(statement, bucket);
  return statements;
}

function checkStatement(statement: Statement, bucket: string): void {
  if (statement.Effect !== 'Allow' && statement.Effect !== 'Deny')
    throw malformed(statement.Effect === undefined ? 'Missing required field Effect' : 'Invalid effect');
  if (statement.Principal === undefined && statement.NotPrincipal === undefined)
    throw malformed('Missing required field Principal');
  const actions = strings(statement.Action ?? statement.NotAction);
  if (actions.length === 0) throw malformed('Missing required field Action');
  if (!actions.every((each) => each === '*' || /^s3:/i.test(each))) throw malformed('Policy has invalid action');
  const resources = strings(statement.Resource ?? statement.NotResource);
  if (resources.length === 0) throw malformed('Missing required field Resource');
  const own = `arn:aws:s3:::${bucket}`;
  if (!resources.every((each) => each === own || each.startsWith(`${own}/`) || each === `${own}*` || each === '*'))
    throw malformed('Policy has invalid resource');
}

/** Allows anybody without tying them down by a condition with fixed values, as Block Public Access understands it. */
export function isPublic(statements: readonly Statement[]): boolean {
  return statements.some(
    (statement) => statement.Effect === 'Allow' && everybody(statement.Principal) && !isTiedDown(statement),
  );
}

function everybody(principal: unknown): boolean {
  if (principal === '*') return true;
  const aws = (principal as { AWS?: unknown } | undefined)?.AWS;
  return strings(aws).includes('*');
}

const FIXING_KEYS = [
  'aws:sourceip',
  'aws:sourcearn',
  'aws:sourcevpc',
  'aws:sourcevpce',
  'aws:sourceowner',
  'aws:sourceaccount',
  'aws:userid',
  'aws:principalarn',
  'aws:principalaccount',
  'aws:principalorgid',
  's3:dataaccesspointarn',
  's3:dataaccesspointaccount',
];

function isTiedDown(statement: Statement): boolean {
  return Object.values(statement.Condition ?? {}).some((keys) =>
    Object.entries(keys).some(
      ([key, value]) =>
        FIXING_KEYS.includes(key.toLowerCase()) &&
        strings(value).every((each) => !each.includes('*') && !each.includes('${')),
    ),
  );
}

function strings(value: unknown): string[] {
  return [value ?? []].flat().filter((each): each is string => typeof each === 'string');
}

function malformed(message: string): S3Error {
  return new S3Error('MalformedPolicy', message, 400);
}
