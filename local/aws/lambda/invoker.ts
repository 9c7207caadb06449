// Runs invocations: takes an idle environment or starts one, within the concurrency limits, and writes the log. Synchronous
// calls get the outcome; events go through a durable queue with two retries. Idle environments are ended after a while.
import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import type { Cancel } from '../../../cloud/clock.ts';
import { Journal } from '../ec2/journal.ts';
import { AwsServiceError, type ServiceContext } from '../service.ts';
import { ExecutionEnvironment, scratchFolder, type Outcome } from './environment.ts';
import type { Functions, FunctionVersion } from './functions.ts';
import { endLine, reportLine, startLine } from './report.ts';

/** Sessions given to environments; an environment older than half of it is not used again. */
const SESSION_SECONDS = 3 * 3600;
/** The end of the log that an invocation may ask for. */
const LOG_TAIL_BYTES = 4096;

export interface LogSink {
  /** Appends lines to `/aws/lambda/<function>`; creates group and stream as needed. */
  write(
    group: string,
    stream: string,
    lines: readonly { readonly timestamp: number; readonly message: string }[],
  ): void;
}

export interface InvokerOptions {
  readonly context: ServiceContext;
  readonly functions: Functions;
  readonly folder: string;
  readonly concurrency: number;
  readonly idleMs: number;
  readonly retryDelaysMs: readonly number[];
  readonly duplicateEvents: boolean;
  readonly logs: LogSink | undefined;
}

export interface InvocationResult extends Outcome {
  readonly logTail: Buffer;
  readonly version: FunctionVersion;
}

interface QueuedEvent {
  readonly name: string;
  readonly qualifier: string | undefined;
  readonly requestId: string;
  readonly payload: string;
  readonly arn: string;
  attempts: number;
  notBefore: number;
}

interface Slot {
  readonly environment: ExecutionEnvironment;
  readonly version: FunctionVersion;
  readonly createdAt: number;
  readonly lines: { sink: string[] };
  reap?: Cancel;
}

export class Invoker {
  readonly #options: InvokerOptions;
  readonly #idle = new Map<string, Slot[]>();
  readonly #busy = new Map<string, number>();
  readonly #live = new Set<ExecutionEnvironment>();
  readonly #queue: Journal<QueuedEvent>;
  #running = 0;
  #closed = false;

