import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  CreateAliasCommand,
  CreateFunctionCommand,
  DeleteAliasCommand,
  DeleteFunctionConcurrencyCommand,
  GetAliasCommand,
  GetFunctionConcurrencyCommand,
  GetFunctionConfigurationCommand,
  ListAliasesCommand,
  ListVersionsByFunctionCommand,
  UpdateAliasCommand,
  DeleteFunctionCommand,
  GetFunctionCommand,
  InvokeCommand,
  LambdaClient,
  ListFunctionsCommand,
  PublishVersionCommand,
  PutFunctionConcurrencyCommand,
  UpdateFunctionCodeCommand,
  UpdateFunctionConfigurationCommand,
  type CreateFunctionCommandInput,
  type InvokeCommandInput,
} from '@aws-sdk/client-lambda';
import { expect } from 'chai';
import { strToU8, zipSync } from 'fflate';
import { systemClock } from '../../../../cloud/clock.ts';
import { lambdaService, type LambdaOptions, type LambdaService } from '../../../../local/aws/lambda/service.ts';
import { startAws, type Aws } from '../../../../local/aws/server.ts';
import { eventually, failure, ROOT } from '../ec2/cloud.ts';

const ROLE = 'arn:aws:iam::000000000000:role/handler';
const zip = (files: Record<string, string>) =>
  zipSync(Object.fromEntries(Object.entries(files).map(([name, text]) => [name, strToU8(text)])));

