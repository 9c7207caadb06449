// Who gets which environment: operator and bot act in their own roles (through a profile that assumes them by STS, as Pod Identity
// would give them), the person at the terminal gets shell exports with the account's own key.
import type { Installation } from '../../infra/policies/document.ts';
import { roleArn } from '../../infra/policies/document.ts';
import { PREDICTION_IMAGE, WORKER_IMAGE } from './node.ts';
import type { Access, Provisioned } from './provision.ts';
import type { StateFolder } from './state.ts';

export interface Addresses {
  readonly kubeconfig: string;
  readonly aws: string;
  readonly telegramApiRoot: string;
  readonly telegramToken: string;
  readonly page: string;
}

/** What a program needs of the machine: where to find other commands and to write; nothing of the caller's AWS settings. */
export function bare(): NodeJS.ProcessEnv {
  const kept = ['PATH', 'HOME', 'TMPDIR', 'LANG', 'TZ', 'NODE_COMPILE_CACHE', 'NODE_V8_COVERAGE'];
  return Object.fromEntries(
    kept.flatMap((name) => (process.env[name] === undefined ? [] : [[name, process.env[name]]])),
  );
}

/** Writes the AWS profiles; returns the file. */
export function writeProfiles(state: StateFolder, installation: Installation, access: Access): string {
  const role = (profile: string, name: string) =>
    `[profile ${profile}]\nrole_arn = ${roleArn(installation.accountId, name)}\nsource_profile = root\nrole_session_name = ${profile}\nregion = ${installation.region}\n`;
  return state.write(
    'aws-profiles',
    [
      `[profile root]\naws_access_key_id = ${access.accessKeyId}\naws_secret_access_key = ${access.secretAccessKey}\nregion = ${installation.region}\n`,
      role('operator', installation.roles.operator),
      role('bot', installation.roles.bot),
    ].join('\n'),
  );
}

function common(addresses: Addresses, profiles: string, profile: string): NodeJS.ProcessEnv {
  return {
    ...bare(),
    KUBECONFIG: addresses.kubeconfig,
    AWS_ENDPOINT_URL: addresses.aws,
    AWS_CONFIG_FILE: profiles,
    AWS_SHARED_CREDENTIALS_FILE: '/dev/null',
    AWS_PROFILE: profile,
    AWS_EC2_METADATA_DISABLED: 'true',
  };
}

/** `pods`: whether pods of the cluster run on this machine, where the images are known and AWS can be reached. */
export function operatorEnvironment(
  installation: Installation,
  addresses: Addresses,
  profiles: string,
  made: Provisioned,
  port: number,
  pods: boolean,
): NodeJS.ProcessEnv {
  return {
    ...common(addresses, profiles, 'operator'),
    ...made.operatorEnvironment,
    ...(pods
      ? {
          SPOTLEARN_WORKER_ROLE_ARN: roleArn(installation.accountId, installation.roles.worker),
          SPOTLEARN_WORKER_CONTAINER_IMAGE: WORKER_IMAGE,
          SPOTLEARN_PREDICTION_CONTAINER_IMAGE: PREDICTION_IMAGE,
        }
      : {}),
    SPOTLEARN_OPERATOR_PORT: String(port),
    // One worker at a time on one machine: look often, so that a person at the terminal sees it move.
    SPOTLEARN_OBSERVE_SECONDS: '1',
    SPOTLEARN_HEARTBEAT_SECONDS: '1',
  };
}

export function botEnvironment(
  addresses: Addresses,
  profiles: string,
  made: Provisioned,
  port: number,
  pods: boolean,
): NodeJS.ProcessEnv {
  return {
    ...common(addresses, profiles, 'bot'),
    ...made.botEnvironment,
    ...(pods ? { SPOTLEARN_PREDICTION_CONTAINER_IMAGE: PREDICTION_IMAGE } : {}),
    TELEGRAM_API_ROOT: addresses.telegramApiRoot,
    TELEGRAM_TOKEN: addresses.telegramToken,
    SPOTLEARN_BOT_PORT: String(port),
  };
}

/** Shell exports, so that kubectl and any AWS SDK or CLI work after `. <state>/env`. */
export function shellExports(
  installation: Installation,
  addresses: Addresses,
  access: Access,
  operatorUrl: string,
): string {
  const exports: Record<string, string> = {
    KUBECONFIG: addresses.kubeconfig,
    AWS_ENDPOINT_URL: addresses.aws,
    AWS_REGION: installation.region,
    AWS_DEFAULT_REGION: installation.region,
    AWS_ACCESS_KEY_ID: access.accessKeyId,
    AWS_SECRET_ACCESS_KEY: access.secretAccessKey,
    SPOTLEARN_BUCKET: installation.bucket,
    SPOTLEARN_LOG_GROUP: installation.logGroup,
    SPOTLEARN_CHAT_PAGE: addresses.page,
    SPOTLEARN_OPERATOR_URL: operatorUrl,
    TELEGRAM_API_ROOT: addresses.telegramApiRoot,
    TELEGRAM_TOKEN: addresses.telegramToken,
  };
  const quoted = (text: string) => `'${text.replaceAll("'", "'\\''")}'`;
  return [
    '# Made by npm start: `. .spotlearn/env`, then kubectl, aws or any AWS SDK talk to the local stack.',
    'unset AWS_PROFILE AWS_SESSION_TOKEN',
    ...Object.entries(exports).map(([name, value]) => `export ${name}=${quoted(value)}`),
    '',
  ].join('\n');
}
