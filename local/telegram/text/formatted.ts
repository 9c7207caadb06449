// A text and its entities: from what a caller sent (parse_mode, entities, or plain) to what a message stores.
// HTML is parsed by html.ts, commands and links are found by detect.ts, both ends are trimmed as Telegram does.
import { BotApiError } from '../api/error.ts';
import type { Entity } from '../protocol.ts';
import { detectEntities } from './detect.ts';
import { linkUrl, parseHtml } from './html.ts';

/** Telegram's limits after parsing, in UTF-16 code units. */
export const MAX_TEXT_LENGTH = 4096;
export const MAX_CAPTION_LENGTH = 1024;
/** Before parsing, in bytes. */
const MAX_SOURCE_BYTES = 32_768;

export interface Formatted {
  readonly text: string;
  readonly entities: readonly Entity[];
}

/** Throws the Bot API's own errors: an unknown parse_mode, tags that do not match, a text beyond reason. */
export function format(source: string, parseMode = '', given?: readonly Entity[]): Formatted {
  if (Buffer.byteLength(source) > MAX_SOURCE_BYTES) throw BotApiError.badRequest('text is too long');
  const parsed = parse(source.replaceAll('\r', ''), parseMode.toLowerCase(), given);
  const { text, entities } = trim(parsed);
  const all = [...entities, ...detectEntities(text, entities)];
  return { text, entities: all.sort((left, right) => left.offset - right.offset || right.length - left.length) };
}

function parse(source: string, mode: string, given: readonly Entity[] = []): Formatted {
  if (mode === 'html') return parseHtml(source);
  if (mode === 'markdown' || mode === 'markdownv2') {
    throw BotApiError.badRequest(`parse_mode ${mode} is not offered by this local server: use HTML`);
  }
  if (mode !== '' && mode !== 'none') throw BotApiError.badRequest('unsupported parse_mode');
  return { text: source, entities: given.filter(({ type, url = '' }) => type !== 'text_link' || linkUrl(url)) };
}

function trim({ text, entities }: Formatted): Formatted {
  const start = text.length - text.trimStart().length;
  const trimmed = text.trim();
  const kept: Entity[] = [];
  for (const entity of entities) {
    const from = Math.max(0, entity.offset - start);
    const to = Math.min(trimmed.length, entity.offset + entity.length - start);
    if (to > from) kept.push({ ...entity, offset: from, length: to - from });
  }
  return { text: trimmed, entities: kept };
}
