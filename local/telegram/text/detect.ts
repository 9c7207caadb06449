// Entities that nobody marked up: commands, mentions, hashtags, e-mail and web addresses, found as Telegram's clients do.
import type { Entity } from '../protocol.ts';

const PATTERNS: readonly (readonly [type: string, pattern: RegExp])[] = [
  ['url', /(?<![\w/])https?:\/\/[^\s<>"']*[^\s<>"'.,:;!?)\]}]/giu],
  ['email', /(?<![\w.+-])[\w.+-]+@[\w-]+(?:\.[\w-]+)*\.[a-z]{2,}/giu],
  ['bot_command', /(?<![\w/<>@])\/[a-z0-9_]{1,64}(?:@[a-z][a-z0-9_]{2,31})?(?![\w/<>])/giu],
  ['mention', /(?<![\w@/.])@[a-z][a-z0-9_]{2,31}(?!\w)/giu],
  ['hashtag', /(?<![\p{L}\p{N}_#])#[\p{L}\p{N}_]*\p{L}[\p{L}\p{N}_]*/gu],
];

/** Code and links take no further entities inside. */
const CLOSED = new Set(['code', 'pre', 'text_link', 'url', 'email', 'bot_command', 'mention']);

/** Those found outside of what is already marked. */
export function detectEntities(text: string, marked: readonly Entity[]): Entity[] {
  const taken = marked.filter((entity) => CLOSED.has(entity.type));
  const found: Entity[] = [];
  for (const [type, pattern] of PATTERNS) {
    for (const match of text.matchAll(pattern)) {
      const entity: Entity = { type, offset: match.index, length: match[0].length };
      if ([...taken, ...found].some((other) => overlaps(entity, other))) continue;
      found.push(entity);
    }
  }
  return found;
}

function overlaps(left: Entity, right: Entity): boolean {
  return left.offset < right.offset + right.length && right.offset < left.offset + left.length;
}
