// parse_mode HTML: tags to entities, with the very errors of Telegram's parser (TDLib's parse_html), byte offsets included.
// https://core.telegram.org/bots/api#html-style
import { BotApiError } from '../api/error.ts';
import type { Entity } from '../protocol.ts';

/** Tag to entity type; `a`, `pre`, `code`, `span` and `blockquote` have rules of their own below. */
const TYPES: Readonly<Record<string, string>> = {
  b: 'bold',
  strong: 'bold',
  i: 'italic',
  em: 'italic',
  u: 'underline',
  ins: 'underline',
  s: 'strikethrough',
  strike: 'strikethrough',
  del: 'strikethrough',
  'tg-spoiler': 'spoiler',
  span: 'spoiler',
  a: 'text_link',
  code: 'code',
  pre: 'pre',
  blockquote: 'blockquote',
};

const NAMED: Readonly<Record<string, string>> = { lt: '<', gt: '>', amp: '&', quot: '"' };

interface OpenTag {
  readonly name: string;
  readonly argument: string;
  readonly offset: number;
}

interface StartTag {
  readonly name: string;
  readonly argument: string;
  readonly end: number;
}

/** Throws a 400 whose description names the tag and the byte where it went wrong. */
export function parseHtml(source: string): { text: string; entities: Entity[] } {
  const entities: Entity[] = [];
  const open: OpenTag[] = [];
  let text = '';
  for (let at = 0; at < source.length; ) {
    const character = source[at];
    if (character === '&') {
      const decoded = decodeReference(source, at);
      text += decoded.text;
      at = decoded.end;
    } else if (character !== '<') {
      text += character;
      at += 1;
    } else if (source[at + 1] === '/') {
      at = readEndTag(source, at, open, (tag) => entities.push(...entityOf(tag, text)));
    } else {
      const tag = readStartTag(source, at);
      open.push({ name: tag.name, argument: tag.argument, offset: text.length });
      at = tag.end;
    }
  }
  const unclosed = open.at(-1);
  if (unclosed) throw cannotParse(`Can't find end tag corresponding to start tag "${unclosed.name}"`);
  return { text, entities: mergeCodeBlocks(entities) };
}

function readEndTag(source: string, begin: number, open: OpenTag[], close: (tag: OpenTag) => void): number {
  const tag = open.pop();
  if (tag === undefined) throw cannotParse(`Unexpected end tag at byte offset ${byteOffset(source, begin)}`);
  const match = /^<\/([^\s>]*)\s*/.exec(source.slice(begin));
  const name = match?.[1]?.toLowerCase() ?? '';
  const end = begin + (match?.[0].length ?? 2);
  if (source[end] !== '>') throw cannotParse(`Unclosed end tag at byte offset ${byteOffset(source, begin)}`);
  if (name !== '' && name !== tag.name) {
    const where = byteOffset(source, begin);
    throw cannotParse(`Unmatched end tag at byte offset ${where}, expected "</${tag.name}>", found "</${name}>"`);
  }
  close(tag);
  return end + 1;
}

function readStartTag(source: string, begin: number): StartTag {
  const where = byteOffset(source, begin);
  let at = begin + 1;
  while (at < source.length && !/[\s>]/.test(source[at] ?? '')) at += 1;
  if (at >= source.length) throw cannotParse(`Unclosed start tag at byte offset ${where}`);
  const name = source.slice(begin + 1, at).toLowerCase();
  if (TYPES[name] === undefined) throw cannotParse(`Unsupported start tag "${name}" at byte offset ${where}`);
  const { argument, end } = readAttributes(source, at, name, where);
  if (name === 'span' && argument !== 'tg-spoiler') {
    throw cannotParse(`Tag "span" must have class "tg-spoiler" at byte offset ${where}`);
  }
  return { name, argument, end };
}

