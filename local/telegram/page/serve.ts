// Gives out the chat page: the few files of this folder, as they are, under a policy that lets it load nothing else.
import { readFile } from 'node:fs/promises';
import type { IncomingMessage, ServerResponse } from 'node:http';

const FILES: Readonly<Record<string, readonly [file: string, type: string]>> = {
  '/': ['index.html', 'text/html'],
  '/style.css': ['style.css', 'text/css'],
  '/icon.svg': ['icon.svg', 'image/svg+xml'],
  '/chat.js': ['chat.js', 'text/javascript'],
  '/bubble.js': ['bubble.js', 'text/javascript'],
  '/composer.js': ['composer.js', 'text/javascript'],
  '/connection.js': ['connection.js', 'text/javascript'],
  '/formatted.js': ['formatted.js', 'text/javascript'],
};

const POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self' blob:",
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join('; ');

export async function servePage(path: string, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const [file, type] = FILES[path] ?? [];
  if (file === undefined || (request.method !== 'GET' && request.method !== 'HEAD')) {
    response.writeHead(404, { 'content-type': 'text/plain; charset=utf-8' }).end('There is nothing here\n');
    return;
  }
  const content = await readFile(new URL(file, import.meta.url));
  response.writeHead(200, {
    'content-type': `${type}; charset=utf-8`,
    'content-length': content.length,
    'content-security-policy': POLICY,
    'referrer-policy': 'no-referrer',
    'cache-control': 'no-cache',
  });
  response.end(request.method === 'HEAD' ? undefined : content);
}
