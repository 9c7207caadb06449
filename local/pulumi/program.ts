// Stands in for Pulumi's engine, which no registry here has: runs the program under its own mocks and gives what it declared – every
// resource with resolved inputs, parent, dependencies, protections – while `create` makes of it what can be made.
import * as pulumi from '@pulumi/pulumi';
import { defaultAnswers, madeOf, type Answer, type Made } from './made.ts';

export interface Recorded {
  readonly type: string;
  readonly name: string;
  /** Resolved; secrets in clear, their paths in `secrets`. Files are `{ asset: path }`. */
  readonly inputs: Record<string, unknown>;
  readonly secrets: readonly string[];
  readonly urn: string;
  readonly id: string;
  readonly parent: string | undefined;
  readonly provider: string | undefined;
  readonly protect: boolean;
  readonly retain: boolean;
  /** URNs. */
  readonly dependsOn: readonly string[];
  readonly custom: boolean;
}

export interface Declared {
  readonly resources: readonly Recorded[];
  readonly outputs: Record<string, unknown>;
  /** Functions of providers that the program called. */
  readonly calls: readonly { token: string; inputs: Record<string, unknown> }[];
}

/** Makes a resource for real; undefined: there is nothing to make, and its properties are made up. */
export type Create = (type: string, name: string, inputs: Record<string, unknown>) => Promise<Made | undefined>;

export interface Run {
  stack: string;
  accountId: string;
  /** Full keys, as `pulumi config` has them. */
  configuration: Readonly<Record<string, string>>;
  /** In place of the default answers, by token. */
  answers?: Readonly<Record<string, Answer>>;
  create?: Create;
  /** Default: the whole program. */
  program?: () => Promise<Record<string, unknown>>;
}

const TOKEN_KEY = 'spotlearn:telegramToken';

/** Rejects with what the program throws, or with the first resource that could not be made. */
export async function runProgram(run: Run): Promise<Declared> {
  const { stack, accountId, configuration, create } = run;
  const world = { accountId, region: configuration['aws:region'] ?? '', stack };
  const resources: Recorded[] = [];
  const calls: Declared['calls'][number][] = [];
  const failures: Error[] = [];
  const answers = { ...defaultAnswers(accountId, world.region), ...run.answers };
  await pulumi.runtime.setMocks(
    {
      newResource: async (resource) => {
        const { type, name } = resource;
        const inputs = resource.inputs as Record<string, unknown>;
        try {
          const made = (await create?.(type, name, inputs)) ?? madeOf(type, name, inputs, world);
          return { id: made.id, state: { ...inputs, ...made.state } };
        } catch (error) {
          failures.push(new Error(`${type} ${name} could not be made: ${(error as Error).message}`, { cause: error }));
          throw error;
        }
      },
      call: (question) => {
        const { token } = question;
        const inputs = question.inputs as Record<string, unknown>;
        calls.push({ token, inputs });
        const answer = answers[token];
        if (!answer) throw new Error(`Nobody here answers ${token}`);
        try {
          return answer(inputs);
        } catch (error) {
          // As gRPC hands it over.
          throw Object.assign(error as Error, { details: (error as Error).message });
        }
      },
    },
    'spotlearn',
    stack,
  );
  pulumi.runtime.setAllConfig(configuration, [TOKEN_KEY]);
  const monitor = pulumi.runtime.getMonitor() as unknown as {
    registerResource: (request: Registration, answer: (error: unknown, response: Registered) => void) => Promise<void>;
  };
  const register = monitor.registerResource.bind(monitor);
  monitor.registerResource = (request, answer) =>
    register(request, (error, response) => {
      if (!error) resources.push(recorded(request, response));
      answer(error, response);
    });
  const program = run.program ?? (await import('../../infra/index.ts')).default;
  // A resource that fails takes those that need it along, each with a rejection that nobody waits for; the first is the one to tell.
  process.on('unhandledRejection', unheard);
  try {
    const outputs = await pulumi.runtime.runInPulumiStack(program).catch((error: unknown) => {
      throw failures[0] ?? error;
    });
    const resolved = await settled(pulumi.output(outputs ?? {}), resources, failures);
    return { resources, outputs: resolved as Record<string, unknown>, calls };
  } finally {
    process.off('unhandledRejection', unheard);
  }
}

const unheard = (): void => undefined;

/** Resolves an output when nothing is registered any more. */
async function settled(
  output: pulumi.Output<unknown>,
  resources: readonly unknown[],
  failures: readonly Error[],
): Promise<unknown> {
  let value: unknown;
  let known = false;
  output.apply((resolved) => {
    [value, known] = [resolved, true];
  });
  for (let quiet = 0, seen = -1; quiet < 5 || !known; ) {
    if (failures[0]) throw failures[0];
    await new Promise((resolve) => setImmediate(resolve));
    await pulumi.runtime.disconnect();
    quiet = seen === resources.length ? quiet + 1 : 0;
    seen = resources.length;
  }
  return value;
}

interface Registration {
  getType(): string;
  getName(): string;
  getParent(): string;
  getProvider(): string;
  getProtect(): boolean;
  getRetainondelete(): boolean;
  getCustom(): boolean;
  getDependenciesList(): string[];
  getObject(): { toJavaScript(): Record<string, unknown> } | undefined;
}
interface Registered {
  getUrn(): string;
  getId(): string;
}

function recorded(request: Registration, response: Registered): Recorded {
  const secrets: string[] = [];
  const inputs = plain(request.getObject()?.toJavaScript() ?? {}, '', secrets) as Record<string, unknown>;
  return {
    type: request.getType(),
    name: request.getName(),
    inputs,
    secrets,
    urn: response.getUrn(),
    id: response.getId(),
    parent: request.getParent() || undefined,
    provider: request.getProvider() || undefined,
    protect: request.getProtect(),
    retain: request.getRetainondelete(),
    dependsOn: request.getDependenciesList(),
    custom: request.getCustom(),
  };
}

// Pulumi's wire format (@pulumi/pulumi/runtime/rpc): the key that marks a value as special and the marks of secrets, assets, resources.
const SIGNATURE = '4dabf18193072939515e22adb298388d';
const SECRET = '1b47061264138c4ac30d75fd1eb44270';
const ASSET = 'c44067f5952c0a294b673a41bacd8c17';
const RESOURCE = '5cf8f73096256a8f31e491e813e4eb8e';

function plain(value: unknown, path: string, secrets: string[]): unknown {
  if (Array.isArray(value)) return value.map((one, index) => plain(one, `${path}[${index}]`, secrets));
  if (typeof value !== 'object' || value === null) return value;
  const object = value as Record<string, unknown>;
  switch (object[SIGNATURE]) {
    case SECRET:
      secrets.push(path);
      return plain(object['value'], path, secrets);
    case ASSET:
      return { asset: object['path'] };
    case RESOURCE:
      return { resource: object['urn'] };
    default:
      return Object.fromEntries(
        Object.entries(object).map(([key, one]) => [key, plain(one, path === '' ? key : `${path}.${key}`, secrets)]),
      );
  }
}
