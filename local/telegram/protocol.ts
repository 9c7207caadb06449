// The shapes of the Bot API that this server speaks (https://core.telegram.org/bots/api), as far as it offers them.
// State, Bot API, client side and page all pass these very objects on; nothing is renamed on the way.

export interface User {
  readonly id: number;
  readonly is_bot: boolean;
  readonly first_name: string;
  readonly username?: string;
}

export interface Chat {
  /** Of a private chat: the user's id. */
  readonly id: number;
  readonly type: 'private';
  readonly first_name: string;
  readonly username?: string;
}

/** Offsets and lengths count UTF-16 code units. */
export interface Entity {
  readonly type: string;
  readonly offset: number;
  readonly length: number;
  readonly url?: string;
  readonly language?: string;
}

export interface Document {
  readonly file_id: string;
  readonly file_unique_id: string;
  readonly file_name?: string;
  readonly mime_type?: string;
  readonly file_size?: number;
}

export interface PhotoSize {
  readonly file_id: string;
  readonly file_unique_id: string;
  readonly width: number;
  readonly height: number;
  readonly file_size?: number;
}

export interface InlineButton {
  readonly text: string;
  /** 1 to 64 bytes. */
  readonly callback_data?: string;
  readonly url?: string;
}

export interface InlineKeyboard {
  readonly inline_keyboard: readonly (readonly InlineButton[])[];
}

/** A keyboard in place of the user's own, its removal, or a request to reply: seen by clients, never sent back to bots. */
export interface ReplyKeyboard {
  readonly keyboard?: readonly (readonly { readonly text: string }[])[];
  readonly one_time_keyboard?: boolean;
  readonly remove_keyboard?: boolean;
  readonly force_reply?: boolean;
  readonly input_field_placeholder?: string;
}

export interface Message {
  readonly message_id: number;
  readonly from: User;
  readonly chat: Chat;
  /** Seconds since the Unix epoch. */
  readonly date: number;
  readonly edit_date?: number;
  readonly text?: string;
  readonly entities?: readonly Entity[];
  readonly caption?: string;
  readonly caption_entities?: readonly Entity[];
  readonly document?: Document;
  readonly photo?: readonly PhotoSize[];
  readonly media_group_id?: string;
  readonly reply_to_message?: Message;
  readonly reply_markup?: InlineKeyboard;
}

/** What the user's own side sees besides: the keyboard a bot put in place of the user's. */
export interface ClientMessage extends Message {
  readonly reply_keyboard?: ReplyKeyboard;
}

export interface CallbackQuery {
  readonly id: string;
  readonly from: User;
  readonly message: Message;
  readonly chat_instance: string;
  readonly data: string;
}

export interface ChatMemberUpdated {
  readonly chat: Chat;
  readonly from: User;
  readonly date: number;
  readonly old_chat_member: { readonly status: 'member' | 'kicked'; readonly user: User; readonly until_date?: number };
  readonly new_chat_member: { readonly status: 'member' | 'kicked'; readonly user: User; readonly until_date?: number };
}

export interface UpdateContent {
  readonly message?: Message;
  readonly edited_message?: Message;
  readonly callback_query?: CallbackQuery;
  readonly my_chat_member?: ChatMemberUpdated;
}

export interface Update extends UpdateContent {
  readonly update_id: number;
}

export interface BotCommand {
  readonly command: string;
  readonly description: string;
}

/** One kept file; `path` is what getFile answers and where it lies under `files/`. */
export interface StoredFile {
  readonly id: string;
  readonly uniqueId: string;
  readonly kind: 'document' | 'photo';
  readonly name: string;
  readonly mime: string;
  readonly bytes: number;
  readonly path: string;
  readonly width?: number;
  readonly height?: number;
}

export function documentOf(file: StoredFile): Document {
  return {
    file_name: file.name,
    mime_type: file.mime,
    file_id: file.id,
    file_unique_id: file.uniqueId,
    file_size: file.bytes,
  };
}

export function photoOf(file: StoredFile): PhotoSize[] {
  const { width = 1, height = 1 } = file;
  return [{ file_id: file.id, file_unique_id: file.uniqueId, file_size: file.bytes, width, height }];
}
