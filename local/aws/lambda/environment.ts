// One execution environment: a child process with a runtime in it, its Runtime API, its memory watched. Serves one event at
// a time; invoker.ts keeps a pool of them. A time-out, too much memory or an exit ends it.
import { randomBytes } from 'node:crypto';
import { mkdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Clock } from '../../../cloud/clock.ts';
import { spawnLeashed, type Exit, type LeashedProcess } from '../../process/leash.ts';
import type { SessionCredentials } from '../service.ts';
import type { FunctionVersion } from './functions.ts';
import { RuntimeApi } from './runtime-api.ts';

const BOOTSTRAP = fileURLToPath(new URL('bootstrap.mjs', import.meta.url));
const END_OF_OUTPUT = '\0end\0\n';
/** Initialisation may take ten seconds. */
export const INIT_LIMIT_MS = 10_000;
const MEMORY_WATCH_MS = 50;
/** Output that comes after the answer is waited for so long at most. */
const OUTPUT_WAIT_MS = 200;

export interface EnvironmentOptions {
  readonly clock: Clock;
  readonly version: FunctionVersion;
  readonly taskRoot: string;
  readonly scratch: string;
  readonly region: string;
  readonly endpoint: string;
  readonly logGroup: string;
  readonly credentials: SessionCredentials;
  /** Gets every line the function prints. */
  output(line: string): void;
}

export interface Outcome {
  readonly payload: Buffer;
  /** Set when the function failed. */
  readonly functionError?: 'Unhandled';
  /** For the report: `timeout` or `error` when the environment itself ended. */
  readonly status?: 'timeout' | 'error';
  /** Of the report: what ended the runtime. */
  readonly errorType?: string;
}

interface Pending {
  readonly requestId: string;
  settle(outcome: Outcome): void;
}

export class ExecutionEnvironment {
  readonly id = randomBytes(16).toString('hex');
  readonly logStream: string;
  readonly #options: EnvironmentOptions;
  readonly #api: RuntimeApi;
  #process: LeashedProcess | undefined;
  #pending: Pending | undefined;
  #initialised: Promise<Outcome | undefined> | undefined;
  #finishInit: (failure: Outcome | undefined) => void = () => undefined;
  #partial = '';
  #outputEnded: (() => void) | undefined;
  #killedFor: 'memory' | undefined;
  #maxRss = 0;
  #ended = false;
  /** Milliseconds from spawn to the first `next`; undefined once reported. */
  initMs: number | undefined;