  constructor(options: InvokerOptions) {
    this.#options = options;
    this.#queue = new Journal(join(options.folder, 'events.jsonl'));
    for (const [key, event] of this.#queue.entries()) this.#schedule(key, event);
  }

  get environments(): number {
    return this.#live.size;
  }

  /** Pids of the live children. */
  get pids(): number[] {
    return [...this.#live].flatMap((each) => each.pid ?? []);
  }

  /** Throws TooManyRequestsException when no concurrency is left. */
  async invoke(version: FunctionVersion, payload: Buffer, requestId: string, arn: string): Promise<InvocationResult> {
    const { name } = version;
    this.#admit(name);
    this.#running += 1;
    this.#busy.set(name, (this.#busy.get(name) ?? 0) + 1);
    try {
      return await this.#run(version, payload, requestId, arn);
    } finally {
      this.#running -= 1;
      this.#busy.set(name, (this.#busy.get(name) ?? 1) - 1);
    }
  }

  #admit(name: string): void {
    const functions = this.#options.functions.all();
    const reserved = functions.find((each) => each.name === name)?.reservedConcurrency;
    const busy = this.#busy.get(name) ?? 0;
    if (reserved !== undefined) {
      if (busy >= reserved) throw throttled('ReservedFunctionConcurrentInvocationLimitExceeded');
      return;
    }
    // What others have reserved is theirs, used or not.
    const others = functions.filter((each) => each.reservedConcurrency !== undefined);
    const kept = others.reduce((sum, each) => sum + (each.reservedConcurrency ?? 0), 0);
    const used = others.reduce((sum, each) => sum - (this.#busy.get(each.name) ?? 0), this.#running);
    if (used >= this.#options.concurrency - kept) throw throttled('ConcurrentInvocationLimitExceeded');
  }

  async #run(version: FunctionVersion, payload: Buffer, requestId: string, arn: string): Promise<InvocationResult> {
    const slot = this.#takeIdle(version) ?? this.#create(version);
    const lines: string[] = [];
    slot.lines.sink = lines;
    const failure = await slot.environment.start();
    const { initMs } = slot.environment;
    slot.environment.initMs = undefined;
    lines.unshift(startLine(requestId, version.version));
    const started = performance.now();
    const outcome = failure ?? (await slot.environment.invoke({ requestId, payload, functionArn: arn }));
    const elapsed = performance.now() - started;
    const durationMs = outcome.status === 'timeout' ? Math.max(elapsed, version.timeoutSeconds * 1000) : elapsed;
    const report = reportLine({
      requestId,
      version: version.version,
      durationMs,
      initMs,
      memoryMb: version.memoryMb,
      maxMemoryMb: Math.min(version.memoryMb, slot.environment.maxMemoryMb),
      status: outcome.status,
      errorType: outcome.errorType,
    });
    lines.push(endLine(requestId), report);
    if (outcome.errorType === 'Runtime.ExitError') lines.push(exitNote(outcome.payload));
    this.#release(slot);
    this.#log(version, slot.environment.logStream, lines);
    const text = Buffer.from(`${lines.join('\n')}\n`);
    return { ...outcome, version, logTail: text.subarray(Math.max(0, text.length - LOG_TAIL_BYTES)) };
  }

  #create(version: FunctionVersion): Slot {
    const { context, functions, folder } = this.#options;
    const roleName = version.role.split('/').at(-1) ?? '';
    const lines: Slot['lines'] = { sink: [] };
    const environment = new ExecutionEnvironment({
      clock: context.clock,
      version,
      taskRoot: functions.taskRoot(version.codeSha256),
      scratch: scratchFolder(folder),
      region: context.region,
      endpoint: context.endpoint(),
      logGroup: `/aws/lambda/${version.name}`,
      credentials: context.iam.issueSession(roleName, version.name, SESSION_SECONDS),
      output: (line) => lines.sink.push(line),
    });
    this.#live.add(environment);
    return { environment, version, createdAt: context.clock.now(), lines };
  }

  #takeIdle(version: FunctionVersion): Slot | undefined {
    const idle = this.#idle.get(version.arn) ?? [];
    const youngest = this.#options.context.clock.now() - (SESSION_SECONDS * 1000) / 2;
    for (let slot = idle.pop(); slot; slot = idle.pop()) {
      slot.reap?.();
      // Code or configuration changed meanwhile, or its credentials grow old.
      if (slot.environment.alive && slot.version.revisionId === version.revisionId && slot.createdAt > youngest)
        return slot;
      this.#discard(slot);
    }
    return undefined;
  }

  #release(slot: Slot): void {
    if (!slot.environment.alive || this.#closed) return this.#discard(slot);
    const key = slot.version.arn;
    this.#idle.set(key, [...(this.#idle.get(key) ?? []), slot]);
    slot.reap = this.#options.context.clock.after(this.#options.idleMs, () => {
      this.#idle.set(
        key,
        (this.#idle.get(key) ?? []).filter((each) => each !== slot),
      );
      this.#discard(slot);
    });
  }

  #discard(slot: Slot): void {
    slot.environment.end();
    this.#live.delete(slot.environment);
  }

  #log(version: FunctionVersion, stream: string, lines: readonly string[]): void {
    const timestamp = this.#options.context.clock.now();
    // As Lambda writes them: every message ends its own line.
    const messages = lines.map((line) => ({ timestamp, message: `${line}\n` }));
    try {
      this.#options.logs?.write(`/aws/lambda/${version.name}`, stream, messages);
    } catch (error) {
      this.#options.context.logger.warn({ function: version.name, err: error }, 'function log not written');
    }
  }

  /** Accepts an event for later: at least once, two retries, then dropped with a log line. */
  enqueue(name: string, qualifier: string | undefined, payload: Buffer, requestId: string, arn: string): void {
    const event: QueuedEvent = {
      name,
      qualifier,
      requestId,
      payload: payload.toString('base64'),
      arn,
      attempts: 0,
      notBefore: this.#options.context.clock.now(),
    };
    const copies = this.#options.duplicateEvents ? 2 : 1;
    for (let copy = 0; copy < copies; copy += 1) {
      const key = randomUUID();
      this.#queue.set(key, event);
      this.#schedule(key, { ...event });
    }
  }

  #schedule(key: string, event: QueuedEvent): void {
    const { clock } = this.#options.context;
    clock.after(event.notBefore - clock.now(), () => void this.#deliver(key, event));
  }

  async #deliver(key: string, event: QueuedEvent): Promise<void> {
    if (this.#closed) return;
    const { clock, logger } = this.#options.context;
    let failed: boolean;
    try {
      const version = this.#options.functions.version(event.name, event.qualifier, event.arn);
      const result = await this.invoke(version, Buffer.from(event.payload, 'base64'), event.requestId, event.arn);
      failed = result.functionError !== undefined;
    } catch (error) {
      if (error instanceof AwsServiceError && error.status === 429) {
        // Throttles are not the function's fault: tried again, for hours if need be.
        return this.#again(key, { ...event, notBefore: clock.now() + 1_000 });
      }
      logger.warn({ function: event.name, err: error }, 'event dropped');
      failed = false;
    }
    if (this.#closed) return;
    const delay = this.#options.retryDelaysMs[event.attempts];
    if (failed && delay !== undefined)
      return this.#again(key, { ...event, attempts: event.attempts + 1, notBefore: clock.now() + delay });
    this.#queue.delete(key);
  }

  #again(key: string, event: QueuedEvent): void {
    this.#queue.set(key, event);
    this.#schedule(key, event);
  }

  close(): void {
    this.#closed = true;
    for (const slots of this.#idle.values()) for (const slot of slots) slot.reap?.();
    for (const environment of this.#live) environment.end();
    this.#queue.close();
  }
}

/** `RequestId: … Error: Runtime exited with error: signal: killed`, and the type on the next line. */
function exitNote(payload: Buffer): string {
  const error = JSON.parse(payload.toString()) as { errorMessage: string; errorType: string };
  return `${error.errorMessage}\n${error.errorType}`;
}

function throttled(reason: string): AwsServiceError {
  return new AwsServiceError('TooManyRequestsException', 'Rate Exceeded.', 429, { Reason: reason, Type: 'User' });
}
