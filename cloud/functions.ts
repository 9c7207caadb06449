// Lambda as the operator uses it: one synchronous invocation with the tail of its log, whose REPORT line says what it cost.
import type { Clients } from './clients.ts';
import { calling, LambdaError } from './errors.ts';

export interface Report {
  readonly billedMs: number;
  readonly memoryMib: number;
  readonly usedMib: number | undefined;
}

export interface Invocation {
  readonly requestId: string;
  /** The handler's answer, parsed. */
  readonly answer: unknown;
  /** Undefined when the log tail has no REPORT line. */
  readonly report: Report | undefined;
}

export interface Functions {
  /**
   * Throws LambdaError: kind `throttled`; `unreachable` (no answer came: it may still run); errorCode `FunctionTimedOut` or
   * `FunctionError` (kind `server`) with `report` and `requestId` when the function itself failed.
   */
  invoke(functionName: string, event: object, signal?: AbortSignal): Promise<Invocation>;
  /** Throws when there is no such function. */
  check(functionName: string): Promise<void>;
}

/** A function that failed was still billed. */
export class FunctionFailure extends LambdaError {
  readonly report: Report | undefined;
  constructor(
    message: string,
    errorCode: 'FunctionTimedOut' | 'FunctionError',
    requestId: string,
    report: Report | undefined,
  ) {
    super(message, { service: 'lambda', errorCode, requestId, retryable: true, kind: 'server' });
    this.report = report;
  }
}

export function functionsOf(clients: Clients): Functions {
  const sdk = () => import('@aws-sdk/client-lambda');
  return {
    invoke: async (functionName, event, signal) => {
      const [lambda, { InvokeCommand }] = await Promise.all([clients.lambda(), sdk()]);
      const output = await calling('lambda', () =>
        lambda.send(
          new InvokeCommand({
            FunctionName: functionName,
            InvocationType: 'RequestResponse',
            LogType: 'Tail',
            Payload: Buffer.from(JSON.stringify(event)),
          }),
          { abortSignal: signal },
        ),
      );
      const requestId = output.$metadata.requestId ?? '';
      const report = readReport(output.LogResult ? Buffer.from(output.LogResult, 'base64').toString('utf8') : '');
      const text = output.Payload?.transformToString() ?? '';
      if (output.FunctionError) throw functionFailure(text, requestId, report);
      return { requestId, report, answer: text === '' ? null : (JSON.parse(text) as unknown) };
    },
    check: async (functionName) => {
      const [lambda, { GetFunctionConfigurationCommand }] = await Promise.all([clients.lambda(), sdk()]);
      const [name, qualifier] = functionName.split(':');
      await calling('lambda', () =>
        lambda.send(new GetFunctionConfigurationCommand({ FunctionName: name, Qualifier: qualifier })),
      );
    },
  };
}

/** Reads `REPORT RequestId: … Billed Duration: 12 ms Memory Size: 1769 MB Max Memory Used: 99 MB`. */
export function readReport(log: string): Report | undefined {
  const line = log.split('\n').findLast((one) => one.startsWith('REPORT '));
  const billed = /Billed Duration: ([\d.]+) ms/.exec(line ?? '');
  const memory = /Memory Size: (\d+) MB/.exec(line ?? '');
  if (!billed || !memory) return undefined;
  const used = /Max Memory Used: (\d+) MB/.exec(line ?? '');
  return { billedMs: Number(billed[1]), memoryMib: Number(memory[1]), usedMib: used ? Number(used[1]) : undefined };
}

function functionFailure(payload: string, requestId: string, report: Report | undefined): FunctionFailure {
  let said = payload;
  try {
    said = (JSON.parse(payload) as { errorMessage?: string }).errorMessage ?? payload;
  } catch {
    // Not JSON: shown as it is.
  }
  const timedOut = /timed out after/i.test(said);
  const message = said.replace(/https?:\/\/\S+/g, '<address>').slice(0, 500);
  return new FunctionFailure(
    `The prediction function ${timedOut ? 'ran out of time' : 'failed'}: ${message} (request ${requestId})`,
    timedOut ? 'FunctionTimedOut' : 'FunctionError',
    requestId,
    report,
  );
}
