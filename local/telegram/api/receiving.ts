// How a bot learns and answers what users do: getUpdates, the webhook methods around it, callback answers, getFile.
import type { CallbackAnswer } from '../state/conversations.ts';
import type { Method } from './content.ts';
import { BotApiError } from './error.ts';

const MAX_ANSWER_LENGTH = 200;

const getUpdates: Method = (call, { queue }, hungUp) => {
  const allowed = call.json('allowed_updates', 'allowed updates');
  return queue.poll(
    {
      offset: call.integer('offset'),
      limit: call.integer('limit'),
      timeoutSeconds: call.integer('timeout'),
      allowedUpdates: Array.isArray(allowed) ? allowed.map(String) : undefined,
    },
    hungUp,
  );
};

const deleteWebhook: Method = (call, { queue }) => {
  if (call.flag('drop_pending_updates')) queue.dropPending();
  return true;
};

/** An empty URL removes the webhook, as in Telegram. */
const setWebhook: Method = (call, desk, hungUp) => {
  if (!call.has('url')) return deleteWebhook(call, desk, hungUp);
  throw BotApiError.badRequest('bad webhook: this local server calls no webhooks, use getUpdates');
};

const getWebhookInfo: Method = (_call, { conversations }) => ({
  url: '',
  has_custom_certificate: false,
  pending_update_count: conversations.pendingUpdateCount,
  allowed_updates: conversations.profile.allowedUpdates,
});

const answerCallbackQuery: Method = (call, desk) => {
  const id = call.string('callback_query_id') ?? '';
  const chatId = desk.openQueries.get(id);
  if (chatId === undefined) {
    throw BotApiError.badRequest('query is too old and response timeout expired or query ID is invalid');
  }
  const text = call.string('text') ?? '';
  if (text.length > MAX_ANSWER_LENGTH) throw BotApiError.badRequest('MESSAGE_TOO_LONG');
  desk.openQueries.delete(id);
  const url = call.string('url');
  const answer: CallbackAnswer = {
    query_id: id,
    ...(text === '' ? {} : { text }),
    ...(call.flag('show_alert') ? { show_alert: true } : {}),
    ...(url === undefined || url === '' ? {} : { url }),
  };
  desk.conversations.whisper(chatId, { event: 'answer', data: answer });
  return true;
};

const getFile: Method = (call, { conversations, limits }) => {
  const file = conversations.file(call.string('file_id') ?? '');
  if (file === undefined) throw BotApiError.badRequest('invalid file_id');
  if (file.bytes > limits.downloadBytes) throw BotApiError.badRequest('file is too big');
  return { file_id: file.id, file_unique_id: file.uniqueId, file_size: file.bytes, file_path: file.path };
};

export const RECEIVING: Readonly<Record<string, Method>> = {
  getUpdates,
  deleteWebhook,
  setWebhook,
  getWebhookInfo,
  answerCallbackQuery,
  getFile,
};
