// Everything this Telegram remembers: chats, messages, files, the bot's profile and the updates it has not confirmed.
// Each change is written to the journal first, then applied here, then told to whoever listens (client/stream.ts).
// Messages and deletions carry a sequence number, by which a client that was away asks for what changed since.
import { EventEmitter } from 'node:events';
import type {
  BotCommand,
  Chat,
  ClientMessage,
  Message,
  ReplyKeyboard,
  StoredFile,
  Update,
  UpdateContent,
} from '../protocol.ts';
import { Journal } from './journal.ts';

/** A journal this long is rewritten when it holds mostly history (edits of the same cards, confirmed updates). */
const REWRITE_AFTER_LINES = 5_000;

export interface ChatState {
  readonly chat: Chat;
  /** The user has written to the bot: before that, the bot can't find the chat. */
  readonly started: boolean;
  readonly blocked: boolean;
}

export interface Profile {
  readonly name?: string;
  readonly description?: string;
  readonly shortDescription?: string;
  readonly menuButton?: unknown;
  /** By scope and language, as one string. */
  readonly commands: Readonly<Record<string, readonly BotCommand[]>>;
  readonly allowedUpdates?: readonly string[];
}

interface StoredMessage {
  readonly message: Message;
  readonly keyboard?: ReplyKeyboard;
  /** Sequence numbers of its sending and of its last change. */
  readonly created: number;
  readonly changed: number;
}

export type Entry =
  | ({ readonly kind: 'chat' } & ChatState)
  | ({ readonly kind: 'message' } & StoredMessage)
  | { readonly kind: 'delete'; readonly chat: number; readonly message: number; readonly changed: number }
  | { readonly kind: 'file'; readonly file: StoredFile }
  | { readonly kind: 'profile'; readonly profile: Profile }
  | { readonly kind: 'update'; readonly update: Update }
  | { readonly kind: 'counters'; readonly confirmed: number; readonly nextMessage: number; readonly sequence: number };

/** What happened in a chat; `sequence` is missing for what nobody needs to catch up on. */
export type ChatEvent =
  | { readonly event: 'message' | 'edit'; readonly sequence: number; readonly data: ClientMessage }
  | { readonly event: 'delete'; readonly sequence: number; readonly data: { readonly message_id: number } }
  | { readonly event: 'typing'; readonly data: { readonly action: string } }
  | { readonly event: 'answer'; readonly data: CallbackAnswer }
  | { readonly event: 'commands'; readonly data: { readonly commands: readonly BotCommand[] } };

export interface CallbackAnswer {
  readonly query_id: string;
  readonly text?: string;
  readonly show_alert?: boolean;
  readonly url?: string;
}

export class Conversations {
  readonly #journal: Journal<Entry>;
  readonly #chats = new Map<number, ChatState>();
  readonly #messages = new Map<number, Map<number, StoredMessage>>();
  readonly #deletions = new Map<number, Map<number, number>>();
  readonly #filesOfChat = new Map<number, Set<string>>();
  readonly #files = new Map<string, StoredFile>();
  readonly #updates = new Map<number, Update>();
  readonly #listeners = new EventEmitter().setMaxListeners(0);
  #profile: Profile = { commands: {} };
  #confirmed = 0;
  #nextMessage = 1;
  #nextUpdate = 1;
  #sequence = 0;

  /** Update ids begin with `firstUpdate`; below what was handed out before, it is ignored. */
  constructor(journalPath: string, firstUpdate = 1) {
    this.#nextUpdate = firstUpdate;
    this.#journal = new Journal<Entry>(journalPath, (entry) => this.#apply(entry));
    this.#shorten();
  }

  get profile(): Profile {
    return this.#profile;
  }

  get sequence(): number {
    return this.#sequence;
  }

  chat(id: number): ChatState | undefined {
    return this.#chats.get(id);
  }

