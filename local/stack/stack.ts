// Brings the whole product up on this machine, in the order a real installation comes to life: the clouds (AWS, Telegram, Kubernetes),
// what pulumi up makes in them, then operator and bot. Next: play/ plays the main job on it.
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { randomBytes } from 'node:crypto';
import { templateIdOf } from '../aws/ec2/identifiers.ts';
import type { Artefacts } from './artefacts.ts';
import { type LocalProgram, localBundlesThere } from './bundles.ts';
import {
  bare,
  botEnvironment,
  operatorEnvironment,
  shellExports,
  writeProfiles,
  type Addresses,
} from './environment.ts';
import {
  ACCOUNT_ID,
  IMAGE_ID,
  localInstallation,
  localRoles,
  PYTHON_FOLDER,
  QUEUE_NAME,
  REGION,
  TEMPLATE_NAME,
} from './installation.ts';
import type { Installed } from './install.ts';
import { handlerIn, identityProvider, newSigningKey, nodeSettings, OIDC_PROVIDER } from './node.ts';
import { startProgram, type Program } from './programs.ts';
import type { Access, Provisioned, ProvisionInput } from './provision.ts';
import { runStep } from './step.ts';
import type { StateFolder } from './state.ts';

const OPERATOR_NAMESPACE = 'spotlearn-system';
/** ServiceAccounts of crds/rbac.yaml. */
const PROGRAM_ACCOUNTS = ['spotlearn-operator', 'spotlearn-bot'] as const;

export interface Stack {
  readonly addresses: Addresses;
  /** The account's own key to the embedded AWS. */
  readonly access: Access;
  readonly telegramUrl: string;
  readonly operatorUrl: string;
  readonly programs: readonly Program[];
  readonly bucket: string;
  /** Stops everything, the last started first. */
  stop(): Promise<void>;
}

/** `tell` is called as each part is up: its name and where to look. */
export async function bringUp(
  state: StateFolder,
  kubeconfig: string | undefined,
  tell: (what: string, where: string) => void,
): Promise<Stack> {
  const programs: Program[] = [];
  const stop = async () => {
    for (const program of programs.splice(0).reverse()) await program.stop();
  };
  try {
    return await start(state, kubeconfig, tell, programs, stop);
  } catch (error) {
    await stop();
    throw error;
  }
}

