// The chat page's table of contents: who is writing, the history, live events, and what buttons do.
import { bubble, bytes, element, file as fileCard } from './bubble.js';
import { Composer } from './composer.js';
import { Connection } from './connection.js';

const TYPING_MS = 5_000;
const ANSWER_MS = 15_000;
const NEAR_END_PX = 120;
const PHOTO_BYTES = 10 * 1024 * 1024;
const PHOTO_TYPES = ['image/png', 'image/jpeg', 'image/webp'];
const ACTIONS = { typing: 'typing…', upload_photo: 'sending a photo…', upload_document: 'sending a file…' };
const DAY = new Intl.DateTimeFormat(undefined, { weekday: 'long', day: 'numeric', month: 'long' });

const byId = (id) => document.getElementById(id);
const history = byId('history');
const list = byId('messages');
const query = new URLSearchParams(location.search);
const userId = /^[1-9]\d{0,11}$/.test(query.get('user') ?? '') ? query.get('user') : '1001';
const connection = new Connection(userId);
const composer = new Composer({ send, upload });
const presses = new Map();
/** What each message looked like when it was last drawn. */
const shown = new Map();
let idle = 'bot';
let unread = 0;
let typingTimer;

await begin();

async function begin() {
  try {
    const { user, bot, commands, description } = await connection.hello(query.get('name') ?? (userId === '1001' ? 'Ada' : undefined));
    byId('bot-name').textContent = bot.first_name;
    byId('welcome-name').textContent = bot.first_name;
    byId('welcome-text').textContent = description || `@${bot.username}`;
    byId('user').textContent = user.first_name;
    idle = `@${bot.username} · bot`;
    document.title = `${bot.first_name} – ${user.first_name}`;
    composer.commands = commands;
    const { sequence } = await reload();
    connection.follow(sequence, {
      open: () => status(idle),
      lost: () => status('connecting…'),
      message: (message) => add(message),
      edit,
      delete: ({ message_id: id }) => remove(id),
      typing: ({ action }) => typing(action),
      answer,
      commands: (data) => (composer.commands = data.commands),
      reset: reload,
    });
  } catch (error) {
    status('not connected');
    toast(error.message);
    setTimeout(begin, 2_000);
  }
}

async function reload() {
  const loaded = await connection.history();
  list.replaceChildren();
  for (const message of loaded.messages) add(message, true);
  const last = loaded.messages.at(-1);
  if (last?.reply_keyboard) composer.keyboard(last);
  welcome();
  toEnd();
  return loaded;
}

function render(message) {
  shown.set(message.message_id, JSON.stringify(message));
  return bubble(message, { fileUrl: (id, inline) => connection.fileUrl(id, inline), view, press, command: (text) => send(text) });
}

function add(message, old = false) {
  if (find(message.message_id)) return edit(message);
  const stick = nearEnd();
  const item = render(message);
  const previous = [...list.querySelectorAll('.message:not(.pending)')].at(-1);
  const day = (time) => new Date(time * 1000).toDateString();
  if (previous === undefined || day(previous.dataset.date) !== day(message.date)) {
    list.append(element('li', { className: 'day' }, DAY.format(new Date(message.date * 1000))));
  }
  list.append(item);
  for (const image of item.querySelectorAll('img')) image.addEventListener('load', () => stick && toEnd());
  if (old) return;
  welcome();
  if (message.from.is_bot) status(idle);
  if (message.reply_keyboard) composer.keyboard(message);
  if (stick || !message.from.is_bot) toEnd();
  else showUnread(unread + 1);
}

function edit(message) {
  const before = find(message.message_id);
  if (!before) return add(message);
  // One's own message comes twice: as the answer to sending it and as an event.
  if (shown.get(message.message_id) === JSON.stringify(message)) return;
  const stick = nearEnd();
  const after = render(message);
  const focused = before.contains(document.activeElement) ? document.activeElement.textContent : undefined;
  before.replaceWith(after);
  // The card one is reading moves on, and whoever was on a button stays on it.
  if (focused !== undefined) [...after.querySelectorAll('button, a')].find((key) => key.textContent === focused)?.focus();
  after.querySelector('.bubble').classList.add('changed');
  if (stick) toEnd();
}

function remove(id) {
  const item = find(id);
  const previous = item?.previousElementSibling;
  const next = item?.nextElementSibling;
  item?.remove();
  if (previous?.matches('.day') && (!next || next.matches('.day'))) previous.remove();
  welcome();
}

