// Server-sent events of one chat. Events that last carry an id; with it (Last-Event-ID, or ?after=) a client that was away
// gets what changed meanwhile, also over a restart of this server, and nothing twice.
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Clock } from '../../../cloud/clock.ts';
import type { ChatEvent, Conversations } from '../state/conversations.ts';

const HEARTBEAT_MS = 15_000;
const RETRY_MS = 500;
/** A reader that lets this much pile up is cut off; it comes back by its last id. */
const MAX_UNREAD_BYTES = 8 * 1024 * 1024;

export function streamEvents(
  conversations: Conversations,
  clock: Clock,
  chatId: number,
  after: string | null,
  request: IncomingMessage,
  response: ServerResponse,
): void {
  response.writeHead(200, { 'content-type': 'text/event-stream; charset=utf-8', 'cache-control': 'no-store' });
  response.write(`retry: ${RETRY_MS}\n\n`);
  const send = (event: ChatEvent) => {
    if (response.writableLength > MAX_UNREAD_BYTES) response.destroy();
    else response.write(encode(event));
  };
  const last = Number(request.headers['last-event-id'] ?? after ?? conversations.sequence);
  // An id from before the state was wiped: the client must begin anew.
  if (!Number.isSafeInteger(last) || last > conversations.sequence) response.write('event: reset\ndata: {}\n\n');
  else for (const event of conversations.changesSince(chatId, last)) send(event);
  const unlisten = conversations.listen(chatId, send);
  let cancel = () => {};
  const beat = () => {
    response.write(': still here\n\n');
    cancel = clock.after(HEARTBEAT_MS, beat);
  };
  cancel = clock.after(HEARTBEAT_MS, beat);
  response.once('close', () => {
    unlisten();
    cancel();
  });
}

function encode(event: ChatEvent): string {
  const id = 'sequence' in event ? `id: ${event.sequence}\n` : '';
  return `${id}event: ${event.event}\ndata: ${JSON.stringify(event.data)}\n\n`;
}
