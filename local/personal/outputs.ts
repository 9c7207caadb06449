// The saved outputs of a stack (`pulumi stack output --json`): read and checked, in sentences for whoever saved them.
import { readFileSync } from 'node:fs';
import { readConfiguration } from '../../cloud/configuration/configuration.ts';
import { ConfigurationError } from '../../cloud/errors.ts';
import { StartFailure } from '../stack/failure.ts';

export interface StackOutputs {
  readonly installation: string;
  readonly region: string;
  readonly bucket: string;
  readonly operatorEnvironment: Readonly<Record<string, string>>;
  readonly botEnvironment: Readonly<Record<string, string>>;
  readonly roles: { readonly operator: string; readonly bot: string };
}

const SAVE = 'Save them again: pulumi stack output --json > FILE';
const ROLE = /^arn:aws[a-z-]*:iam::[0-9]{12}:role\/[\w+=,.@/-]+$/;
/** For the check only: the real one comes from the environment. */
const SOME_TOKEN = `1:${'a'.repeat(30)}`;

/** Throws StartFailure naming everything that is wrong with the file. */
export function readOutputs(file: string): StackOutputs {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch {
    throw new StartFailure(`There is no file ${file}. ${SAVE}`);
  }
  let outputs: Record<string, unknown>;
  try {
    outputs = JSON.parse(text) as Record<string, unknown>;
    if (typeof outputs !== 'object' || outputs === null || Array.isArray(outputs)) throw new Error('no object');
  } catch {
    throw new StartFailure(`${file} is no JSON object, so not the outputs of a stack. ${SAVE}`);
  }
  if (typeof outputs['clusterName'] === 'string')
    throw new StartFailure(
      `The stack of ${file} has the cluster ${JSON.stringify(outputs['clusterName'])}, where operator and bot run already; --stack is for a stack with cluster: none.`,
    );
  const problems: string[] = [];
  const wrong = (key: string, value: unknown, allowed: string) =>
    problems.push(`${key} is ${value === undefined ? 'missing' : JSON.stringify(value)}; allowed: ${allowed}`);
  for (const key of ['installation', 'region', 'bucket'])
    if (typeof outputs[key] !== 'string') wrong(key, outputs[key], 'a text');
  const roles = (outputs['roles'] ?? {}) as Record<string, unknown>;
  for (const name of ['operator', 'bot']) {
    const value = roles[name];
    if (typeof value !== 'string' || !ROLE.test(value)) wrong(`roles.${name}`, value, 'the ARN of an IAM role');
  }
  for (const [key, program] of [
    ['operatorEnvironment', 'operator'],
    ['botEnvironment', 'bot'],
  ] as const) {
    const environment = outputs[key];
    if (!isEnvironment(environment)) wrong(key, environment, 'an object of texts');
    else problems.push(...problemsOf(key, program, environment));
  }
  if (problems.length > 0)
    throw new StartFailure(`${file} is not what this version of Spotlearn needs:\n  ${problems.join('\n  ')}\n${SAVE}`);
  return outputs as unknown as StackOutputs;
}

const isEnvironment = (value: unknown): value is Record<string, string> =>
  typeof value === 'object' &&
  value !== null &&
  !Array.isArray(value) &&
  Object.values(value).every((one) => typeof one === 'string');

function problemsOf(key: string, program: 'operator' | 'bot', environment: Record<string, string>): string[] {
  try {
    readConfiguration(program, { ...environment, TELEGRAM_TOKEN: SOME_TOKEN });
    return [];
  } catch (error) {
    if (!(error instanceof ConfigurationError)) throw error;
    return error.message
      .split('\n')
      .slice(1, -1)
      .map((line) => `${key}: ${line.trim()}`);
  }
}
