// `npm start -- --stack FILE`: one person's installation (cluster: none). Operator and bot run here, on the embedded Kubernetes API, and work in
// the AWS account and the Telegram that the stack is for: the same programs, roles and custom resources as on a cluster. Pods are not run here, so
// that placement Cluster is refused by the operator itself.
import { readConfiguration } from '../../cloud/configuration/configuration.ts';
import { ConfigurationError } from '../../cloud/errors.ts';
import { bare } from '../stack/environment.ts';
import { StartFailure } from '../stack/failure.ts';
import type { Installed } from '../stack/install.ts';
import type { PersonalBundles } from '../stack/personal-bundles.ts';
import { startProgram, type Program } from '../stack/programs.ts';
import type { StateFolder } from '../stack/state.ts';
import { runStep } from '../stack/step.ts';
import { refuseMoved } from './moved.ts';
import { readOutputs, type StackOutputs } from './outputs.ts';
import { PROFILES, profilesOf } from './profiles.ts';

export interface Personal {
  readonly kubeconfig: string;
  stop(): Promise<void>;
}

type Environment = Readonly<Record<string, string | undefined>>;

const NAMESPACE = 'spotlearn-system';

/** What of the caller's environment concerns AWS and Telegram; the rest is of no use to the programs. */
const PASSED = /^(AWS_|TELEGRAM_|HTTPS?_PROXY$|NO_PROXY$|NODE_EXTRA_CA_CERTS$)/;

/** `tell` is called as each part is up. Throws StartFailure. */
export async function bringUpPersonal(
  state: StateFolder,
  file: string,
  environment: Environment,
  tell: (what: string, where: string) => void,
): Promise<Personal> {
  const outputs = readOutputs(file);
  refuseMoved(state);
  checkToken(outputs, environment);
  const programs: Program[] = [];
  const stop = async () => {
    for (const program of programs.splice(0).reverse()) await program.stop();
  };
  try {
    const kubeconfig = await start(state, outputs, environment, tell, programs);
    return { kubeconfig, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

/** Before anything starts; never with the token in the message. */
function checkToken({ botEnvironment }: StackOutputs, { TELEGRAM_TOKEN }: Environment): void {
  try {
    readConfiguration('bot', { ...botEnvironment, TELEGRAM_TOKEN });
  } catch (error) {
    if (!(error instanceof ConfigurationError)) throw error;
    throw new StartFailure(
      `TELEGRAM_TOKEN ${TELEGRAM_TOKEN ? 'is no token of a Telegram bot' : 'is missing'}; put the token that @BotFather gave you into the environment: TELEGRAM_TOKEN=… npm start -- --stack FILE`,
    );
  }
}

async function start(
  state: StateFolder,
  outputs: StackOutputs,
  environment: Environment,
  tell: (what: string, where: string) => void,
  programs: Program[],
): Promise<string> {
  const bundles = await runStep<PersonalBundles>('personal-bundles', state.path('artefacts'), bare());
  const run = async (name: string, script: string, args: string[], env: NodeJS.ProcessEnv): Promise<Program> => {
    const program = await startProgram({ name, script, args, env, log: state.path('logs', `${name}.log`) });
    programs.push(program);
    return program;
  };
  const folder = state.path('kubernetes');
  const accounts = ['spotlearn-operator', 'spotlearn-bot'].flatMap((name) => ['--account', `${NAMESPACE}/${name}`]);
  const kubernetes = await run(
    'kubernetes',
    bundles.kubernetes,
    ['--state', folder, '--port', String(await state.port('kubernetes')), ...accounts],
    bare(),
  );
  const kubeconfig = kubernetes.ready.kubeconfig ?? '';
  await runStep<Installed>('install', { kubeconfig, namespace: NAMESPACE }, bare());
  tell('Kubernetes API', `KUBECONFIG=${kubeconfig}`);
  const { text, as, source } = profilesOf(outputs, environment);
  const profiles = state.write('aws-profiles', text);
  const passed = Object.fromEntries(Object.entries(environment).filter(([name]) => PASSED.test(name)));
  const { TELEGRAM_TOKEN, ...others } = passed;
  const common = (program: 'operator' | 'bot') => ({
    ...bare(),
    ...others,
    [as]: profiles,
    AWS_PROFILE: PROFILES[program],
    KUBECONFIG: state.path('kubernetes', `spotlearn-${program}.kubeconfig`),
    ...outputs[`${program}Environment`],
    // No pods run here.
    SPOTLEARN_WORKER_CONTAINER_IMAGE: '',
    SPOTLEARN_PREDICTION_CONTAINER_IMAGE: '',
  });
  const operator = await run('operator', bundles.operator, [], {
    ...common('operator'),
    SPOTLEARN_OPERATOR_PORT: String(await state.port('operator')),
  });
  tell('operator', `${operator.ready.url}/readyz, as ${outputs.roles.operator} by ${source}`);
  const bot = await run('bot', bundles.bot, [], {
    ...common('bot'),
    TELEGRAM_TOKEN,
    SPOTLEARN_BOT_PORT: String(await state.port('bot')),
  });
  tell('bot', `${bot.ready.url ?? ''}, as ${outputs.roles.bot}`);
  return kubeconfig;
}