  constructor(options: EnvironmentOptions) {
    this.#options = options;
    const day = new Date(options.clock.now()).toISOString().slice(0, 10).replaceAll('-', '/');
    this.logStream = `${day}/[${options.version.version}]${this.id}`;
    this.#api = new RuntimeApi({
      ready: () => this.#finishInit(undefined),
      initError: (body) =>
        this.#finishInit({ payload: body, functionError: 'Unhandled', status: 'error', errorType: 'Runtime.Unknown' }),
      response: (requestId, body) => this.#answer(requestId, { payload: body }),
      error: (requestId, body) => this.#answer(requestId, { payload: body, functionError: 'Unhandled' }),
    });
  }

  get alive(): boolean {
    return !this.#ended;
  }

  /** MiB, the most seen so far. */
  get maxMemoryMb(): number {
    this.#watchMemory();
    return Math.ceil(this.#maxRss / 1024);
  }

  get pid(): number | undefined {
    return this.#process?.pid;
  }

  /** Starts the runtime; resolves with an outcome only if it can't be initialised. */
  start(): Promise<Outcome | undefined> {
    this.#initialised ??= this.#start();
    return this.#initialised;
  }

  async #start(): Promise<Outcome | undefined> {
    const { version, clock, scratch } = this.#options;
    const address = await this.#api.listen();
    mkdirSync(scratch, { recursive: true });
    const started = performance.now();
    const ready = new Promise<Outcome | undefined>((resolve) => (this.#finishInit = resolve));
    // The V8 heap's part of the function's memory, as the managed runtime sets it.
    const heap = Math.max(32, Math.floor(version.memoryMb * 0.9));
    const child = spawnLeashed(process.execPath, [`--max-old-space-size=${heap}`, BOOTSTRAP], {
      cwd: this.#options.taskRoot,
      env: this.#environment(address),
      stdout: 'pipe',
      stderr: 'pipe',
    });
    this.#process = child;
    child.stdout?.setEncoding('utf8').on('data', (text: string) => this.#read(text));
    child.stderr?.setEncoding('utf8').on('data', (text: string) => this.#readError(text));
    void child.exited.then((exit) => this.#exited(exit));
    const stopWatching = clock.after(INIT_LIMIT_MS, () =>
      this.#finishInit({
        payload: errorPayload(
          'Sandbox.Timedout',
          `INIT_REPORT Init Duration: ${INIT_LIMIT_MS}.00 ms Phase: init Status: timeout`,
        ),
        functionError: 'Unhandled',
        status: 'timeout',
      }),
    );
    const failure = await ready;
    stopWatching();
    this.initMs = performance.now() - started;
    if (failure) this.end();
    return failure;
  }

  /** One event; the environment must be idle and initialised. */
  async invoke(event: { requestId: string; payload: Buffer; functionArn: string }): Promise<Outcome> {
    const { clock, version } = this.#options;
    const limitMs = version.timeoutSeconds * 1000;
    const watch = setInterval(() => this.#watchMemory(), MEMORY_WATCH_MS);
    let cancel: () => void = () => undefined;
    const outputEnded = new Promise<void>((resolve) => (this.#outputEnded = resolve));
    try {
      const outcome = await new Promise<Outcome>((resolve) => {
        this.#pending = { requestId: event.requestId, settle: resolve };
        cancel = clock.after(limitMs, () => this.#timeOut(event.requestId));
        if (this.#ended) return this.#exited({ code: null, signal: null });
        this.#api.send({
          ...event,
          deadlineMs: clock.now() + limitMs,
          traceId: `Root=1-${Math.floor(clock.now() / 1000).toString(16)}-${randomBytes(12).toString('hex')};Sampled=0`,
        });
      });
      if (outcome.status === undefined) await Promise.race([outputEnded, delay(OUTPUT_WAIT_MS)]);
      return outcome;
    } finally {
      cancel();
      clearInterval(watch);
      this.#pending = undefined;
    }
  }

  /** Kills the child and forgets its scratch folder. */
  end(): void {
    this.#ended = true;
    this.#process?.signal('SIGKILL', 'group');
    this.#api.close();
    rmSync(this.#options.scratch, { recursive: true, force: true, maxRetries: 2 });
  }

  #environment(address: string): NodeJS.ProcessEnv {
    const { version, region, endpoint, credentials, taskRoot, scratch, logGroup } = this.#options;
    return {
      AWS_ENDPOINT_URL: endpoint,
      ...version.environment,
      PATH: '/usr/local/bin:/usr/bin:/bin',
      LANG: 'en_US.UTF-8',
      TZ: ':UTC',
      TMPDIR: scratch,
      HOME: scratch,
      AWS_REGION: region,
      AWS_DEFAULT_REGION: region,
      AWS_ACCESS_KEY_ID: credentials.accessKeyId,
      AWS_SECRET_ACCESS_KEY: credentials.secretAccessKey,
      AWS_SESSION_TOKEN: credentials.sessionToken,
      AWS_EXECUTION_ENV: `AWS_Lambda_${version.runtime}`,
      AWS_LAMBDA_RUNTIME_API: address,
      AWS_LAMBDA_FUNCTION_NAME: version.name,
      AWS_LAMBDA_FUNCTION_VERSION: version.version,
      AWS_LAMBDA_FUNCTION_MEMORY_SIZE: String(version.memoryMb),
      AWS_LAMBDA_INITIALIZATION_TYPE: 'on-demand',
      AWS_LAMBDA_LOG_GROUP_NAME: logGroup,
      AWS_LAMBDA_LOG_STREAM_NAME: this.logStream,
      LAMBDA_TASK_ROOT: taskRoot,
      LAMBDA_RUNTIME_DIR: fileURLToPath(new URL('.', import.meta.url)),
      _HANDLER: version.handler,
    };
  }

  #answer(requestId: string, outcome: Outcome): void {
    if (this.#pending?.requestId === requestId) this.#pending.settle(outcome);
  }

  #timeOut(requestId: string): void {
    const seconds = this.#options.version.timeoutSeconds.toFixed(2);
    const time = new Date(this.#options.clock.now()).toISOString();
    this.#options.output(`${time} ${requestId} Task timed out after ${seconds} seconds\n`);
    const message = `RequestId: ${requestId} Error: Task timed out after ${seconds} seconds`;
    this.#answer(requestId, {
      payload: errorPayload('Sandbox.Timedout', message),
      functionError: 'Unhandled',
      status: 'timeout',
    });
    this.end();
  }

  #exited(exit: Exit): void {
    this.#ended = true;
    this.#api.close();
    const how =
      this.#killedFor === 'memory' || exit.signal === 'SIGKILL'
        ? 'signal: killed'
        : exit.signal !== null
          ? `signal: ${exit.signal === 'SIGABRT' ? 'aborted' : exit.signal}`
          : `exit status ${exit.code}`;
    const said = exit.code === 0 ? 'Runtime exited without providing a reason' : `Runtime exited with error: ${how}`;
    const message = `RequestId: ${this.#pending?.requestId ?? this.id} Error: ${said}`;
    const outcome: Outcome = {
      payload: errorPayload('Runtime.ExitError', message),
      functionError: 'Unhandled',
      status: 'error',
      errorType: 'Runtime.ExitError',
    };
    this.#pending?.settle(outcome);
    this.#finishInit(outcome);
    rmSync(this.#options.scratch, { recursive: true, force: true, maxRetries: 2 });
  }

  /** Whole lines go on; the mark of an invocation's end is taken out. */
  #read(text: string): void {
    const lines = (this.#partial + text).split('\n');
    this.#partial = lines.pop() ?? '';
    for (const line of lines)
      if (`${line}\n`.endsWith(END_OF_OUTPUT)) {
        const before = line.slice(0, line.length - END_OF_OUTPUT.length + 1);
        if (before !== '') this.#options.output(before);
        this.#outputEnded?.();
      } else this.#options.output(line);
  }

  #readError(text: string): void {
    for (const line of text.split('\n')) if (line !== '') this.#options.output(line);
  }

  #watchMemory(): void {
    const pid = this.#process?.pid;
    if (pid === undefined || this.#ended) return;
    const rss = residentKb(pid);
    this.#maxRss = Math.max(this.#maxRss, rss);
    if (rss > this.#options.version.memoryMb * 1024 && this.#killedFor === undefined) {
      this.#killedFor = 'memory';
      this.#process?.signal('SIGKILL', 'group');
    }
  }
}

/** Resident memory in KiB; 0 where the system doesn't tell by /proc. */
function residentKb(pid: number): number {
  try {
    return Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? 0);
  } catch {
    return 0;
  }
}

export function errorPayload(errorType: string, errorMessage: string): Buffer {
  return Buffer.from(JSON.stringify({ errorType, errorMessage }));
}

function delay(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

/** Where an environment keeps its /tmp. */
export function scratchFolder(folder: string): string {
  return join(folder, 'tmp', randomBytes(8).toString('hex'));
}
