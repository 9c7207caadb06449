// How operator and bot act in their roles on a machine of one's own: two AWS profiles that assume them with the caller's credentials. Those stay
// where they are – in the environment, in the caller's files, in the instance's metadata – and are written nowhere.
import { existsSync, readFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import type { StackOutputs } from './outputs.ts';

export interface Profiles {
  /** Text of the file with the two profiles. */
  readonly text: string;
  /** Which of the SDK's two files ours stands in for; the other stays the caller's. */
  readonly as: 'AWS_CONFIG_FILE' | 'AWS_SHARED_CREDENTIALS_FILE';
  /** Where the caller's credentials come from, for people. */
  readonly source: string;
}

/** `environment`: the caller's. */
export function profilesOf(
  { installation, region, roles }: StackOutputs,
  environment: Readonly<Record<string, string | undefined>>,
  home = homedir(),
): Profiles {
  const found = sourceOf(environment, home);
  const profile = (name: 'operator' | 'bot') => {
    // In a credentials file a profile's section has no word before its name.
    const section = found.as === 'AWS_CONFIG_FILE' ? `profile ${PROFILES[name]}` : PROFILES[name];
    return [
      `[${section}]`,
      `role_arn = ${roles[name]}`,
      found.line,
      `role_session_name = ${installation}-${name}`,
      `region = ${region}`,
      '',
    ].join('\n');
  };
  return { text: `${profile('operator')}\n${profile('bot')}`, as: found.as, source: found.source };
}

/** Names of the profiles. */
export const PROFILES = { operator: 'spotlearn-operator', bot: 'spotlearn-bot' } as const;

function sourceOf(environment: Readonly<Record<string, string | undefined>>, home: string) {
  const file = (name: string, otherwise: string) => environment[name] || join(home, '.aws', otherwise);
  const has = (path: string, section: string) =>
    existsSync(path) &&
    readFileSync(path, 'utf8')
      .split('\n')
      .some((line) => line.trim().replaceAll(/\s+/g, ' ') === `[${section}]`);
  const named = environment['AWS_PROFILE'];
  if (named === undefined && environment['AWS_ACCESS_KEY_ID'])
    return {
      line: 'credential_source = Environment',
      as: 'AWS_CONFIG_FILE' as const,
      source: 'the environment (AWS_ACCESS_KEY_ID)',
    };
  const profile = named || 'default';
  const line = `source_profile = ${profile}`;
  if (has(file('AWS_SHARED_CREDENTIALS_FILE', 'credentials'), profile))
    return { line, as: 'AWS_CONFIG_FILE' as const, source: `the AWS profile ${profile}` };
  if (has(file('AWS_CONFIG_FILE', 'config'), profile === 'default' ? profile : `profile ${profile}`))
    return { line, as: 'AWS_SHARED_CREDENTIALS_FILE' as const, source: `the AWS profile ${profile}` };
  return {
    line: 'credential_source = Ec2InstanceMetadata',
    as: 'AWS_CONFIG_FILE' as const,
    source: 'the role of this EC2 instance',
  };
}
