// What the Bot API takes for what the bot sends: messages, documents, pictures and buttons as parameters of its methods. outbox.ts
// sends them.
import type { Readable } from 'node:stream';
import type { Message } from './conversation/effect.ts';
import { TelegramRefused } from './telegram.ts';

export interface Attachment {
  readonly name: string;
  /** Opened anew at each try. */
  readonly open: () => Promise<Readable>;
  readonly caption: string;
  readonly buttons?: Message['buttons'];
}

/** A PNG file with a caption of HTML. */
export interface Photo {
  readonly name: string;
  readonly bytes: Uint8Array;
  readonly caption: string;
}

export type Payload = Record<string, unknown>;

export const HTML = { parse_mode: 'HTML', link_preview_options: { is_disabled: true } } as const;

export const documentPayload = async (file: Attachment): Promise<Payload> => ({
  document: { source: await file.open(), filename: file.name },
  caption: file.caption,
  parse_mode: 'HTML',
  ...markup(file),
});

/** An album is of 2 to 10, so one goes by itself. */
export function photosPayload(photos: readonly Photo[]): readonly [method: string, payload: Payload] {
  const [first] = photos;
  const file = ({ name, bytes }: Photo) => ({ source: Buffer.from(bytes), filename: `${name}.png` });
  if (first && photos.length === 1)
    return ['sendPhoto', { photo: file(first), caption: first.caption, parse_mode: 'HTML' }];
  const media = photos.map((one) => ({ type: 'photo', media: file(one), caption: one.caption, parse_mode: 'HTML' }));
  return ['sendMediaGroup', { media }];
}

export const markup = ({ buttons }: Pick<Message, 'buttons'>): Payload =>
  buttons === undefined
    ? {}
    : {
        reply_markup: {
          inline_keyboard: buttons.map((row) =>
            row.map((one) =>
              'url' in one ? { text: one.text, url: one.url } : { text: one.text, callback_data: one.data },
            ),
          ),
        },
      };

export const unparsable = (error: unknown): boolean =>
  error instanceof TelegramRefused && error.code === 400 && /can't parse entities/i.test(error.message);

export const withoutTags = (html: string): string =>
  html
    .replace(/<[^>]*>/g, '')
    .replaceAll('&lt;', '<')
    .replaceAll('&gt;', '>')
    .replaceAll('&quot;', '"')
    .replaceAll('&amp;', '&');
