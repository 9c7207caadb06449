// One message as an element: quote, photo or document, formatted text, time, inline keyboard.
import { formatted, safeUrl } from './formatted.js';

const UNITS = ['bytes', 'KB', 'MB', 'GB'];
const TIME = new Intl.DateTimeFormat(undefined, { hour: '2-digit', minute: '2-digit' });

export function element(tag, properties = {}, ...children) {
  const created = Object.assign(document.createElement(tag), properties);
  created.append(...children.filter((child) => child !== undefined));
  return created;
}

/** `actions`: {fileUrl, view(photo url, words), command(text), press(message, button data, element)}. */
export function bubble(message, actions) {
  const mine = !message.from.is_bot;
  const words = message.text ?? message.caption;
  const content = element(
    'div',
    { className: 'bubble' },
    element('span', { className: 'quiet-only' }, mine ? 'You: ' : `${message.from.first_name}: `),
    quote(message.reply_to_message),
    photo(message, actions),
    message.document && file(message.document, actions.fileUrl(message.document.file_id)),
    words === undefined
      ? undefined
      : element('div', { className: 'text' }, formatted(words, message.entities ?? message.caption_entities, actions.command)),
    time(message),
  );
  inlineTime(content);
  const item = element('li', { className: `message ${mine ? 'mine' : 'theirs'}` }, content, keyboard(message, actions));
  item.dataset.id = message.message_id;
  item.dataset.date = message.date;
  return item;
}

/** The time floats at the end of the last line of text: it has to stand inside the text's block. */
function inlineTime(content) {
  const text = content.querySelector('.text');
  const meta = content.querySelector('.meta');
  if (text && !(text.lastElementChild?.matches('pre, blockquote') && text.lastChild === text.lastElementChild)) text.append(meta);
}

function time(message) {
  const date = new Date(message.date * 1000);
  const stamp = element('time', { dateTime: date.toISOString(), title: date.toLocaleString() }, TIME.format(date));
  return element('span', { className: 'meta' }, message.edit_date ? 'edited ' : '', stamp);
}

function quote(message) {
  if (!message) return undefined;
  const words = message.text ?? message.caption ?? message.document?.file_name ?? 'Photo';
  return element('p', { className: 'quoted' }, words);
}

function photo(message, actions) {
  const size = message.photo?.at(-1);
  if (!size) return undefined;
  const words = message.caption ?? 'Photo';
  const url = actions.fileUrl(size.file_id, true);
  const image = element('img', { src: url, alt: words, width: size.width, height: size.height, decoding: 'async' });
  const button = element('button', { type: 'button', className: 'photo', title: 'Enlarge' }, image);
  button.addEventListener('click', () => actions.view(url, words));
  return button;
}

export function file({ file_name: name = 'file', file_size: size }, url) {
  const extension = /\.([A-Za-z0-9]{1,5})$/.exec(name)?.[1]?.toUpperCase() ?? 'FILE';
  const about = element('span', { className: 'about' }, [bytes(size), url && 'Download'].filter(Boolean).join(' · '));
  const lines = element('span', {}, element('span', { className: 'name' }, name), about);
  const kind = element('span', { className: 'kind' }, extension);
  kind.setAttribute('aria-hidden', 'true');
  return element(url ? 'a' : 'div', { className: 'file', ...(url ? { href: url, download: name } : {}) }, kind, lines);
}

function keyboard(message, actions) {
  const rows = message.reply_markup?.inline_keyboard;
  if (!rows) return undefined;
  const group = element(
    'div',
    { className: 'keys' },
    ...rows.map((row) => element('div', { className: 'row' }, ...row.map((button) => key(message, button, actions)))),
  );
  group.setAttribute('role', 'group');
  group.setAttribute('aria-label', 'Choices');
  return group;
}

function key(message, button, actions) {
  if (button.url !== undefined) {
    const link = element('a', { target: '_blank', rel: 'noopener noreferrer' }, `${button.text} ↗`);
    const url = safeUrl(button.url);
    if (url) link.href = url;
    return link;
  }
  const pressed = element('button', { type: 'button' }, button.text);
  pressed.addEventListener('click', () => actions.press(message, button.callback_data, pressed));
  return pressed;
}

export function bytes(count) {
  if (count === undefined) return '';
  let unit = 0;
  let value = count;
  while (value >= 1024 && unit < UNITS.length - 1) {
    value /= 1024;
    unit += 1;
  }
  return `${unit === 0 || value >= 100 ? Math.round(value) : value.toFixed(1)} ${UNITS[unit]}`;
}