async function start(
  state: StateFolder,
  kubeconfig: string | undefined,
  tell: (what: string, where: string) => void,
  programs: Program[],
  stop: () => Promise<void>,
): Promise<Stack> {
  const run = async (name: string, script: string, args: string[], env: NodeJS.ProcessEnv): Promise<Program> => {
    const program = await startProgram({ name, script, args, env, log: state.path('logs', `${name}.log`) });
    // AWS stops last: pods that end write their checkpoint to it.
    if (name === 'aws') programs.unshift(program);
    else programs.push(program);
    return program;
  };
  const artefactFolder = state.path('artefacts');
  const bundles =
    localBundlesThere(artefactFolder) ?? runStep<Record<LocalProgram, string>>('bundles', artefactFolder, bare());
  const emulated = async (name: LocalProgram, more: string[] = []): Promise<Program> => {
    mkdirSync(state.path(name), { recursive: true });
    const port = String(await state.port(name));
    return run(name, (await bundles)[name], ['--state', state.path(name), '--port', port, ...more], bare());
  };
  const installation = localInstallation(templateIdOf(TEMPLATE_NAME));
  const secretAccessKey = state.kept('root-key', () => randomBytes(30).toString('base64url'));
  const signingKey = state.kept('service-account-key', newSigningKey);
  const configuration = awsConfiguration(installation, secretAccessKey, signingKey);
  const awsUrl = `http://127.0.0.1:${await state.port('aws')}`;
  const settings = nodeSettings(awsUrl, signingKey, handlerIn(artefactFolder));
  const accounts = PROGRAM_ACCOUNTS.flatMap((name) => ['--account', `${OPERATOR_NAMESPACE}/${name}`]);
  const node = ['--kubelet', state.write('kubelet-config.json', JSON.stringify(settings))];
  const [artefacts, aws, telegram, kubernetes] = await Promise.all([
    runStep<Artefacts>('artefacts', artefactFolder, bare()),
    emulated('aws', ['--config', state.write('aws-config.json', configuration)]),
    emulated('telegram'),
    kubeconfig === undefined ? emulated('kubernetes', [...node, ...accounts]) : undefined,
  ]);
  const access: Access = { endpoint: aws.ready.url ?? '', accessKeyId: ROOT_KEY_ID, secretAccessKey };
  const config = kubernetes ? (kubernetes.ready.kubeconfig ?? '') : (kubeconfig ?? '');
  tell('Kubernetes API', kubernetes?.ready.url ?? config);
  tell('AWS', access.endpoint);
  tell('Telegram', telegram.ready.page ?? '');
  const { worker, lambda } = artefacts;
  const input: ProvisionInput = { installation, access, worker, lambda, folder: artefactFolder };
  const [made, { hasNodes }] = await Promise.all([
    runStep<Provisioned>('provision', input, bare()),
    runStep<Installed>('install', { kubeconfig: config, namespace: OPERATOR_NAMESPACE }, bare()),
  ]);
  // As `pulumi stack output --json > FILE` would save them.
  state.write('outputs.json', `${JSON.stringify(made, undefined, 2)}\n`);
  const runsPods = kubernetes !== undefined || !hasNodes;
  if (kubernetes === undefined && runsPods) await emulated('kubernetes', [...node, '--kubeconfig', config]);
  tell('provisioned', `bucket s3://${installation.bucket}, function ${installation.functionName}`);
  const addresses: Addresses = {
    kubeconfig: config,
    aws: access.endpoint,
    telegramApiRoot: telegram.ready.apiRoot ?? '',
    telegramToken: telegram.ready.token ?? '',
    page: telegram.ready.page ?? '',
  };
  const profiles = writeProfiles(state, installation, access);
  // Operator and bot have no more rights than RBAC gives their accounts.
  const folder = state.path(kubernetes ? 'kubernetes' : 'accounts');
  const renewal = kubernetes ? undefined : await keepTokens({ kubeconfig: config, folder });
  const as = (account: (typeof PROGRAM_ACCOUNTS)[number]): Addresses => ({
    ...addresses,
    kubeconfig: join(folder, `${account}.kubeconfig`),
  });
  const [operator] = await Promise.all([
    run(
      'operator',
      artefacts.operator,
      [],
      operatorEnvironment(
        installation,
        as('spotlearn-operator'),
        profiles,
        made,
        await state.port('operator'),
        runsPods,
      ),
    ),
    run(
      'bot',
      artefacts.bot,
      [],
      botEnvironment(as('spotlearn-bot'), profiles, made, await state.port('bot'), runsPods),
    ),
  ]);
  const operatorUrl = operator.ready.url ?? '';
  tell('operator', `${operatorUrl}/metrics`);
  tell('bot', addresses.page);
  state.write('env', shellExports(installation, addresses, access, operatorUrl));
  const telegramUrl = telegram.ready.url ?? '';
  const stopAll = async () => {
    clearInterval(renewal);
    await stop();
  };
  return { addresses, access, telegramUrl, operatorUrl, programs, bucket: installation.bucket, stop: stopAll };
}

/** Well before EKS ends a token. */
const RENEW_MS = 8 * 3_600_000;

async function keepTokens(place: { kubeconfig: string; folder: string }): Promise<NodeJS.Timeout> {
  mkdirSync(place.folder, { recursive: true, mode: 0o700 });
  const input = { ...place, namespace: OPERATOR_NAMESPACE, accounts: PROGRAM_ACCOUNTS };
  await runStep('tokens', input, bare());
  // One that fails is tried again with the next.
  return setInterval(() => void runStep('tokens', input, bare()).catch(() => undefined), RENEW_MS).unref();
}

const ROOT_KEY_ID = 'AKIASPOTLEARNLOCAL00';

/** What local/aws/main.ts needs to know: the account, its roles with the product's policies, whose pods may assume them, and what an image brings along. */
function awsConfiguration(
  installation: ReturnType<typeof localInstallation>,
  secretAccessKey: string,
  signingKey: string,
): string {
  return JSON.stringify({
    region: REGION,
    accountId: ACCOUNT_ID,
    rootCredentials: { accessKeyId: ROOT_KEY_ID, secretAccessKey },
    roles: localRoles(installation, OIDC_PROVIDER),
    webIdentity: identityProvider(signingKey),
    images: { [IMAGE_ID]: { path: [PYTHON_FOLDER], env: {} } },
    eventQueue: QUEUE_NAME,
  });
}
