// What can happen in a chat: what the user sent, and what became of an effect. commands.ts makes the first from updates, effects.ts
// the second; `token` tells a result of the present step from one that came too late.
import type { Table } from './state.ts';

export type CommandName =
  | 'start'
  | 'train'
  | 'predict'
  | 'jobs'
  | 'models'
  | 'datasets'
  | 'cost'
  | 'status'
  | 'cancel'
  | 'help';

/** Of administrators; for everybody else there are no such commands. */
export type AdminCommandName = 'accounts' | 'topup' | 'suspend' | 'resume' | 'deleteaccount';

/** Things a user can send that no step can use. */
export type Foreign = 'photo' | 'voice' | 'video' | 'sticker' | 'other';

export type Input =
  | { readonly kind: 'command'; readonly name: CommandName }
  | { readonly kind: 'adminCommand'; readonly name: AdminCommandName; readonly rest: string }
  | { readonly kind: 'unknownCommand'; readonly text: string }
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'document'; readonly fileId: string; readonly name: string; readonly bytes: number }
  | { readonly kind: 'button'; readonly data: string; readonly messageId: number; readonly queryId: string }
  | { readonly kind: 'foreign'; readonly what: Foreign }
  | { readonly kind: 'accountOpened'; readonly ready: boolean }
  | { readonly kind: 'accountRefused'; readonly message: string }
  | { readonly kind: 'tableRead'; readonly token: string; readonly table: Table }
  | { readonly kind: 'tableRefused'; readonly token: string; readonly message: string }
  | { readonly kind: 'launched'; readonly token: string; readonly name: string }
  | { readonly kind: 'launchRefused'; readonly token: string; readonly message: string };

export type UserInput = Extract<
  Input,
  { kind: 'command' | 'adminCommand' | 'unknownCommand' | 'text' | 'document' | 'button' | 'foreign' }
>;
