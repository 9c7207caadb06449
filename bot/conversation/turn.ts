// One transition: the next state and what is to be done. Small words to write steps with.
import type { Button, Effect, Message } from './effect.ts';
import type { Facts } from './facts.ts';
import type { Input } from './input.ts';
import type { At, Conversation, Step } from './state.ts';

/** Characters of what was tried. */
const MOST_TOLD = 500;

export interface Turn {
  readonly next: Conversation;
  readonly effects: readonly Effect[];
}

/** How a step behaves: its question, and what each input does in it. */
export interface StepDefinition<S extends Step> {
  ask(state: At<S>, facts: Facts): Message;
  on(state: At<S>, input: Input, facts: Facts): Turn;
}

export const turn = (next: Conversation, ...effects: readonly Effect[]): Turn => ({ next, effects });
export const say = (message: Message): Effect => ({ do: 'say', message });
export const toast = (queryId: string, text: string): Effect => ({ do: 'toast', queryId, text });
/** Somebody tried what is not his; written into the audit trail. */
export const refusal = (what: string, resource: string, detail: string): Effect => ({
  do: 'refusal',
  what,
  resource: resource.slice(0, MOST_TOLD),
  detail: detail.slice(0, MOST_TOLD),
});

/** The part of callback data behind the token. */
export const valueOf = (data: string): string => data.slice(data.indexOf(':') + 1);
export const tokenOf = (data: string): string => data.slice(0, Math.max(0, data.indexOf(':')));
export const button = (token: string, value: string, text: string): Button => ({ text, data: `${token}:${value}` });

/** A pressed button is answered (so that it stops spinning) and its message loses the buttons. */
export function pressed(input: Input): Effect[] {
  if (input.kind !== 'button') return [];
  return [
    { do: 'toast', queryId: input.queryId, text: '' },
    { do: 'strip', messageId: input.messageId },
  ];
}

/** A mark of a few characters for something too long for callback data (FNV-1a, 32 bits). */
export function mark(value: string): string {
  let hash = 0x811c9dc5;
  for (let at = 0; at < value.length; at += 1) {
    hash ^= value.charCodeAt(at);
    hash = Math.imul(hash, 0x01000193);
  }
  return (hash >>> 0).toString(36);
}
