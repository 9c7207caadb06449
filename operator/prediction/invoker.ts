// The seam between a chunk and where it is worked on: Lambda (function.ts) or a pod of the cluster (cluster.ts).
import type { PredictionDone, PredictionEvent, PredictionFailed } from '../../cloud/contract/contract.generated.ts';
import type { PredictionJob } from '../../crds/crds.generated.ts';

/** What an invocation cost; zeros where nothing is billed or known. */
export interface Billed {
  readonly requestId?: string;
  readonly usd: number;
  readonly seconds: number;
  readonly memoryMib: number;
  /** By the handler's own clock: Lambda's report did not reach us. */
  readonly estimated?: true;
}

export type Invoked =
  | { readonly is: 'done'; readonly answer: PredictionDone; readonly billed: Billed }
  /** The handler answered that it cannot; `answer.retryable` says whether trying again may help. */
  | { readonly is: 'failed'; readonly answer: PredictionFailed; readonly billed: Billed }
  /** Nothing was begun: called too often (Lambda), or no room (the cluster). */
  | { readonly is: 'throttled'; readonly message: string; readonly billed: Billed }
  /** Too much for one invocation: half as much may do. */
  | { readonly is: 'exhausted'; readonly what: 'time' | 'memory'; readonly message: string; readonly billed: Billed }
  /** No answer came, or the function failed: it may still be running, and doing it again is safe. */
  | { readonly is: 'lost'; readonly message: string; readonly billed: Billed };

export interface Work {
  readonly job: PredictionJob;
  readonly event: PredictionEvent;
  /** chunkName() of the chunk. */
  readonly name: string;
  /** Key at which the handler puts its answer too. */
  readonly answerKey: string;
  /** It may have been begun before: an answer that lies at answerKey already is taken. */
  readonly again: boolean;
}

export interface Invoker {
  /**
   * Has the work done and resolves with what came of it. Called again for the same work it may find it still running or
   * already done. Rejects only with what is nobody's outcome: an abort, an error of the program.
   */
  invoke(work: Work, signal: AbortSignal): Promise<Invoked>;
  /** Ends what may still run for a job that is deleted or has ended; idempotent. */
  end(job: PredictionJob): Promise<void>;
  /** Seconds of work a chunk should be; the least overhead that still spreads well. */
  readonly chunkSeconds: number;
  /** After which an invocation is ended. */
  readonly timeoutSeconds: number;
  /** The URLs of an event are used this long after they were made, at most. */
  readonly urlSeconds: number;
  /** Links to parts that one event may carry. */
  mostParts(job: PredictionJob): number;
  /** US dollars for an invocation that takes so long. */
  costUsd(seconds: number): number;
  /** Why nothing can run here, for people; undefined when it can. */
  readonly unavailable?: string | undefined;
}
