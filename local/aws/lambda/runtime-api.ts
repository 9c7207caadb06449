// The Runtime API of one execution environment (2018-06-01): what a Lambda runtime inside a child process talks to.
// environment.ts hands events in and gets answers out; bootstrap.mjs (or any custom runtime) is the client.
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

/** Answers of up to 6 MiB and a little. */
export const RESPONSE_BYTES = 6_291_556;

export interface RuntimeEvent {
  readonly requestId: string;
  readonly payload: Buffer;
  readonly deadlineMs: number;
  readonly functionArn: string;
  readonly traceId: string;
}

export interface RuntimeListener {
  /** The runtime asked for its first event: initialisation is over. */
  ready(): void;
  initError(body: Buffer): void;
  response(requestId: string, body: Buffer): void;
  /** `type` as the runtime's header says. */
  error(requestId: string, body: Buffer, type: string | undefined): void;
}

export class RuntimeApi {
  readonly #server;
  readonly #listener: RuntimeListener;
  #waiting: ServerResponse | undefined;
  #event: RuntimeEvent | undefined;

  constructor(listener: RuntimeListener) {
    this.#listener = listener;
    // A handler may compute for minutes before it answers on a connection that stood idle meanwhile: none is closed.
    this.#server = createServer({ keepAliveTimeout: 0, requestTimeout: 0 }, (request, response) => {
      this.#handle(request, response).catch(() => response.destroy());
    });
  }

  /** `host:port` for AWS_LAMBDA_RUNTIME_API. */
  async listen(): Promise<string> {
    await new Promise<void>((resolve, reject) => {
      this.#server.once('error', reject);
      this.#server.listen(0, '127.0.0.1', resolve);
    });
    return `127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  /** Delivered to the runtime's waiting `next`, or to the coming one. */
  send(event: RuntimeEvent): void {
    this.#event = event;
    this.#deliver();
  }

  close(): void {
    this.#server.close();
    this.#server.closeAllConnections();
  }

  #deliver(): void {
    const [event, waiting] = [this.#event, this.#waiting];
    if (!event || !waiting) return;
    this.#event = undefined;
    this.#waiting = undefined;
    waiting.writeHead(200, {
      'content-type': 'application/json',
      'content-length': event.payload.length,
      'lambda-runtime-aws-request-id': event.requestId,
      'lambda-runtime-deadline-ms': String(event.deadlineMs),
      'lambda-runtime-invoked-function-arn': event.functionArn,
      'lambda-runtime-trace-id': event.traceId,
    });
    waiting.end(event.payload);
  }

  async #handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const path = (request.url ?? '').replace(/^\/2018-06-01\/runtime\//, '');
    if (request.method === 'GET' && path === 'invocation/next') {
      this.#waiting = response;
      this.#listener.ready();
      return this.#deliver();
    }
    const [, requestId = '', kind = ''] = /^invocation\/([^/]+)\/(response|error)$/.exec(path) ?? [];
    if (request.method !== 'POST' || (kind === '' && path !== 'init/error')) {
      response.writeHead(404).end();
      return;
    }
    const body = await readWhole(request);
    const type = request.headers['lambda-runtime-function-error-type'];
    if (kind === 'response' && body.length > RESPONSE_BYTES) {
      const message = `Response payload size exceeded maximum allowed payload size (${RESPONSE_BYTES} bytes).`;
      const error = { errorMessage: message, errorType: 'Function.ResponseSizeTooLarge' };
      accept(response, 413);
      return this.#listener.error(requestId, Buffer.from(JSON.stringify(error)), error.errorType);
    }
    accept(response, 202);
    if (kind === 'response') this.#listener.response(requestId, body);
    else if (kind === 'error') this.#listener.error(requestId, body, typeof type === 'string' ? type : undefined);
    else this.#listener.initError(body);
  }
}

async function readWhole(request: IncomingMessage): Promise<Buffer> {
  const parts: Buffer[] = [];
  let size = 0;
  for await (const part of request as AsyncIterable<Buffer>) {
    size += part.length;
    // Beyond the limit only the size still matters.
    if (size <= RESPONSE_BYTES + 1) parts.push(part);
    else if (parts.length > 0) parts.splice(0, parts.length, Buffer.alloc(RESPONSE_BYTES + 1));
  }
  return Buffer.concat(parts);
}

function accept(response: ServerResponse, status: number): void {
  response.writeHead(status, { 'content-type': 'application/json' });
  response.end('{"status":"OK"}\n');
}
