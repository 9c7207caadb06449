// One Bot API call as it came in: parameters from the query, a JSON body, a form or multipart, and the files with it.
// Values keep the type they came with; the readers below take them as Telegram does (a number may be a string).
import type { IncomingMessage } from 'node:http';
import type { Readable } from 'node:stream';
import type { BusboyConstructor, BusboyInstance } from '@fastify/busboy';
import type { Depot, Received } from '../state/depot.ts';
import { TooLarge } from '../state/depot.ts';
import { BotApiError } from './error.ts';

/** Bodies without files are at most this long. */
const MAX_BODY_BYTES = 1024 * 1024;

export interface Upload extends Received {
  readonly name: string;
  readonly mime: string;
}

export class Call {
  readonly method: string;
  readonly #values: ReadonlyMap<string, unknown>;
  readonly #uploads: Map<string, Upload>;

  constructor(method: string, values: ReadonlyMap<string, unknown>, uploads = new Map<string, Upload>()) {
    this.method = method;
    this.#values = values;
    this.#uploads = uploads;
  }

  has(name: string): boolean {
    const value = this.#values.get(name);
    return value !== undefined && value !== null && value !== '';
  }

  string(name: string): string | undefined {
    const value = this.#values.get(name);
    if (value === undefined || value === null) return undefined;
    if (typeof value === 'string') return value;
    return typeof value === 'number' || typeof value === 'boolean' ? String(value) : JSON.stringify(value);
  }

  integer(name: string): number | undefined {
    const value = Number(this.has(name) ? this.#values.get(name) : undefined);
    return Number.isSafeInteger(value) ? value : undefined;
  }

  flag(name: string): boolean {
    return ['true', '1', 'yes'].includes((this.string(name) ?? '').toLowerCase());
  }

  /** An object or array, sent as such or as a string of JSON; throws `Bad Request: can't parse <what> JSON object`. */
  json(name: string, what: string): unknown {
    const value = this.#values.get(name);
    if (typeof value !== 'string') return value ?? undefined;
    if (value === '') return undefined;
    try {
      return JSON.parse(value);
    } catch {
      throw BotApiError.badRequest(`can't parse ${what} JSON object`);
    }
  }

  /** The file sent under this name, or the one that an `attach://name` points to. */
  upload(name: string): Upload | undefined {
    return this.#uploads.get(name);
  }

  uploads(): Upload[] {
    return [...this.#uploads.values()];
  }
}

/** Throws 413 for too much and 400 for what can't be read; files go to the depot's incoming folder on the way. */
export async function readCall(
  request: IncomingMessage,
  method: string,
  query: URLSearchParams,
  depot: Depot,
  uploadBytes: number,
): Promise<Call> {
  const values = new Map<string, unknown>(query);
  const type = request.headers['content-type'] ?? '';
  if (type.startsWith('multipart/form-data')) return readMultipart(request, method, values, depot, uploadBytes);
  const body = await readBody(request);
  if (type.startsWith('application/json')) {
    for (const [name, value] of Object.entries(parseObject(body))) values.set(name, value);
  } else {
    for (const [name, value] of new URLSearchParams(body)) values.set(name, value);
  }
  return new Call(method, values);
}

export async function readBody(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes <= MAX_BODY_BYTES) chunks.push(chunk);
  }
  if (bytes > MAX_BODY_BYTES) throw tooLarge();
  return Buffer.concat(chunks).toString('utf8');
}

function parseObject(body: string): object {
  if (body === '') return {};
  let parsed: unknown;
  try {
    parsed = JSON.parse(body);
  } catch {
    parsed = undefined;
  }
  if (typeof parsed !== 'object' || parsed === null || Array.isArray(parsed)) {
    throw BotApiError.badRequest("can't parse JSON object");
  }
  return parsed;
}

async function readMultipart(
  request: IncomingMessage,
  method: string,
  values: Map<string, unknown>,
  depot: Depot,
  uploadBytes: number,
): Promise<Call> {
  // Loaded with the first file: an idle server does without.
  const { Busboy } = await import('@fastify/busboy');
  const uploads = new Map<string, Upload>();
  const streams: Readable[] = [];
  const receiving: Promise<void>[] = [];
  const form = openForm(Busboy, request);
  form.on('field', (name, value) => void values.set(name, value));
  form.on('file', (field, stream, name = 'file', _encoding, mime) => {
    const received = depot
      .receive(stream, uploadBytes)
      .then((file) => void uploads.set(field, { ...file, name, mime }));
    received.catch(() => undefined);
    streams.push(stream);
    receiving.push(received);
  });
  try {
    await parsed(form, request);
    await Promise.all(receiving);
    return new Call(method, values, uploads);
  } catch (error) {
    // A form that broke off never ends its files.
    for (const stream of streams) stream.destroy();
    await Promise.allSettled(receiving);
    await Promise.all([...uploads.values()].map((upload) => depot.discard(upload)));
    throw error instanceof TooLarge ? tooLarge() : error;
  }
}

function openForm(Busboy: BusboyConstructor, request: IncomingMessage): BusboyInstance {
  const headers = { ...request.headers, 'content-type': request.headers['content-type'] ?? '' };
  try {
    return new Busboy({ headers, limits: { fieldSize: MAX_BODY_BYTES, files: 20 } });
  } catch {
    throw BotApiError.badRequest("can't parse multipart form");
  }
}

function parsed(form: BusboyInstance, request: IncomingMessage): Promise<void> {
  return new Promise((resolve, reject) => {
    form.once('finish', resolve);
    form.once('error', () => reject(BotApiError.badRequest("can't parse multipart form")));
    request.once('aborted', () => {
      form.destroy();
      reject(new Error('The caller hung up while sending'));
    });
    request.pipe(form);
  });
}

function tooLarge(): BotApiError {
  return new BotApiError(413, 'Request Entity Too Large');
}
