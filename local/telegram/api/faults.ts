// Trouble on demand for tests: failing, delayed and dropped calls, by method name or '*' for every method but getUpdates.
// A call dropped `after` was carried out and only its answer is lost, the case that makes bots send twice.
import { BotApiError } from './error.ts';

export interface Failure {
  /** HTTP status and error_code; default 500. */
  readonly code?: number;
  readonly description?: string;
  /** Seconds; makes it a 429 when no code is given. */
  readonly retryAfter?: number;
}

export type Fault =
  | { readonly kind: 'fail'; readonly error: BotApiError }
  | { readonly kind: 'drop'; readonly when: 'before' | 'after' }
  | { readonly kind: 'delay'; readonly milliseconds: number };

export class Faults {
  readonly #planned: { method: string; left: number; fault: Fault }[] = [];
  #offline = false;

  /** The next `times` calls of the method get this error and do nothing. */
  failNext(method: string, failure: Failure = {}, times = 1): void {
    const code = failure.code ?? (failure.retryAfter === undefined ? 500 : 429);
    const otherwise =
      failure.retryAfter === undefined
        ? 'Internal Server Error'
        : `Too Many Requests: retry after ${failure.retryAfter}`;
    const error = new BotApiError(code, failure.description ?? otherwise, failure.retryAfter);
    this.#plan(method, times, { kind: 'fail', error });
  }

  /** The connection of the next `times` calls breaks without an answer, before or after the call was carried out. */
  dropNext(method: string, when: 'before' | 'after' = 'before', times = 1): void {
    this.#plan(method, times, { kind: 'drop', when });
  }

  /** The next `times` calls wait before they are carried out. */
  delayNext(method: string, milliseconds: number, times = 1): void {
    this.#plan(method, times, { kind: 'delay', milliseconds });
  }

  /** While true, every connection to the Bot API breaks at once. */
  setOffline(offline: boolean): void {
    this.#offline = offline;
  }

  clear(): void {
    this.#planned.length = 0;
    this.#offline = false;
  }

  /** What happens to this call: the first fault planned for it, used up by one. */
  take(method: string): Fault | undefined {
    if (this.#offline) return { kind: 'drop', when: 'before' };
    const name = method.toLowerCase();
    const matches = (planned: string) => planned === name || (planned === '*' && name !== 'getupdates');
    const index = this.#planned.findIndex((planned) => matches(planned.method));
    const found = this.#planned[index];
    if (found === undefined) return undefined;
    found.left -= 1;
    if (found.left <= 0) this.#planned.splice(index, 1);
    return found.fault;
  }

  #plan(method: string, times: number, fault: Fault): void {
    if (times > 0) this.#planned.push({ method: method.toLowerCase(), left: times, fault });
  }
}
