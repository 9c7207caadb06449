// The heart of the bot: one update at a time per chat. Read session and facts, let the machine decide, write what it decided, and only
// then report the update as taken and do the effects. What a crash leaves undone stands in the session and is done after the restart.
import { randomBytes } from 'node:crypto';
import { type Clock, sleep } from '../cloud/clock.ts';
import { SLOW, type Effect } from './conversation/effect.ts';
import type { Facts, Wanted } from './conversation/facts.ts';
import type { Input } from './conversation/input.ts';
import { reduce, wanted } from './conversation/machine.ts';
import { IDLE, type Conversation } from './conversation/state.ts';
import { failed, KubernetesError } from './kubernetes/client.ts';
import { told, type Logger } from './logging.ts';
import { withSeen, type PendingEffect, type Session, type Sessions, type Stored } from './sessions.ts';

const RETRY_MS = { first: 250, most: 10_000 };
const MOST_CONFLICTS = 20;
const FORGET_MS = 10 * 60_000;

export interface Sender {
  readonly chatId: number;
  readonly userName: string;
}

/** What surrounds the machine: the world as it is, and hands to change it. */
export interface Surroundings {
  facts(chatId: number, userName: string, token: string, wanted: readonly Wanted[]): Promise<Facts>;
  /** Does one effect; resolves with what it means to the conversation, if anything. */
  perform(chatId: number, userName: string, effect: Effect, signal: AbortSignal): Promise<Input | undefined>;
}

export interface ChatsOptions {
  readonly sessions: Sessions;
  readonly surroundings: Surroundings;
  readonly clock: Clock;
  readonly logger: Logger;
}

interface Chat {
  readonly id: number;
  stored: Stored | undefined;
  /** Transitions and their writes, one after the other. */
  intake: Promise<unknown>;
  /** Quick effects, one after the other. */
  doing: Promise<unknown>;
  readonly slow: Map<number, { readonly token: string | undefined; readonly abort: AbortController }>;
  usedAt: number;
}

export class Chats {
  readonly #options: ChatsOptions;
  readonly #chats = new Map<number, Chat>();
  readonly #stop = new AbortController();

  constructor(options: ChatsOptions) {
    this.#options = options;
  }

  /** Resolves once the update and its effects are stored; rejects only when the bot stops before. */
  take(sender: Sender, updateId: number, input: Input): Promise<void> {
    const chat = this.#chat(sender.chatId);
    return this.#next(chat, () => this.#step(chat, input, { updateId, userName: sender.userName }));
  }

