// The managed Node runtime of Lambda, as a process started by environment.ts: loads the handler, then asks the Runtime API
// for one event after the other. Plain JavaScript on Node's built-ins, so that a cold start is quick.
import { existsSync, readFileSync, writeSync } from 'node:fs';
import { Agent, request } from 'node:http';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { format } from 'node:util';

const [host, port] = process.env.AWS_LAMBDA_RUNTIME_API.split(':');
const root = process.env.LAMBDA_TASK_ROOT;
const agent = new Agent({ keepAlive: true, maxSockets: 1 });
const API = '/2018-06-01/runtime';
/** Ends the output of one invocation on stdout; environment.ts takes it out. */
const END_OF_OUTPUT = '\0end\0\n';
let requestId = '';

function call(method, path, body, headers = {}) {
  return new Promise((resolve, reject) => {
    const bytes = body === undefined ? undefined : Buffer.from(body);
    const length = bytes === undefined ? {} : { 'content-length': bytes.length };
    const sent = request(
      { host, port, path: API + path, method, agent, headers: { ...length, ...headers } },
      (answer) => {
        const parts = [];
        answer.on('data', (part) => parts.push(part));
        answer.on('end', () =>
          resolve({ status: answer.statusCode, headers: answer.headers, body: Buffer.concat(parts).toString() }),
        );
      },
    );
    sent.on('error', reject);
    sent.end(bytes);
  });
}

for (const [level, name] of [
  ['log', 'INFO'],
  ['info', 'INFO'],
  ['debug', 'DEBUG'],
  ['warn', 'WARN'],
  ['error', 'ERROR'],
  ['trace', 'TRACE'],
])
  console[level] = (...values) => {
    const text = format(...values).replace(/\n/g, '\r');
    write(`${new Date().toISOString()}\t${requestId === '' ? 'undefined' : requestId}\t${name}\t${text}\n`);
  };

function write(text) {
  const bytes = Buffer.from(text);
  for (let at = 0; at < bytes.length; )
    try {
      at += writeSync(1, bytes, at);
    } catch (error) {
      if (error.code !== 'EAGAIN') throw error;
    }
}

function described(error) {
  if (error instanceof Error)
    return { errorType: error.name, errorMessage: error.message, trace: (error.stack ?? '').split('\n') };
  return { errorType: typeof error, errorMessage: String(error), trace: [] };
}

class InitError extends Error {
  constructor(name, message, cause) {
    super(message, { cause });
    this.name = name;
  }
}

async function load() {
  const [, path, name] = handlerParts(process.env._HANDLER);
  if (name === undefined) throw new InitError('Runtime.MalformedHandlerName', 'Bad handler');
  const file = join(root, path);
  const found = ['.js', '.mjs', '.cjs'].map((ending) => file + ending).find((each) => existsSync(each));
  if (!found) {
    const asked = path.split('/').at(-1);
    throw new InitError(
      'Runtime.ImportModuleError',
      `Error: Cannot find module '${asked}'\nRequire stack:\n- ${import.meta.filename}`,
    );
  }
  let loaded;
  try {
    loaded = isModule(found) ? await import(pathToFileURL(found).href) : createRequire(found)(found);
  } catch (error) {
    if (error instanceof SyntaxError)
      throw new InitError('Runtime.UserCodeSyntaxError', `${error.name}: ${error.message}`, error);
    if (['MODULE_NOT_FOUND', 'ERR_MODULE_NOT_FOUND'].includes(error?.code))
      throw new InitError('Runtime.ImportModuleError', `${error.name}: ${error.message}`, error);
    throw error;
  }
  let handler = loaded;
  for (const step of name.split('.')) handler = handler?.[step] ?? handler?.default?.[step];
  if (handler === undefined)
    throw new InitError('Runtime.HandlerNotFound', `${process.env._HANDLER} is undefined or not exported`);
  if (typeof handler !== 'function')
    throw new InitError('Runtime.HandlerNotFound', `${process.env._HANDLER} is not a function`);
  if (handler.length >= 3 && process.env.AWS_EXECUTION_ENV === 'AWS_Lambda_nodejs24.x')
    throw new InitError(
      'Runtime.CallbackHandlerDeprecated',
      'ERROR: AWS Lambda has removed support for callback-based function handlers starting with Node.js 24. You need to modify this function to use a supported handler signature to use Node.js 24 or later. For more information see https://docs.aws.amazon.com/lambda/latest/dg/nodejs-handler.html.',
    );
  return handler;
}

/** `dir/index.handler` → path `dir/index`, name `handler`; the name begins after the first dot of the last part. */
function handlerParts(text) {
  const slash = text.lastIndexOf('/');
  const dot = text.indexOf('.', slash + 1);
  return dot < 0 ? [] : [text, text.slice(0, dot), text.slice(dot + 1)];
}

