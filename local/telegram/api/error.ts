// What the Bot API answers when it refuses: an HTTP status, a description, and for 429 how long to wait.

export class BotApiError extends Error {
  readonly code: number;
  /** Whole seconds; of 429 only. */
  readonly retryAfter: number | undefined;

  constructor(code: number, description: string, retryAfter?: number) {
    super(description);
    this.name = 'BotApiError';
    this.code = code;
    this.retryAfter = retryAfter;
  }

  static badRequest(reason: string): BotApiError {
    return new BotApiError(400, `Bad Request: ${reason}`);
  }

  static tooManyRequests(seconds: number): BotApiError {
    return new BotApiError(429, `Too Many Requests: retry after ${seconds}`, seconds);
  }

  get body(): { ok: false; error_code: number; description: string; parameters?: { retry_after: number } } {
    const answer = { ok: false as const, error_code: this.code, description: this.message };
    return this.retryAfter === undefined ? answer : { ...answer, parameters: { retry_after: this.retryAfter } };
  }
}
