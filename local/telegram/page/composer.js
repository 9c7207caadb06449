// The lower edge: text that grows, files waiting to be sent, the command list, a bot's own keyboard, replies.
import { bytes, element } from './bubble.js';

const byId = (id) => document.getElementById(id);

export class Composer {
  #commands = [];
  #files = [];
  #replyTo;
  #chosen = -1;

  /** `actions`: {send(text, replyTo), upload(file, caption)}. */
  constructor(actions) {
    this.actions = actions;
    this.text = byId('text');
    this.list = byId('suggestions');
    byId('composer').addEventListener('submit', (event) => {
      event.preventDefault();
      this.#submit();
    });
    this.text.addEventListener('input', () => this.#changed());
    this.text.addEventListener('keydown', (event) => this.#key(event));
    this.text.addEventListener('blur', () => setTimeout(() => this.#showCommands([]), 150));
    this.text.addEventListener('paste', (event) => this.#paste(event));
    byId('menu').addEventListener('click', () => this.#toggleMenu());
    byId('attach').addEventListener('click', () => byId('files').click());
    byId('files').addEventListener('change', (event) => {
      this.attach(event.target.files);
      event.target.value = '';
    });
    byId('reply-cancel').addEventListener('click', () => this.replyTo(undefined));
    this.#acceptDrops();
    this.#changed();
  }

  set commands(commands) {
    this.#commands = commands;
    byId('menu').hidden = commands.length === 0;
  }

  focus() {
    this.text.focus({ preventScroll: true });
  }

  attach(files) {
    this.#files.push(...files);
    this.#showFiles();
    this.focus();
  }

  replyTo(message, placeholder) {
    this.#replyTo = message?.message_id;
    byId('reply').hidden = message === undefined;
    byId('reply-text').textContent = message?.text ?? message?.caption ?? '';
    this.text.placeholder = placeholder ?? 'Message';
    if (message) this.focus();
  }

  /** What a bot put in place of the user's keyboard, or its removal. */
  keyboard(message) {
    const { keyboard, remove_keyboard: remove, force_reply: force, one_time_keyboard: once } = message.reply_keyboard;
    if (force) return this.replyTo(message, message.reply_keyboard.input_field_placeholder);
    const place = byId('keyboard');
    if (remove) place.hidden = true;
    if (!keyboard) return;
    place.replaceChildren(
      ...keyboard.map((row) =>
        element('div', { className: 'row' }, ...row.map(({ text }) => {
          const key = element('button', { type: 'button' }, text);
          key.addEventListener('click', () => {
            if (once) place.hidden = true;
            this.actions.send(text);
          });
          return key;
        })),
      ),
    );
    place.hidden = false;
  }

  #submit() {
    const text = this.text.value.trim();
    const files = this.#files;
    if (text === '' && files.length === 0) return;
    const replyTo = this.#replyTo;
    this.#files = [];
    this.text.value = '';
    this.replyTo(undefined);
    this.#showFiles();
    this.#changed();
    if (files.length === 0) this.actions.send(text, replyTo);
    files.forEach((file, index) => this.actions.upload(file, index === 0 ? text : ''));
    this.focus();
  }

  #changed() {
    this.text.style.height = 'auto';
    this.text.style.height = `${this.text.scrollHeight}px`;
    byId('send').disabled = this.text.value.trim() === '' && this.#files.length === 0;
    const typed = /^\/(\w*)$/.exec(this.text.value)?.[1];
    this.#showCommands(typed === undefined ? [] : this.#commands.filter(({ command }) => command.startsWith(typed)));
  }

  #toggleMenu() {
    const open = this.list.hidden;
    this.focus();
    this.#showCommands(open ? this.#commands : []);
  }

  #showCommands(commands) {
    this.#chosen = commands.length > 0 ? 0 : -1;
    this.list.hidden = commands.length === 0;
    byId('menu').setAttribute('aria-expanded', String(commands.length > 0));
    this.list.replaceChildren(...commands.map(({ command, description }, index) => {
      const item = element('li', { id: `command-${index}` }, element('b', {}, `/${command}`), element('span', {}, description));
      item.setAttribute('role', 'option');
      item.addEventListener('pointerdown', (event) => {
        event.preventDefault();
        this.#run(command);
      });
      return item;
    }));
    this.#markChosen();
  }

  #markChosen() {
    [...this.list.children].forEach((item, index) => {
      item.setAttribute('aria-selected', String(index === this.#chosen));
      if (index === this.#chosen) item.scrollIntoView({ block: 'nearest' });
    });
    if (this.#chosen >= 0) this.text.setAttribute('aria-activedescendant', `command-${this.#chosen}`);
    else this.text.removeAttribute('aria-activedescendant');
  }

  #run(command) {
    this.text.value = '';
    this.#changed();
    this.actions.send(`/${command}`);
  }

  #key(event) {
    const open = !this.list.hidden;
    if (open && (event.key === 'ArrowDown' || event.key === 'ArrowUp')) {
      event.preventDefault();
      const count = this.list.children.length;
      this.#chosen = (this.#chosen + (event.key === 'ArrowDown' ? 1 : count - 1)) % count;
      this.#markChosen();
    } else if (open && event.key === 'Escape') {
      this.#showCommands([]);
    } else if (open && event.key === 'Tab' && !event.shiftKey) {
      event.preventDefault();
      this.text.value = `${this.#chosenCommand()} `;
      this.#changed();
    } else if (event.key === 'Enter' && !event.shiftKey && !event.isComposing) {
      event.preventDefault();
      if (open) this.#run(this.#chosenCommand().slice(1));
      else this.#submit();
    }
  }

  #chosenCommand() {
    return this.list.children[this.#chosen].firstElementChild.textContent;
  }

  #showFiles() {
    const list = byId('attachments');
    list.hidden = this.#files.length === 0;
    list.replaceChildren(...this.#files.map((file) => {
      const remove = element('button', { type: 'button' }, '✕');
      remove.setAttribute('aria-label', `Do not send ${file.name}`);
      remove.addEventListener('click', () => {
        this.#files = this.#files.filter((other) => other !== file);
        this.#showFiles();
      });
      const name = element('span', { className: 'name' }, file.name);
      return element('li', {}, name, element('span', { className: 'about' }, bytes(file.size)), remove);
    }));
    byId('send').disabled = this.text.value.trim() === '' && this.#files.length === 0;
    this.text.placeholder = this.#files.length > 0 ? 'Caption' : 'Message';
  }

  #paste(event) {
    if (event.clipboardData.files.length === 0) return;
    event.preventDefault();
    this.attach(event.clipboardData.files);
  }

  #acceptDrops() {
    let depth = 0;
    const overlay = byId('drop');
    const carriesFiles = (event) => event.dataTransfer?.types.includes('Files');
    const show = (visible) => {
      overlay.hidden = !visible;
      if (!visible) depth = 0;
    };
    addEventListener('dragenter', (event) => {
      if (!carriesFiles(event)) return;
      depth += 1;
      show(true);
    });
    addEventListener('dragleave', () => {
      depth -= 1;
      if (depth <= 0) show(false);
    });
    addEventListener('dragover', (event) => event.preventDefault());
    addEventListener('drop', (event) => {
      event.preventDefault();
      show(false);
      if (event.dataTransfer.files.length > 0) this.attach(event.dataTransfer.files);
    });
  }
}