function isModule(file) {
  if (file.endsWith('.mjs')) return true;
  if (file.endsWith('.cjs')) return false;
  for (let folder = dirname(file); folder.startsWith(root); folder = dirname(folder)) {
    const manifest = join(folder, 'package.json');
    if (existsSync(manifest)) return JSON.parse(readFileSync(manifest, 'utf8')).type === 'module';
  }
  return false;
}

/** Runs the handler in whichever of its forms: promise, or callback that waits for an empty event loop. */
function run(handler, event, context) {
  return new Promise((resolve, reject) => {
    const finish = (error, result) => {
      const settle = () => (error === undefined || error === null ? resolve(result) : reject(error));
      if (context.callbackWaitsForEmptyEventLoop) process.once('beforeExit', settle);
      else settle();
    };
    context.done = finish;
    context.fail = (error) => finish(error ?? 'handled');
    context.succeed = (result) => finish(undefined, result);
    try {
      const answer = handler(event, context, finish);
      if (typeof answer?.then === 'function') answer.then(resolve, reject);
      else if (handler.length < 3) resolve(answer);
    } catch (error) {
      reject(error);
    }
  });
}

function contextOf(headers) {
  const deadline = Number(headers['lambda-runtime-deadline-ms']);
  return {
    callbackWaitsForEmptyEventLoop: true,
    functionName: process.env.AWS_LAMBDA_FUNCTION_NAME,
    functionVersion: process.env.AWS_LAMBDA_FUNCTION_VERSION,
    memoryLimitInMB: process.env.AWS_LAMBDA_FUNCTION_MEMORY_SIZE,
    logGroupName: process.env.AWS_LAMBDA_LOG_GROUP_NAME,
    logStreamName: process.env.AWS_LAMBDA_LOG_STREAM_NAME,
    awsRequestId: requestId,
    invokedFunctionArn: headers['lambda-runtime-invoked-function-arn'],
    getRemainingTimeInMillis: () => Math.max(0, deadline - Date.now()),
  };
}

function report(error) {
  const said = described(error);
  write(
    `${new Date().toISOString()}\t${requestId === '' ? 'undefined' : requestId}\tERROR\tInvoke Error \t${JSON.stringify({ ...said, stack: said.trace, trace: undefined })}\n`,
  );
  return said;
}

process.on('uncaughtException', async (error) => {
  const said = { ...described(error) };
  write(
    `${new Date().toISOString()}\t${requestId}\tERROR\tUncaught Exception \t${JSON.stringify({ ...said, stack: said.trace, trace: undefined })}\n`,
  );
  await call('POST', `/invocation/${requestId}/error`, JSON.stringify(said), {
    'lambda-runtime-function-error-type': said.errorType,
  }).catch(() => {});
  process.exit(129);
});
process.on('unhandledRejection', async (reason) => {
  const said = {
    ...described(reason),
    errorType: 'Runtime.UnhandledPromiseRejection',
    errorMessage: reason instanceof Error ? `${reason.name}: ${reason.message}` : String(reason),
  };
  write(`${new Date().toISOString()}\t${requestId}\tERROR\tUnhandled Promise Rejection \t${JSON.stringify(said)}\n`);
  await call('POST', `/invocation/${requestId}/error`, JSON.stringify(said), {
    'lambda-runtime-function-error-type': said.errorType,
  }).catch(() => {});
  process.exit(128);
});

let handler;
try {
  handler = await load();
} catch (error) {
  const said = described(error);
  write(
    `${new Date().toISOString()}\tundefined\tERROR\tUncaught Exception \t${JSON.stringify({ ...said, stack: said.trace, trace: undefined })}\n`,
  );
  await call('POST', '/init/error', JSON.stringify(said), { 'lambda-runtime-function-error-type': said.errorType });
  process.exit(1);
}
for (;;) {
  const next = await call('GET', '/invocation/next');
  requestId = next.headers['lambda-runtime-aws-request-id'];
  process.env._X_AMZN_TRACE_ID = next.headers['lambda-runtime-trace-id'];
  try {
    const result = await run(handler, JSON.parse(next.body), contextOf(next.headers));
    const body = JSON.stringify(result === undefined ? null : result);
    write(END_OF_OUTPUT);
    await call('POST', `/invocation/${requestId}/response`, body, { 'content-type': 'application/json' });
  } catch (error) {
    const said = report(error);
    write(END_OF_OUTPUT);
    await call('POST', `/invocation/${requestId}/error`, JSON.stringify(said), {
      'lambda-runtime-function-error-type': said.errorType,
    });
  }
}
