// Reads a request's body: bounded, JSON or YAML, refused in the API server's words otherwise.
import type { IncomingMessage } from 'node:http';
import { gunzipSync } from 'node:zlib';
import { badRequest, requestTooLarge, unsupportedMediaType } from '../errors.ts';

/** The API server's limit on a request. */
const MAX_BODY_BYTES = 3 * 1024 * 1024;

export async function readBody(request: IncomingMessage): Promise<Buffer> {
  if (Number(request.headers['content-length'] ?? 0) > MAX_BODY_BYTES) throw requestTooLarge(MAX_BODY_BYTES);
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes > MAX_BODY_BYTES) throw requestTooLarge(MAX_BODY_BYTES);
    chunks.push(chunk);
  }
  const whole = chunks.length === 1 && chunks[0] !== undefined ? chunks[0] : Buffer.concat(chunks);
  return request.headers['content-encoding'] === 'gzip'
    ? gunzipSync(whole, { maxOutputLength: MAX_BODY_BYTES })
    : whole;
}

/** An object to create or replace. */
export async function parseObject(bytes: Buffer, contentType: string | undefined, kind: string): Promise<unknown> {
  const media = (contentType ?? 'application/json').split(';')[0]?.trim();
  const text = bytes.toString('utf8');
  if (media === 'application/yaml') {
    const { parse } = await import('yaml');
    return guarded(parse(text) as unknown, text);
  }
  if (media !== 'application/json' && media !== '' && media !== '*/*') {
    throw unsupportedMediaType(
      `the body of the request was in an unknown format - accepted media types include: application/json, application/yaml${media === 'application/vnd.kubernetes.protobuf' ? ' (protobuf is left out of this embedded API server; kubectl sends JSON when it applies a manifest)' : ''}`,
    );
  }
  const refusal = `the object provided is unrecognized (must be of type ${kind}): couldn't get version/kind; json parse error: `;
  return parseJson(text, refusal);
}

export function parseJson(text: string, refusal: string): unknown {
  try {
    return guarded(JSON.parse(text) as unknown, text);
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    throw badRequest(`${refusal}${text.trim() === '' ? 'unexpected end of JSON input' : error.message}`);
  }
}

/** No field of any kind has this name, and it would be the prototype wherever an object is copied. */
function guarded(value: unknown, text: string): unknown {
  if (text.includes('__proto__')) throw badRequest('a field may not be named "__proto__"');
  return value;
}