  chats(): ChatState[] {
    return [...this.#chats.values()];
  }

  message(chatId: number, messageId: number): Message | undefined {
    return this.#messages.get(chatId)?.get(messageId)?.message;
  }

  /** The last `limit` messages of a chat, oldest first. */
  messages(chatId: number, limit: number): ClientMessage[] {
    const all = [...(this.#messages.get(chatId)?.values() ?? [])];
    return all.slice(Math.max(0, all.length - limit)).map(seenByClient);
  }

  file(id: string): StoredFile | undefined {
    return this.#files.get(id);
  }

  /** By the path that getFile answers. */
  fileAt(path: string): StoredFile | undefined {
    for (const file of this.#files.values()) if (file.path === path) return file;
    return undefined;
  }

  /** Whether a file was ever sent in this chat: what its user may download. */
  sentIn(chatId: number, fileId: string): boolean {
    return this.#filesOfChat.get(chatId)?.has(fileId) ?? false;
  }

  get fileCount(): number {
    return this.#files.size;
  }

  saveChat(state: ChatState): void {
    this.#commit([{ kind: 'chat', ...state }]);
  }

  saveFile(file: StoredFile): void {
    this.#commit([{ kind: 'file', file }]);
  }

  saveProfile(profile: Profile): void {
    this.#commit([{ kind: 'profile', profile }]);
  }

  /**
   * Adds a message and, with it, the update that tells the bot of it. Journalled as one change, so that no message is
   * shown that the bot will never hear of.
   */
  post(
    chat: Chat,
    content: Omit<Message, 'message_id' | 'chat'>,
    options: { keyboard?: ReplyKeyboard; update?: (message: Message) => UpdateContent } = {},
  ): Message {
    const message: Message = { message_id: this.#nextMessage, chat, ...content };
    const sequence = this.#sequence + 1;
    const entry: Entry = { kind: 'message', message, created: sequence, changed: sequence, keyboard: options.keyboard };
    const content_ = options.update?.(message);
    this.#commit(content_ === undefined ? [entry] : [entry, ...this.#asUpdate(content_)]);
    this.#tell(chat.id, { event: 'message', sequence, data: seenByClient(entry) });
    return message;
  }

  /** Replaces a message that is there; the id and the place in the chat stay. */
  replace(message: Message, update?: UpdateContent): void {
    const before = this.#messages.get(message.chat.id)?.get(message.message_id);
    const sequence = this.#sequence + 1;
    const created = before?.created ?? sequence;
    const entry: Entry = { kind: 'message', message, keyboard: before?.keyboard, created, changed: sequence };
    this.#commit(update === undefined ? [entry] : [entry, ...this.#asUpdate(update)]);
    this.#tell(message.chat.id, { event: 'edit', sequence, data: seenByClient(entry) });
  }

  remove(chatId: number, messageId: number): void {
    const sequence = this.#sequence + 1;
    this.#commit([{ kind: 'delete', chat: chatId, message: messageId, changed: sequence }]);
    this.#tell(chatId, { event: 'delete', sequence, data: { message_id: messageId } });
  }

  addUpdate(content: UpdateContent): void {
    this.#commit(this.#asUpdate(content));
  }

  /** Unconfirmed updates from `offset` on, oldest first. */
  pendingUpdates(offset: number, limit: number): Update[] {
    const found: Update[] = [];
    for (const update of this.#updates.values()) {
      if (found.length === limit) break;
      if (update.update_id >= offset) found.push(update);
    }
    return found;
  }

  get pendingUpdateCount(): number {
    return this.#updates.size;
  }

  /** Forgets every update below `offset`. */
  confirmUpdates(offset: number): void {
    const oldest = this.#updates.keys().next();
    if (oldest.done === true || oldest.value >= offset) return;
    this.#commit([{ kind: 'counters', confirmed: offset, nextMessage: this.#nextMessage, sequence: this.#sequence }]);
    this.#shorten();
  }

  /** What a client that knows everything up to `sequence` has missed, in order. Several edits of a message are one. */
  changesSince(chatId: number, sequence: number): ChatEvent[] {
    const missed: (ChatEvent & { sequence: number })[] = [];
    for (const stored of this.#messages.get(chatId)?.values() ?? []) {
      if (stored.changed <= sequence) continue;
      const event = stored.created > sequence ? 'message' : 'edit';
      missed.push({ event, sequence: stored.changed, data: seenByClient(stored) });
    }
    for (const [message, changed] of this.#deletions.get(chatId) ?? []) {
      if (changed > sequence) missed.push({ event: 'delete', sequence: changed, data: { message_id: message } });
    }
    return missed.sort((left, right) => left.sequence - right.sequence);
  }

  /** Tells a chat's listeners something that needs no memory: typing, the answer to a pressed button. */
  whisper(chatId: number, event: ChatEvent): void {
    this.#tell(chatId, event);
  }

  /** Calls back for every event of a chat until the returned function is called. */
  listen(chatId: number, listener: (event: ChatEvent) => void): () => void {
    this.#listeners.on(String(chatId), listener);
    return () => this.#listeners.off(String(chatId), listener);
  }

  close(): void {
    this.#journal.close();
  }

  #tell(chatId: number, event: ChatEvent): void {
    this.#listeners.emit(String(chatId), event);
  }

  #asUpdate(content: UpdateContent): Entry[] {
    const allowed = this.#profile.allowedUpdates ?? [];
    const type = Object.keys(content)[0] ?? '';
    if (allowed.length > 0 && !allowed.includes(type)) return [];
    return [{ kind: 'update', update: { update_id: this.#nextUpdate, ...content } }];
  }

  #commit(entries: readonly Entry[]): void {
    if (entries.length === 0) return;
    this.#journal.append(entries);
    for (const entry of entries) this.#apply(entry);
  }

  #apply(entry: Entry): void {
    switch (entry.kind) {
      case 'chat':
        this.#chats.set(entry.chat.id, { chat: entry.chat, started: entry.started, blocked: entry.blocked });
        return;
      case 'message':
        return this.#applyMessage(entry);
      case 'delete':
        this.#messages.get(entry.chat)?.delete(entry.message);
        inner(this.#deletions, entry.chat, () => new Map<number, number>()).set(entry.message, entry.changed);
        this.#sequence = Math.max(this.#sequence, entry.changed);
        return;
      case 'file':
        this.#files.set(entry.file.id, entry.file);
        return;
      case 'profile':
        this.#profile = entry.profile;
        return;
      case 'update':
        this.#updates.set(entry.update.update_id, entry.update);
        this.#nextUpdate = entry.update.update_id + 1;
        return;
      case 'counters':
        this.#confirmed = Math.max(this.#confirmed, entry.confirmed);
        this.#nextUpdate = Math.max(this.#nextUpdate, entry.confirmed);
        this.#nextMessage = Math.max(this.#nextMessage, entry.nextMessage);
        this.#sequence = Math.max(this.#sequence, entry.sequence);
        for (const id of this.#updates.keys()) if (id < entry.confirmed) this.#updates.delete(id);
    }
  }

  #applyMessage({ message, keyboard, created, changed }: StoredMessage): void {
    const chatId = message.chat.id;
    const stored: StoredMessage = { message, created, changed, keyboard };
    inner(this.#messages, chatId, () => new Map<number, StoredMessage>()).set(message.message_id, stored);
    const files = inner(this.#filesOfChat, chatId, () => new Set<string>());
    if (message.document) files.add(message.document.file_id);
    for (const size of message.photo ?? []) files.add(size.file_id);
    this.#nextMessage = Math.max(this.#nextMessage, message.message_id + 1);
    this.#sequence = Math.max(this.#sequence, changed);
  }

  #shorten(): void {
    const live = [...this.#live()];
    if (this.#journal.lines > REWRITE_AFTER_LINES && this.#journal.lines > 2 * live.length) this.#journal.rewrite(live);
  }

  *#live(): Iterable<Entry> {
    const { nextMessage, sequence } = { nextMessage: this.#nextMessage, sequence: this.#sequence };
    yield { kind: 'counters', confirmed: this.#confirmed, nextMessage, sequence };
    yield { kind: 'profile', profile: this.#profile };
    for (const state of this.#chats.values()) yield { kind: 'chat', ...state };
    for (const file of this.#files.values()) yield { kind: 'file', file };
    for (const chat of this.#messages.values())
      for (const stored of chat.values()) yield { kind: 'message', ...stored };
    for (const [chat, deleted] of this.#deletions) {
      for (const [message, changed] of deleted) yield { kind: 'delete', chat, message, changed };
    }
    for (const update of this.#updates.values()) yield { kind: 'update', update };
  }
}

function seenByClient({ message, keyboard }: Pick<StoredMessage, 'message' | 'keyboard'>): ClientMessage {
  return keyboard === undefined ? message : { ...message, reply_keyboard: keyboard };
}

function inner<Key, Value>(outer: Map<Key, Value>, key: Key, create: () => Value): Value {
  let value = outer.get(key);
  if (value === undefined) outer.set(key, (value = create()));
  return value;
}