/** From just after the tag's name to just after its `>`; keeps the one attribute that means something. */
function readAttributes(source: string, start: number, tag: string, where: number): { argument: string; end: number } {
  let argument = '';
  let at = start;
  for (;;) {
    at = skipSpace(source, at);
    if (source[at] === '>') return { argument, end: at + 1 };
    const nameEnd = at + (/^[^\s=>]*/.exec(source.slice(at))?.[0].length ?? 0);
    const name = source.slice(at, nameEnd).toLowerCase();
    if (name === '') throw cannotParse(`Empty attribute name in the tag "${tag}" at byte offset ${where}`);
    at = skipSpace(source, nameEnd);
    if (source[at] !== '=') {
      if (tag === 'blockquote' && name === 'expandable') continue;
      throw cannotParse(
        `Expected equal sign in declaration of an attribute of the tag "${tag}" at byte offset ${where}`,
      );
    }
    const value = readValue(source, skipSpace(source, at + 1));
    at = value.end;
    if (at >= source.length) throw cannotParse(`Unclosed start tag at byte offset ${where}`);
    if ((tag === 'a' && name === 'href') || (tag === 'span' && name === 'class')) argument = value.text;
    if (tag === 'code' && name === 'class' && value.text.startsWith('language-')) argument = value.text.slice(9);
  }
}

function readValue(source: string, start: number): { text: string; end: number } {
  const quote = source[start];
  if (quote !== '"' && quote !== "'") {
    const text = /^[A-Za-z0-9.-]*/.exec(source.slice(start))?.[0] ?? '';
    const end = start + text.length;
    if (end < source.length && !/[\s>]/.test(source[end] ?? '')) {
      throw cannotParse(`Unexpected end of name token at byte offset ${byteOffset(source, start)}`);
    }
    return { text: text.toLowerCase(), end };
  }
  let text = '';
  let at = start + 1;
  while (at < source.length && source[at] !== quote) {
    const piece = source[at] === '&' ? decodeReference(source, at) : { text: source[at] ?? '', end: at + 1 };
    text += piece.text;
    at = piece.end;
  }
  return { text, end: at + 1 };
}

function entityOf(tag: OpenTag, text: string): Entity[] {
  const length = text.length - tag.offset;
  if (length === 0) return [];
  const place = { offset: tag.offset, length };
  if (tag.name === 'a') {
    const url = linkUrl(tag.argument === '' ? text.slice(tag.offset) : tag.argument);
    return url === undefined ? [] : [{ type: 'text_link', ...place, url }];
  }
  const type = TYPES[tag.name] ?? tag.name;
  return [tag.name === 'code' && tag.argument !== '' ? { type, ...place, language: tag.argument } : { type, ...place }];
}

/** Telegram links lead to http, https, tg or mailto; anything else (javascript:, data:) stays plain text. */
export function linkUrl(href: string): string | undefined {
  const withScheme = /^[a-z][a-z0-9+.-]*:/i.test(href) ? href : `http://${href}`;
  try {
    const url = new URL(withScheme);
    return ['http:', 'https:', 'tg:', 'mailto:'].includes(url.protocol) ? url.href : undefined;
  } catch {
    return undefined;
  }
}

/** `<pre><code class="language-x">` is one `pre` with a language; a language means nothing elsewhere. */
function mergeCodeBlocks(entities: readonly Entity[]): Entity[] {
  const same = (left: Entity, right: Entity) => left.offset === right.offset && left.length === right.length;
  return entities
    .filter(
      (entity) => !(entity.type === 'code' && entities.some((other) => other.type === 'pre' && same(entity, other))),
    )
    .map(({ language: _, ...entity }) => {
      if (entity.type !== 'pre') return entity;
      const language = entities.find((other) => other.type === 'code' && same(other, entity))?.language;
      return language === undefined ? entity : { ...entity, language };
    });
}

/** A character reference at `at`, or the ampersand itself when it is none that Telegram knows. */
function decodeReference(source: string, at: number): { text: string; end: number } {
  const match = /^&(?:#x([0-9a-f]{1,6})|#([0-9]{1,7})|([a-z]+));?/i.exec(source.slice(at, at + 12));
  const whole = match?.[0] ?? '';
  if (match?.[1] !== undefined || match?.[2] !== undefined) {
    const code = match[1] === undefined ? Number(match[2]) : Number.parseInt(match[1], 16);
    if (code > 0 && code <= 0x10ffff) return { text: String.fromCodePoint(code), end: at + whole.length };
  }
  const named = NAMED[match?.[3] ?? ''];
  return named === undefined ? { text: '&', end: at + 1 } : { text: named, end: at + whole.length };
}

function skipSpace(source: string, at: number): number {
  return at + (/^\s*/.exec(source.slice(at))?.[0].length ?? 0);
}

function byteOffset(source: string, at: number): number {
  return Buffer.byteLength(source.slice(0, at));
}

function cannotParse(reason: string): BotApiError {
  return BotApiError.badRequest(`can't parse entities: ${reason}`);
}