  /** Does what was left undone by a bot that was killed. */
  async resume(): Promise<void> {
    for (const id of await this.#options.sessions.unfinished()) {
      const chat = this.#chat(id);
      await this.#next(chat, async () => {
        chat.stored ??= await this.#options.sessions.load(id);
        this.#start(chat, chat.stored.session.pending);
      });
    }
  }

  /** Waits for the writes under way; unfinished effects stay in the sessions. */
  async stop(): Promise<void> {
    this.#stop.abort();
    for (const chat of this.#chats.values()) for (const { abort } of chat.slow.values()) abort.abort();
    await Promise.allSettled([...this.#chats.values()].map(({ intake }) => intake));
  }

  #chat(id: number): Chat {
    const now = this.#options.clock.now();
    const known = this.#chats.get(id);
    if (known) {
      known.usedAt = now;
      return known;
    }
    for (const [other, chat] of this.#chats)
      if (now - chat.usedAt > FORGET_MS && chat.slow.size === 0 && (chat.stored?.session.pending.length ?? 0) === 0)
        this.#chats.delete(other);
    const idle = Promise.resolve();
    const chat: Chat = { id, stored: undefined, intake: idle, doing: idle, slow: new Map(), usedAt: now };
    this.#chats.set(id, chat);
    return chat;
  }

  #next<T>(chat: Chat, run: () => Promise<T>): Promise<T> {
    const result = chat.intake.then(run);
    chat.intake = result.catch(() => undefined);
    return result;
  }

  /** One transition, written. `done`: the effect whose result this input is. */
  async #step(chat: Chat, input: Input, of: { updateId?: number; done?: number; userName?: string }): Promise<void> {
    const { surroundings } = this.#options;
    let fresh: PendingEffect[] = [];
    let volatile: Effect[] = [];
    let next: Conversation = IDLE;
    const written = await this.#write(chat, async (session) => {
      if (of.updateId !== undefined && session.seen.includes(of.updateId)) return undefined;
      const userName = of.userName ?? session.userName;
      const facts = await surroundings.facts(chat.id, userName, token(), wanted(session.conversation, input));
      const turn = reduce(session.conversation, input, facts);
      next = turn.next;
      volatile = turn.effects.filter((effect) => effect.do === 'toast');
      fresh = turn.effects
        .filter((effect) => effect.do !== 'toast')
        .map((effect, at) => ({ id: session.lastEffect + at + 1, effect }));
      const pending = [...session.pending.filter(({ id, effect }) => id !== of.done && fits(effect, next)), ...fresh];
      const lastEffect = session.lastEffect + fresh.length;
      return withSeen({ ...session, conversation: next, pending, lastEffect, userName }, of.updateId);
    });
    if (!written) return;
    for (const [id, { token: of, abort }] of chat.slow)
      if (of !== undefined && of !== tokenOf(next)) {
        abort.abort();
        chat.slow.delete(id);
      }
    for (const effect of volatile)
      void surroundings.perform(chat.id, '', effect, this.#stop.signal).catch(() => undefined);
    this.#start(chat, fresh);
  }

  /** Writes what `change` makes of the session; again from the start when somebody else wrote it, patiently when nobody answers. */
  async #write(chat: Chat, change: (session: Session) => Promise<Session | undefined>): Promise<boolean> {
    const { sessions, clock, logger } = this.#options;
    for (let tries = 1; ; tries += 1) {
      if (this.#stop.signal.aborted) throw new Error('the bot is stopping');
      try {
        chat.stored ??= await sessions.load(chat.id);
        const session = await change(chat.stored.session);
        if (session === undefined) return false;
        chat.stored = await sessions.save({ ...chat.stored, session });
        return true;
      } catch (error) {
        chat.stored = undefined;
        if (failed(error, 'Conflict', 'AlreadyExists') && tries < MOST_CONFLICTS) continue;
        if (
          error instanceof KubernetesError &&
          (error.transient || error.kind === 'NotFound' || error.kind === 'Forbidden')
        ) {
          logger.warn({ tries, ...told(error) }, 'session not written yet');
          await sleep(clock, Math.min(RETRY_MS.most, RETRY_MS.first * 2 ** Math.min(10, tries - 1)), this.#stop.signal);
          continue;
        }
        // Nothing that trying again would mend: this one input is given up, not the chat.
        logger.error(told(error), 'input dropped');
        return false;
      }
    }
  }

  #start(chat: Chat, effects: readonly PendingEffect[]): void {
    for (const pending of effects) {
      if (SLOW.has(pending.effect.do)) void this.#slow(chat, pending);
      else chat.doing = chat.doing.then(() => this.#do(chat, pending, this.#stop.signal));
    }
  }

  async #slow(chat: Chat, pending: PendingEffect): Promise<void> {
    const abort = new AbortController();
    const { effect } = pending;
    chat.slow.set(pending.id, { token: 'token' in effect ? effect.token : undefined, abort });
    await this.#do(chat, pending, AbortSignal.any([abort.signal, this.#stop.signal]));
    chat.slow.delete(pending.id);
  }

  async #do(chat: Chat, { id, effect }: PendingEffect, signal: AbortSignal): Promise<void> {
    if (signal.aborted) return;
    const { surroundings, logger } = this.#options;
    let result: Input | undefined;
    try {
      result = await surroundings.perform(chat.id, chat.stored?.session.userName ?? '', effect, signal);
    } catch (error) {
      if (signal.aborted) return;
      logger.error({ effect: effect.do, ...told(error) }, 'effect failed');
    }
    if (signal.aborted && result === undefined) return;
    await this.#next(chat, async () => {
      if (result !== undefined) return this.#step(chat, result, { done: id });
      await this.#write(chat, async (session) => ({
        ...session,
        pending: session.pending.filter((one) => one.id !== id),
      }));
    }).catch((error: unknown) => logger.warn({ effect: effect.do, ...told(error) }, 'end of effect not written'));
  }
}

const tokenOf = (state: Conversation): string | undefined => (state.step === 'idle' ? undefined : state.token);

/** A slow effect of a step that was left is not done any more. */
const fits = (effect: Effect, next: Conversation): boolean =>
  !(SLOW.has(effect.do) && 'token' in effect) || effect.token === tokenOf(next);

/** 10 lower-case letters and digits: part of a job's name and of callback data. */
function token(): string {
  const letters = 'abcdefghijklmnopqrstuvwxyz0123456789';
  return [...randomBytes(10)].map((byte) => letters[byte % letters.length]).join('');
}
