// A chunk on Lambda (decision 8): invoked and waited for, its cost from the REPORT line; or (invocationType Event) put into Lambda's queue,
// its answer looked for in the bucket. What lies there from an earlier invocation of the same chunk is taken, not paid for again.
import type { Bucket } from '../../cloud/bucket.ts';
import type { Clock } from '../../cloud/clock.ts';
import type { PredictionAnswer } from '../../cloud/contract/contract.generated.ts';
import { CloudError } from '../../cloud/errors.ts';
import { FunctionFailure, type Functions, type Report } from '../../cloud/functions.ts';
import { invocationCost } from '../../cloud/prices.ts';
import type { PredictionJob } from '../../crds/crds.generated.ts';
import { Answers } from './answers.ts';
import type { Billed, Invoked, Invoker, Work } from './invoker.ts';

export interface LambdaInvokerOptions {
  readonly functions: Pick<Functions, 'invoke' | 'invokeLater'>;
  readonly bucket: Pick<Bucket, 'get' | 'list' | 'delete'>;
  readonly clock: Clock;
  readonly functionName: string;
  readonly functionMemoryMib: number;
  readonly functionArchitecture?: string;
  readonly functionTimeoutSeconds: number;
}

/** An event may stand in Lambda's queue for so long before it is given up. */
const QUEUE_SECONDS = 120;
/** A link to a part has up to 2 KB, an event 6 MB, or 256 KB in Lambda's queue. */
const MOST_PARTS = 1_000;
const MOST_PARTS_QUEUED = 100;
/** Of a presigned URL, beyond what the invocation may last: the way there, and clocks that differ. */
const URL_ROOM_SECONDS = 300;

export class LambdaInvoker implements Invoker {
  readonly #options: LambdaInvokerOptions;
  readonly #answers: Answers;
  readonly chunkSeconds = 20;
  readonly timeoutSeconds: number;
  readonly urlSeconds: number;

  constructor(options: LambdaInvokerOptions) {
    this.#options = options;
    this.#answers = new Answers(options.bucket, options.clock);
    this.timeoutSeconds = options.functionTimeoutSeconds;
    this.urlSeconds = options.functionTimeoutSeconds + QUEUE_SECONDS + URL_ROOM_SECONDS;
  }

  mostParts({ spec }: PredictionJob): number {
    return spec.invocationType === 'Event' ? MOST_PARTS_QUEUED : MOST_PARTS;
  }

  costUsd(seconds: number): number {
    return this.#usd(seconds * 1000, this.#options.functionMemoryMib);
  }

  async invoke(work: Work, signal: AbortSignal): Promise<Invoked> {
    try {
      const earlier = work.again ? await this.#answers.settled(work.answerKey) : undefined;
      if (earlier) return this.#answered(earlier, this.#byItsOwnClock(earlier));
      return work.job.spec.invocationType === 'Event' ? await this.#later(work, signal) : await this.#now(work, signal);
    } catch (error) {
      if (signal.aborted || !(error instanceof CloudError)) throw error;
      return this.#failed(error);
    }
  }

  /** An invocation can't be called back: it ends by itself, and its URLs with it. */
  async end(): Promise<void> {}

  async #now({ event }: Work, signal: AbortSignal): Promise<Invoked> {
    const { functions, functionName } = this.#options;
    const { requestId, report, answer } = await functions.invoke(functionName, event, signal);
    const billed = this.#billed(requestId, report);
    if (isAnswer(answer)) return this.#answered(answer, billed);
    return { is: 'lost', message: 'The prediction function answered something that is no answer.', billed };
  }

  async #later({ event, answerKey }: Work, signal: AbortSignal): Promise<Invoked> {
    const { functions, functionName, functionTimeoutSeconds, clock } = this.#options;
    const requestId = await functions.invokeLater(functionName, event, signal);
    const seconds = functionTimeoutSeconds + QUEUE_SECONDS;
    const answer = await this.#answers.wait(answerKey, clock.now() + seconds * 1000, signal);
    if (answer) return this.#answered(answer, { ...this.#byItsOwnClock(answer), requestId });
    const message = `No answer came within ${seconds} s (request ${requestId}).`;
    return { is: 'lost', message, billed: this.#billed(requestId, undefined) };
  }

  #answered(answer: PredictionAnswer, billed: Billed): Invoked {
    return answer.success ? { is: 'done', answer, billed } : { is: 'failed', answer, billed };
  }

  #failed(error: CloudError): Invoked {
    const { message, requestId } = error;
    if (error.kind === 'throttled') return { is: 'throttled', message, billed: this.#billed(undefined, undefined) };
    if (!(error instanceof FunctionFailure)) return { is: 'lost', message, billed: this.#billed(requestId, undefined) };
    const billed = this.#billed(requestId, error.report);
    switch (error.trouble) {
      case 'FunctionTimedOut':
        return { is: 'exhausted', what: 'time', message, billed };
      case 'FunctionOutOfMemory':
        return { is: 'exhausted', what: 'memory', message, billed };
      case 'FunctionError':
        return { is: 'lost', message, billed };
    }
  }

  #usd(ms: number, memoryMib: number): number {
    return invocationCost(ms, memoryMib, this.#options.functionArchitecture);
  }

  #billed(requestId: string | undefined, report: Report | undefined): Billed {
    const ms = report?.billedMs ?? 0;
    const memoryMib = report?.memoryMib ?? this.#options.functionMemoryMib;
    const usd = report ? this.#usd(ms, memoryMib) : 0;
    return { ...(requestId ? { requestId } : {}), usd, seconds: ms / 1000, memoryMib };
  }

  /** Where Lambda's own report did not reach us: what the handler measured, which leaves out a cold start. */
  #byItsOwnClock(answer: PredictionAnswer): Billed {
    const ms = answer.success ? Math.ceil(answer.execution_time_ms) : 0;
    const memoryMib = this.#options.functionMemoryMib;
    return { usd: this.costUsd(ms / 1000), seconds: ms / 1000, memoryMib, estimated: true };
  }
}

const isAnswer = (answer: unknown): answer is PredictionAnswer =>
  typeof answer === 'object' && answer !== null && typeof (answer as { success?: unknown }).success === 'boolean';