describe('Lambda', () => {
  let stateDir: string;
  let aws: Aws;
  let service: LambdaService;
  let client: LambdaClient;
  let written: { group: string; stream: string; text: string }[];

  const start = async (options: LambdaOptions = {}) => {
    aws = await startAws({
      stateDir,
      region: 'us-east-1',
      accountId: '000000000000',
      roles: [{ name: 'handler', policies: [] }],
      rootCredentials: ROOT,
      clock: systemClock({ unref: true }),
      services: (context) => {
        const logs = {
          write: (group: string, stream: string, lines: readonly { message: string }[]) =>
            void written.push({ group, stream, text: lines.map((line) => line.message).join('') }),
        };
        service = lambdaService(context, { logs, retryDelaysMs: [5, 5], ...options });
        return [service];
      },
    });
    client = new LambdaClient({ endpoint: aws.url, region: 'us-east-1', credentials: ROOT, maxAttempts: 1 });
  };
  const stop = async () => {
    client.destroy();
    await aws.close();
  };
  beforeEach(async () => {
    written = [];
    stateDir = await mkdtemp(join(tmpdir(), 'spotlearn-lambda-'));
    await start();
  });
  afterEach(async () => {
    await stop();
    await rm(stateDir, { recursive: true, force: true, maxRetries: 3 });
  });

  const create = (code: string, more: Partial<CreateFunctionCommandInput> = {}, file = 'index.mjs') =>
    client.send(
      new CreateFunctionCommand({
        FunctionName: 'f',
        Runtime: 'nodejs24.x',
        Role: ROLE,
        Handler: 'index.handler',
        Code: { ZipFile: zip({ [file]: code }) },
        ...more,
      }),
    );
  const invoke = async (payload: unknown = {}, more: Partial<InvokeCommandInput> = {}) => {
    const answer = await client.send(
      new InvokeCommand({ FunctionName: 'f', Payload: JSON.stringify(payload), LogType: 'Tail', ...more }),
    );
    return {
      answer,
      error: answer.FunctionError,
      result: JSON.parse(Buffer.from(answer.Payload ?? []).toString() || 'null') as never,
      log: Buffer.from(answer.LogResult ?? '', 'base64').toString(),
    };
  };

  it('runs an ES module handler and answers its result with the log, the report to the letter', async () => {
    await create(
      'export const handler = async (event) => { console.log("got", event.n, "\\nline"); return event.n + 1; };',
    );
    const { answer, result, log } = await invoke({ n: 41 });
    expect(result).to.equal(42);
    expect(answer.ExecutedVersion).to.equal('$LATEST');
    const id = answer.$metadata.requestId;
    const lines = log.trimEnd().split('\n');
    expect(lines[0]).to.equal(`START RequestId: ${id} Version: $LATEST`);
    expect(lines[1]).to.match(new RegExp(`^\\d{4}-\\d\\d-\\d\\dT[\\d:.]+Z\\t${id}\\tINFO\\tgot 41 \\rline$`));
    expect(lines[2]).to.equal(`END RequestId: ${id}`);
    expect(lines[3]).to.match(
      new RegExp(
        `^REPORT RequestId: ${id}\\tDuration: \\d+\\.\\d\\d ms\\tBilled Duration: \\d+ ms\\tMemory Size: 128 MB\\tMax Memory Used: \\d+ MB\\tInit Duration: \\d+\\.\\d\\d ms\\t?$`,
      ),
    );
    expect(written[0]?.group).to.equal('/aws/lambda/f');
    expect(written[0]?.stream).to.match(/^\d{4}\/\d\d\/\d\d\/\[\$LATEST\][0-9a-f]{32}$/);
    expect(written[0]?.text).to.equal(log);
  });

  it('keeps a warm environment: state survives, and only the first report has an init duration', async () => {
    await create('let n = 0; exports.handler = async () => ++n;', {}, 'index.js');
    const cold = await invoke();
    const warm = await invoke();
    expect([cold.result, warm.result]).to.deep.equal([1, 2]);
    expect(cold.log).to.contain('Init Duration');
    expect(warm.log).not.to.contain('Init Duration');
    expect(service.environments).to.equal(1);
  });

  it('ends an idle environment, so that nothing of it stays in memory', async () => {
    await stop();
    await start({ idleMs: 20 });
    await create('export const handler = async () => process.pid;');
    const { result } = await invoke();
    await eventually(() => service.environments === 0);
    await eventually(() => !alive(result));
  });

  it('supports callback handlers where the runtime still does, and refuses them where it does not', async () => {
    const code =
      'exports.handler = (event, context, callback) => setTimeout(() => callback(null, context.functionName), 5);';
    await create(code, { Runtime: 'nodejs22.x' }, 'index.js');
    expect((await invoke()).result).to.equal('f');
    await client.send(new UpdateFunctionConfigurationCommand({ FunctionName: 'f', Runtime: 'nodejs24.x' }));
    const { error, result } = await invoke();
    expect(error).to.equal('Unhandled');
    expect(result).to.have.property('errorType', 'Runtime.CallbackHandlerDeprecated');
  });

  it('gives the function its role’s credentials, its settings and nothing of our environment', async () => {
    process.env['SPOTLEARN_TEST_SECRET'] = 'must not leak';
    await create('export const handler = async () => process.env;', {
      Environment: { Variables: { MODE: 'x' } },
      MemorySize: 256,
    });
    const { result } = await invoke();
    delete process.env['SPOTLEARN_TEST_SECRET'];
    expect(result).to.include({
      MODE: 'x',
      AWS_LAMBDA_FUNCTION_MEMORY_SIZE: '256',
      AWS_LAMBDA_FUNCTION_NAME: 'f',
      AWS_REGION: 'us-east-1',
      AWS_ENDPOINT_URL: aws.url,
      _HANDLER: 'index.handler',
    });
    expect(result).to.have.property('AWS_SESSION_TOKEN');
    expect(result).not.to.have.property('SPOTLEARN_TEST_SECRET');
  });

  for (const [what, code, expected] of [
    [
      'a thrown error',
      'export const handler = async () => { throw new TypeError("boom"); };',
      { errorType: 'TypeError', errorMessage: 'boom' },
    ],
    [
      'a rejected string',
      'export const handler = async () => Promise.reject("no");',
      { errorType: 'string', errorMessage: 'no' },
    ],
    [
      'a module that throws',
      'throw new RangeError("at load"); export const handler = 1;',
      { errorType: 'RangeError', errorMessage: 'at load' },
    ],
    ['a syntax error', 'export const handler = (;', { errorType: 'Runtime.UserCodeSyntaxError' }],
    [
      'a missing dependency',
      'import "left-pad"; export const handler = async () => 1;',
      { errorType: 'Runtime.ImportModuleError' },
    ],
    [
      'a handler that is not there',
      'export const other = 1;',
      { errorType: 'Runtime.HandlerNotFound', errorMessage: 'index.handler is undefined or not exported' },
    ],
    [
      'an answer over 6 MB',
      'export const handler = async () => "x".repeat(7e6);',
      { errorType: 'Function.ResponseSizeTooLarge' },
    ],
  ] as [string, string, object][])
    it(`answers 200 with a function error for ${what}`, async () => {
      await create(code);
      const { answer, error, result } = await invoke();
      expect(answer.StatusCode).to.equal(200);
      expect(error).to.equal('Unhandled');
      expect(result).to.include(expected);
    });

  it('names the error of a process that exits in mid-call, and starts a new one for the next', async () => {
    await create('export const handler = async (event) => event.die ? process.exit(7) : "alive";');
    const died = await invoke({ die: true });
    expect(died.result).to.deep.equal({
      errorType: 'Runtime.ExitError',
      errorMessage: `RequestId: ${died.answer.$metadata.requestId} Error: Runtime exited with error: exit status 7`,
    });
    expect((await invoke()).result).to.equal('alive');
  });

  it('stops a function that takes too long and says so in the log', async () => {
    await create('export const handler = async () => new Promise((resolve) => setTimeout(resolve, 60000));', {
      Timeout: 1,
    });
    const { error, result, log, answer } = await invoke();
    const id = answer.$metadata.requestId;
    expect(error).to.equal('Unhandled');
    expect(result).to.deep.equal({
      errorType: 'Sandbox.Timedout',
      errorMessage: `RequestId: ${id} Error: Task timed out after 1.00 seconds`,
    });
    expect(log).to.match(new RegExp(`Z ${id} Task timed out after 1.00 seconds\\n`));
    expect(log).to.match(/Duration: 10\d\d\.\d\d ms\t.*\tStatus: timeout/);
  });

  it('kills a function that takes more memory than it has', async () => {
    await create(
      'export const handler = async () => { const a = []; for (;;) { a.push(Buffer.alloc(8e6, 1)); await new Promise((r) => setTimeout(r, 1)); } };',
      { Timeout: 20 },
    );
    const { result, log } = await invoke();
    expect(result).to.have.property('errorType', 'Runtime.ExitError');
    expect((result as { errorMessage: string }).errorMessage).to.contain('Runtime exited with error: signal: killed');
    expect(log).to.match(/Max Memory Used: 128 MB\t.*Status: error\tError Type: Runtime.ExitError/);
  });

  it('refuses what is too much: a payload over 6 MB, a zip over 50 MB, something that is no zip', async () => {
    await create('export const handler = async (e) => e.length;');
    expect(await failure(invoke('x'.repeat(6_291_457)))).to.equal('RequestTooLargeException');
    expect((await invoke('x'.repeat(6_000_000))).result).to.equal(6_000_000);
    const update = (bytes: Uint8Array) =>
      client.send(new UpdateFunctionCodeCommand({ FunctionName: 'f', ZipFile: bytes }));
    expect(await failure(update(new Uint8Array(51 * 1024 * 1024)))).to.equal('RequestEntityTooLargeException');
    expect(await failure(update(strToU8('not a zip')))).to.equal('InvalidParameterValueException');
  });

  it('throttles by reserved concurrency and by the account’s', async () => {
    await stop();
    await start({ concurrency: 2 });
    await create('export const handler = async () => new Promise((resolve) => setTimeout(resolve, 300));');
    const results = await Promise.all(
      [1, 2, 3].map(() =>
        invoke().then(
          () => 'ran',
          (error: { name: string; Reason?: string }) => `${error.name} ${error.Reason}`,
        ),
      ),
    );
    expect(results.sort()).to.deep.equal(['TooManyRequestsException ConcurrentInvocationLimitExceeded', 'ran', 'ran']);
    await client.send(new PutFunctionConcurrencyCommand({ FunctionName: 'f', ReservedConcurrentExecutions: 0 }));
    const refused = await invoke().catch((error: unknown) => error);
    expect(refused).to.include({
      name: 'TooManyRequestsException',
      Reason: 'ReservedFunctionConcurrentInvocationLimitExceeded',
    });
    expect((refused as { $metadata: { httpStatusCode: number } }).$metadata.httpStatusCode).to.equal(429);
  });

  it('queues events: answers 202 and tries a failing one three times', async () => {
    await create('export const handler = async (e) => { console.log("try", e.n); throw new Error("no"); };');
    const { answer } = await invoke({ n: 5 }, { InvocationType: 'Event', LogType: 'None' });
    expect(answer.StatusCode).to.equal(202);
    await eventually(() => written.filter((each) => each.text.includes('try 5')).length === 3);
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect(written.filter((each) => each.text.includes('try 5'))).to.have.length(3);
  });

  it('delivers an event twice when told to, as the real queue may', async () => {
    await stop();
    await start({ duplicateEvents: true });
    await create('export const handler = async (e) => console.log("once?", e.n);');
    await invoke({ n: 1 }, { InvocationType: 'Event', LogType: 'None' });
    await eventually(() => written.filter((each) => each.text.includes('once? 1')).length === 2);
  });

  it('publishes versions that keep their code, and aliases that move', async () => {
    await create('export const handler = async () => "one";', { Publish: true });
    await client.send(
      new UpdateFunctionCodeCommand({
        FunctionName: 'f',
        ZipFile: zip({ 'index.mjs': 'export const handler = async () => "two";' }),
      }),
    );
    const second = await client.send(new PublishVersionCommand({ FunctionName: 'f' }));
    expect(second.Version).to.equal('2');
    expect((await client.send(new PublishVersionCommand({ FunctionName: 'f' }))).Version).to.equal('2');
    await client.send(new CreateAliasCommand({ FunctionName: 'f', Name: 'live', FunctionVersion: '1' }));
    const live = await invoke({}, { Qualifier: 'live' });
    expect([live.result, live.answer.ExecutedVersion]).to.deep.equal(['one', '1']);
    expect((await invoke()).result).to.equal('two');
  });

  it('lists versions and aliases, moves and removes them', async () => {
    await create('export const handler = async () => 1;', { Publish: true, Tags: { app: 'spotlearn' } });
    const alias = { FunctionName: 'f', Name: 'live' };
    await client.send(new CreateAliasCommand({ ...alias, FunctionVersion: '1' }));
    expect(await failure(client.send(new CreateAliasCommand({ ...alias, FunctionVersion: '1' })))).to.equal(
      'ResourceConflictException',
    );
    expect(await failure(client.send(new UpdateAliasCommand({ ...alias, FunctionVersion: '9' })))).to.equal(
      'ResourceNotFoundException',
    );
    await client.send(new UpdateAliasCommand({ ...alias, FunctionVersion: '$LATEST', Description: 'newest' }));
    expect(await client.send(new GetAliasCommand(alias))).to.include({
      FunctionVersion: '$LATEST',
      Description: 'newest',
    });
    expect((await client.send(new ListAliasesCommand({ FunctionName: 'f' }))).Aliases).to.have.length(1);
    expect(
      (await client.send(new ListVersionsByFunctionCommand({ FunctionName: 'f' }))).Versions?.map(
        (each) => each.Version,
      ),
    ).to.deep.equal(['$LATEST', '1']);
    expect((await client.send(new GetFunctionCommand({ FunctionName: 'f' }))).Tags).to.deep.equal({ app: 'spotlearn' });
    await client.send(new DeleteAliasCommand(alias));
    expect(await failure(client.send(new GetAliasCommand(alias)))).to.equal('ResourceNotFoundException');
    await client.send(new DeleteFunctionCommand({ FunctionName: 'f', Qualifier: '1' }));
    expect(await failure(invoke({}, { Qualifier: '1' }))).to.equal('ResourceNotFoundException');
  });

  it('sets, tells and lifts reserved concurrency', async () => {
    await create('export const handler = async () => 1;');
    await client.send(new PutFunctionConcurrencyCommand({ FunctionName: 'f', ReservedConcurrentExecutions: 3 }));
    expect(
      (await client.send(new GetFunctionConcurrencyCommand({ FunctionName: 'f' }))).ReservedConcurrentExecutions,
    ).to.equal(3);
    await client.send(new DeleteFunctionConcurrencyCommand({ FunctionName: 'f' }));
    expect(
      (await client.send(new GetFunctionConcurrencyCommand({ FunctionName: 'f' }))).ReservedConcurrentExecutions,
    ).to.equal(undefined);
  });

  for (const [what, more] of [
    ['an unknown runtime', { Runtime: 'nodejs12.x' }],
    ['too little memory', { MemorySize: 64 }],
    ['too long a time-out', { Timeout: 901 }],
    ['a role that is none', { Role: 'admin' }],
    ['a reserved variable', { Environment: { Variables: { AWS_REGION: 'x' } } }],
    ['variables over 4 KB', { Environment: { Variables: { A: 'x'.repeat(5000) } } }],
    ['no code', { Code: {} }],
    ['a bad name', { FunctionName: 'a b' }],
  ] as [string, Partial<CreateFunctionCommandInput>][])
    it(`refuses a function with ${what}`, async () => {
      expect(await failure(create('export const handler = 1;', more))).to.match(
        /^(InvalidParameterValue|Validation)Exception$/,
      );
    });

  it('refuses a second function of a name, an outdated revision and a payload that is no JSON', async () => {
    const made = await create('export const handler = async () => 1;');
    expect(await failure(create('export const handler = 1;'))).to.equal('ResourceConflictException');
    const update = () =>
      client.send(
        new UpdateFunctionConfigurationCommand({ FunctionName: 'f', Timeout: 5, RevisionId: made.RevisionId }),
      );
    await update();
    expect(await failure(update())).to.equal('PreconditionFailedException');
    expect(await failure(client.send(new InvokeCommand({ FunctionName: 'f', Payload: '{' })))).to.equal(
      'InvalidRequestContentException',
    );
    const dry = await client.send(new InvokeCommand({ FunctionName: 'f', InvocationType: 'DryRun' }));
    expect(dry.StatusCode).to.equal(204);
    expect((await client.send(new GetFunctionConfigurationCommand({ FunctionName: 'f' }))).Timeout).to.equal(5);
  });

  it('keeps functions over a restart and forgets deleted ones', async () => {
    await create('export const handler = async () => "still here";');
    await stop();
    await start();
    expect((await invoke()).result).to.equal('still here');
    const found = await client.send(
      new GetFunctionCommand({ FunctionName: `arn:aws:lambda:us-east-1:000000000000:function:f` }),
    );
    expect(found.Configuration).to.include({ State: 'Active', Handler: 'index.handler', Timeout: 3, MemorySize: 128 });
    expect((await client.send(new ListFunctionsCommand({}))).Functions).to.have.length(1);
    await client.send(new DeleteFunctionCommand({ FunctionName: 'f' }));
    expect(await failure(invoke())).to.equal('ResourceNotFoundException');
  });

  it('needs the permission to invoke', async () => {
    await create('export const handler = async () => 1;');
    const stranger = new LambdaClient({
      endpoint: aws.url,
      region: 'us-east-1',
      credentials: aws.iam.issueSession('handler', 'x', 900),
    });
    expect(await failure(stranger.send(new InvokeCommand({ FunctionName: 'f' })))).to.equal('AccessDeniedException');
    stranger.destroy();
  });
});

function alive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}
