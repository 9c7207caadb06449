// Lambda as the operator uses it: a synchronous invocation with the tail of its log, whose REPORT line says what it cost, or one that
// Lambda puts into its own queue.
import type { Clients } from './clients.ts';
import { calling, type CloudError, LambdaError } from './errors.ts';

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
   * Throws LambdaError: kind `throttled` (FunctionThrottled, with Lambda's reason); `unreachable` (no answer came: it may still run);
   * kind `invalid` for an event above 6 MB; FunctionFailure when the function itself failed.
   */
  invoke(functionName: string, event: object, signal?: AbortSignal): Promise<Invocation>;
  /**
   * Puts the event (at most 1 MB) into Lambda's queue, which invokes once, twice or never, in its own time; the request id. Throws as
   * `invoke`, but never for what the function does.
   */
  invokeLater(functionName: string, event: object, signal?: AbortSignal): Promise<string>;
  /** Throws when there is no such function. */
  check(functionName: string): Promise<void>;
}

/** Ran out of time, out of memory, or failed otherwise. */
export type FunctionTrouble = 'FunctionTimedOut' | 'FunctionOutOfMemory' | 'FunctionError';

/** A function that failed was still billed. */
export class FunctionFailure extends LambdaError {
  readonly trouble: FunctionTrouble;
  readonly report: Report | undefined;
  constructor(message: string, trouble: FunctionTrouble, requestId: string, report: Report | undefined) {
    super(message, { service: 'lambda', errorCode: trouble, requestId, retryable: true, kind: 'server' });
    this.trouble = trouble;
    this.report = report;
  }
}

/** Nothing was begun. `reason` is Lambda's: which limit, e.g. `ReservedFunctionConcurrentInvocationLimitExceeded`. */
export class FunctionThrottled extends LambdaError {
  readonly reason: string | undefined;
  constructor(cause: CloudError, reason: string | undefined) {
    super(reason === undefined ? cause.message : `${cause.message} [${reason}]`, cause, { cause });
    this.reason = reason;
  }
}

export function functionsOf(clients: Clients): Functions {
  const sdk = () => import('@aws-sdk/client-lambda');
  return {
    invoke: async (functionName, event, signal) => {
      const [lambda, { InvokeCommand }] = await Promise.all([clients.lambda(), sdk()]);
      const output = await invoking(() =>
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
      const log = output.LogResult ? Buffer.from(output.LogResult, 'base64').toString('utf8') : '';
      const report = readReport(log);
      const text = output.Payload?.transformToString() ?? '';
      if (output.FunctionError) throw functionFailure(text, log, requestId, report);
      return { requestId, report, answer: text === '' ? null : (JSON.parse(text) as unknown) };
    },
    invokeLater: async (functionName, event, signal) => {
      const [lambda, { InvokeCommand }] = await Promise.all([clients.lambda(), sdk()]);
      const output = await invoking(() =>
        lambda.send(
          new InvokeCommand({
            FunctionName: functionName,
            InvocationType: 'Event',
            Payload: Buffer.from(JSON.stringify(event)),
          }),
          { abortSignal: signal },
        ),
      );
      return output.$metadata.requestId ?? '';
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

async function invoking<T>(call: () => Promise<T>): Promise<T> {
  try {
    return await calling('lambda', call);
  } catch (error) {
    const failure = error as CloudError;
    if (failure.kind !== 'throttled') throw failure;
    const { Reason } = (failure.cause ?? {}) as { Reason?: unknown };
    throw new FunctionThrottled(failure, typeof Reason === 'string' ? Reason : undefined);
  }
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

const TROUBLES: Readonly<Record<FunctionTrouble, string>> = {
  FunctionTimedOut: 'ran out of time',
  FunctionOutOfMemory: 'ran out of memory',
  FunctionError: 'failed',
};

function functionFailure(payload: string, log: string, requestId: string, report: Report | undefined): FunctionFailure {
  const { errorMessage: said = payload, errorType = '' } = errorOf(payload);
  const trouble = troubleOf(said, errorType, log);
  const message = said.replace(/https?:\/\/\S+/g, '<address>').slice(0, 500);
  return new FunctionFailure(
    `The prediction function ${TROUBLES[trouble]}: ${message} (request ${requestId})`,
    trouble,
    requestId,
    report,
  );
}

function errorOf(payload: string): { errorMessage?: string; errorType?: string } {
  try {
    return (JSON.parse(payload) ?? {}) as { errorMessage?: string; errorType?: string };
  } catch {
    // Not JSON: shown as it is.
    return {};
  }
}

/**
 * In Lambda's words: `Task timed out after 3.00 seconds`; `Runtime exited with error: signal: killed` with the type Runtime.ExitError,
 * and Runtime.OutOfMemory in the REPORT line, when the sandbox's memory was used up; `signal: aborted` when V8 gave up on its heap.
 */
function troubleOf(said: string, type: string, log: string): FunctionTrouble {
  if (/timed out after/i.test(said)) return 'FunctionTimedOut';
  const all = `${type} ${said} ${log}`;
  return /Runtime\.OutOfMemory|signal: killed|heap out of memory/.test(all) ? 'FunctionOutOfMemory' : 'FunctionError';
}