function find(id) {
  return list.querySelector(`[data-id="${Number(id)}"]`);
}

function welcome() {
  byId('welcome').hidden = list.querySelector('.message') !== null;
}

async function send(text, replyTo) {
  try {
    add(await connection.send(text, replyTo));
  } catch (error) {
    toast(error.message);
    if (byId('text').value === '') byId('text').value = text;
  }
}

function upload(file, caption) {
  const as = PHOTO_TYPES.includes(file.type) && file.size <= PHOTO_BYTES ? 'photo' : 'document';
  const bar = element('progress', { max: 1, value: 0 });
  bar.setAttribute('aria-label', `Sending ${file.name}`);
  const note = element('span', { className: 'about' }, `0 of ${bytes(file.size)}`);
  const cancel = element('button', { type: 'button', className: 'plain' }, 'Cancel');
  const card = element('div', { className: 'bubble' }, fileCard({ file_name: file.name, file_size: file.size }), bar, note, ' ', cancel);
  const item = element('li', { className: 'message mine wide pending' }, card);
  list.append(item);
  welcome();
  toEnd();
  const transfer = connection.upload(file, { caption, as }, (sent, total) => {
    bar.value = total > 0 ? sent / total : 0;
    note.textContent = `${bytes(sent)} of ${bytes(total)}`;
  });
  cancel.addEventListener('click', () => transfer.cancel());
  transfer.sent.then(
    (message) => {
      item.remove();
      add(message);
    },
    (error) => failed(item, error.message),
  );
}

function failed(item, reason) {
  item.querySelector('progress')?.remove();
  const dismiss = item.querySelector('.plain');
  dismiss.textContent = 'Dismiss';
  dismiss.addEventListener('click', () => {
    item.remove();
    welcome();
  });
  const note = item.querySelector('.bubble > .about');
  note.className = 'failed';
  note.textContent = reason;
  note.setAttribute('role', 'alert');
}

async function press(message, data, key) {
  if (key.getAttribute('aria-busy') === 'true') return;
  key.setAttribute('aria-busy', 'true');
  const done = () => key.removeAttribute('aria-busy');
  setTimeout(done, ANSWER_MS);
  try {
    const { query_id: id } = await connection.press(message.message_id, data);
    presses.set(id, done);
  } catch (error) {
    done();
    toast(error.message);
  }
}

function answer({ query_id: id, text, show_alert: alert }) {
  // The answer may overtake the reply to the press itself.
  setTimeout(() => {
    presses.get(id)?.();
    presses.delete(id);
  }, 50);
  if (!text) return;
  if (!alert) return toast(text);
  byId('alert-text').textContent = text;
  byId('alert').showModal();
}

function typing(action) {
  clearTimeout(typingTimer);
  status(ACTIONS[action] ?? ACTIONS.typing, true);
  typingTimer = setTimeout(() => status(idle), TYPING_MS);
}

function status(text, active = false) {
  const line = byId('status');
  if (line.textContent !== text) line.textContent = text;
  line.classList.toggle('active', active);
}

let toastTimer;
function toast(text) {
  const place = byId('toast');
  clearTimeout(toastTimer);
  place.textContent = text;
  place.hidden = false;
  toastTimer = setTimeout(() => (place.hidden = true), 4_000);
}

function view(url, words) {
  byId('viewer-image').src = url;
  byId('viewer-image').alt = words;
  byId('viewer').showModal();
}

function nearEnd() {
  return history.scrollHeight - history.scrollTop - history.clientHeight < NEAR_END_PX;
}

function toEnd() {
  history.scrollTop = history.scrollHeight;
  showUnread(0);
}

function showUnread(count) {
  unread = count;
  byId('unread').textContent = count > 0 ? String(count) : '';
  byId('down').hidden = nearEnd() && count === 0;
}

history.addEventListener('scroll', () => showUnread(nearEnd() ? 0 : unread), { passive: true });
addEventListener('resize', () => unread === 0 && toEnd());
byId('down').addEventListener('click', toEnd);
byId('start').addEventListener('click', () => send('/start'));
byId('viewer').addEventListener('click', (event) => event.target.id === 'viewer' && event.target.close());
if (matchMedia('(hover: hover)').matches) composer.focus();
