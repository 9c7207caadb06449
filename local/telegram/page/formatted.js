// Text and entities to nodes. Text only ever becomes text nodes, and links only lead where `safeUrl` lets them.

const ELEMENTS = {
  bold: 'b',
  italic: 'i',
  underline: 'u',
  strikethrough: 's',
  code: 'code',
  pre: 'pre',
  blockquote: 'blockquote',
  spoiler: 'span',
};

const BLOCKS = new Set(['pre', 'blockquote']);

/** Builds the nodes of a text; `onCommand` is called with a command that was clicked. */
export function formatted(text, entities = [], onCommand) {
  const sorted = [...entities].sort((left, right) => left.offset - right.offset || right.length - left.length);
  return range(text, 0, text.length, sorted, onCommand);
}

/** The part from `from` to `to`; entities that only partly lie in it are cut. */
function range(text, from, to, entities, onCommand) {
  const fragment = document.createDocumentFragment();
  let at = from;
  let rest = entities;
  while (rest.length > 0) {
    const [entity, ...others] = rest;
    rest = others;
    const start = Math.max(at, entity.offset);
    const end = Math.min(to, entity.offset + entity.length);
    if (end <= start) continue;
    const block = BLOCKS.has(entity.type);
    if (start > at) fragment.append(block ? text.slice(at, start).replace(/\n$/, '') : text.slice(at, start));
    const element = elementOf(entity, text.slice(start, end), onCommand);
    element.append(range(text, start, end, rest, onCommand));
    fragment.append(element);
    // A block breaks the line by itself: the line break around it would show as an empty line.
    at = block && text[end] === '\n' ? end + 1 : end;
  }
  if (at < to) fragment.append(text.slice(at, to));
  return fragment;
}

function elementOf(entity, covered, onCommand) {
  if (entity.type === 'bot_command' && onCommand) {
    const button = document.createElement('button');
    button.type = 'button';
    button.className = 'command';
    button.addEventListener('click', () => onCommand(covered));
    return button;
  }
  const target = { text_link: entity.url, url: covered, email: `mailto:${covered}` }[entity.type];
  const url = target === undefined ? undefined : safeUrl(target);
  if (url !== undefined) {
    const link = document.createElement('a');
    link.href = url;
    link.target = '_blank';
    link.rel = 'noopener noreferrer nofollow';
    if (entity.type === 'text_link') link.title = url;
    return link;
  }
  const element = document.createElement(ELEMENTS[entity.type] ?? 'span');
  if (entity.type === 'spoiler') {
    element.className = 'spoiler';
    element.tabIndex = 0;
  }
  if (entity.type === 'pre' && entity.language) element.dataset.language = entity.language;
  return element;
}

/** http, https and mailto only: never javascript: or data:. */
export function safeUrl(url) {
  try {
    const parsed = new URL(url);
    return ['http:', 'https:', 'mailto:'].includes(parsed.protocol) ? parsed.href : undefined;
  } catch {
    return undefined;
  }
}
