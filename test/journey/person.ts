// A person in the chat: says, presses or uploads something and reads on until the bot answers as expected.
import type { ClientMessage } from '../../local/telegram/protocol.ts';
import { TelegramUser } from '../../local/telegram/user.ts';

const ANSWER_MS = 20_000;

export class Person {
  readonly user: TelegramUser;
  readonly userId: string;

  private constructor(user: TelegramUser, userId: string) {
    this.user = user;
    this.userId = userId;
  }

  static async connect(url: string, userId: number, name: string): Promise<Person> {
    return new Person(await TelegramUser.connect({ url, userId, name }), String(userId));
  }

  close(): void {
    this.user.close();
  }

  async say(text: string, expected: string): Promise<ClientMessage> {
    const after = this.#last();
    await this.user.send(text);
    return this.#answer(after, expected);
  }

  async upload(name: string, data: Buffer | string, expected: string): Promise<ClientMessage> {
    const after = this.#last();
    await this.user.upload({ name, data });
    return this.#answer(after, expected);
  }

  /** Presses the newest button with this label. */
  async press(label: string, expected: string): Promise<ClientMessage> {
    const holder = this.user.messages().findLast((message) => labels(message).includes(label));
    if (!holder)
      throw new Error(`There is no button ${label}; the last message: ${wordsOf(this.user.messages().at(-1))}`);
    const after = this.#last();
    await this.user.press(holder.message_id, label);
    return this.#answer(after, expected);
  }

  /** To the question for a table to learn from. */
  async toData(): Promise<void> {
    await this.say('/train', 'Where');
    await this.press('☁️ Cloud (Spot)', 'Send me a CSV file');
  }

  /** From the table's columns to the launch. */
  async trainOn(target: string, model = 'Automatic'): Promise<void> {
    await this.say(target, 'All other columns');
    await this.press('All other columns', 'Automatic');
    await this.press(model, 'Estimated cost');
    const holder = this.user.messages().findLast((message) => labels(message).includes('🚀 Start training'));
    await this.user.press(holder?.message_id ?? 0, '🚀 Start training');
  }

  /** The newest message with these words, now or later. */
  reads(words: string, withinMs: number): Promise<ClientMessage> {
    return this.user.waitFor((message) => isBot(message) && wordsOf(message).includes(words), withinMs);
  }

  /** Everything the bot has said, as it reads now. */
  said(): string[] {
    return this.user.messages().filter(isBot).map(wordsOf);
  }

  #last(): number {
    return this.user.messages().at(-1)?.message_id ?? 0;
  }

  #answer(after: number, expected: string): Promise<ClientMessage> {
    return this.user.waitFor(
      (message) => message.message_id > after && isBot(message) && offers(message).includes(expected),
      ANSWER_MS,
    );
  }
}

export const wordsOf = (message: ClientMessage | undefined): string =>
  `${message?.text ?? ''}${message?.caption ?? ''}`;
const labels = (message: ClientMessage): string[] =>
  (message.reply_markup?.inline_keyboard ?? []).flat().map((button) => button.text);
const offers = (message: ClientMessage): string => [wordsOf(message), ...labels(message)].join('\n');
const isBot = (message: ClientMessage): boolean => message.from?.is_bot === true;
