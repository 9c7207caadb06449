// Runs the program as Pulumi's Node language host runs it – Pulumi's own runner in a process of its own, with the arguments and the
// environment of `pulumi up` – against an engine of ours that speaks its gRPC protocol and answers as the mocks do.
import { spawn } from 'node:child_process';
import { createRequire } from 'node:module';
import { resolve } from 'node:path';
import * as grpc from '@grpc/grpc-js';
import { MockMonitor } from '@pulumi/pulumi/runtime/mocks.js';
import * as pulumi from '@pulumi/pulumi';
import { defaultAnswers, madeOf } from '../../local/pulumi/made.ts';
import { ACCOUNT_ID } from './mocks.ts';

// The messages are generated CommonJS without types of their services.
const require = createRequire(import.meta.url);
/* eslint-disable @typescript-eslint/no-explicit-any, @typescript-eslint/no-unsafe-call -- as those messages have no types */
const messages: any = require('@pulumi/pulumi/proto/resource_pb.js');
const engineMessages: any = require('@pulumi/pulumi/proto/engine_pb.js');
const { ResourceMonitorService }: any = require('@pulumi/pulumi/proto/resource_grpc_pb.js');
const { EngineService }: any = require('@pulumi/pulumi/proto/engine_grpc_pb.js');
const { Empty }: any = require('google-protobuf/google/protobuf/empty_pb.js');

export interface Ran {
  readonly code: number | null;
  /** `type name` of all that was registered. */
  readonly registered: readonly string[];
  /** What the engine was told to log, by severity. */
  readonly logged: readonly { severity: number; message: string }[];
  readonly said: string;
}

export async function runAsLanguageHost(stack: string, configuration: Record<string, string>): Promise<Ran> {
  const region = configuration['aws:region'] ?? '';
  const answers = defaultAnswers(ACCOUNT_ID, region);
  const registered: string[] = [];
  const logged: Ran['logged'][number][] = [];
  const mocks: pulumi.runtime.Mocks = {
    newResource: ({ type, name, inputs }) => {
      registered.push(`${type} ${name}`);
      const { id, state } = madeOf(type, name, inputs as Record<string, unknown>, {
        accountId: ACCOUNT_ID,
        region,
        stack,
      });
      return { id, state: { ...(inputs as object), ...state } };
    },
    call: ({ token, inputs }) => {
      const answer = answers[token];
      if (!answer) throw new Error(`Nobody answers ${token}`);
      return answer(inputs as Record<string, unknown>);
    },
  };
  await pulumi.runtime.setMocks(mocks, 'spotlearn', stack);
  const monitor: any = new MockMonitor(mocks);
  const server = new grpc.Server();
  type Handler = grpc.handleUnaryCall<any, any>;
  const through =
    (method: string): Handler =>
    (call, answer) =>
      void monitor[method](call.request, (error: any, response: any) =>
        answer(error && { code: grpc.status.UNKNOWN, details: String(error.message) }, response),
      );
  const empty: Handler = (_, answer) => answer(null, new Empty());
  server.addService(ResourceMonitorService, {
    ...Object.fromEntries(
      ['invoke', 'readResource', 'registerResource', 'registerPackage', 'getDeploymentInfo'].map((name) => [
        name,
        through(name),
      ]),
    ),
    supportsFeature: (call: any, answer: any) => {
      const response = new messages.SupportsFeatureResponse();
      response.setHassupport(call.request.getId() !== 'outputValues');
      answer(null, response);
    },
    registerResourceOutputs: empty,
    signalAndWaitForShutdown: empty,
    registerStackTransform: empty,
    registerStackInvokeTransform: empty,
  });
  let root = '';
  server.addService(EngineService, {
    log: (call: any, answer: any) => {
      logged.push({ severity: call.request.getSeverity(), message: call.request.getMessage() });
      answer(null, new Empty());
    },
    getRootResource: (_: unknown, answer: any) => {
      const response = new engineMessages.GetRootResourceResponse();
      response.setUrn(root);
      answer(null, response);
    },
    setRootResource: (call: any, answer: any) => {
      root = call.request.getUrn();
      answer(null, new engineMessages.SetRootResourceResponse());
    },
    requirePulumiVersion: (_: unknown, answer: any) => {
      answer(null, new engineMessages.RequirePulumiVersionResponse());
    },
  });
  const port = await new Promise<number>((done, fail) =>
    server.bindAsync('127.0.0.1:0', grpc.ServerCredentials.createInsecure(), (error, bound) =>
      error ? fail(error) : done(bound),
    ),
  );
  const address = `127.0.0.1:${port}`;
  const folder = resolve('infra');
  try {
    const child = spawn(
      process.execPath,
      [
        resolve('node_modules/@pulumi/pulumi/cmd/run/index.js'),
        ...['--monitor', address, '--engine', address, '--project', 'spotlearn', '--stack', stack],
        // Pulumi's engine runs a program from within its folder.
        ...['--root-directory', resolve('.'), '--pwd', folder, '--parallel', '16', '--dry-run', 'false'],
        'index.ts',
      ],
      {
        cwd: folder,
        env: {
          PATH: process.env['PATH'],
          NODE_V8_COVERAGE: process.env['NODE_V8_COVERAGE'],
          PULUMI_NODEJS_TYPESCRIPT: 'false',
          PULUMI_CONFIG: JSON.stringify(configuration),
          PULUMI_CONFIG_SECRET_KEYS: JSON.stringify(['spotlearn:telegramToken']),
        },
        stdio: ['ignore', 'pipe', 'pipe'],
      },
    );
    let said = '';
    for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk: Buffer) => (said += String(chunk)));
    const code = await new Promise<number | null>((done) => child.once('close', done));
    return { code, registered, logged, said };
  } finally {
    server.forceShutdown();
  }
}
