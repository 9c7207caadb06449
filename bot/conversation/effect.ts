// What a transition wants done in the world. Stored with the session before it is done (sessions.ts), so that a restart does it;
// effects.ts performs each, one function a kind.
import type { AccountAction } from './administration.ts';
import type { PredictionChoice, TrainingChoice, JobRef } from './state.ts';

/** Callback data of at most 64 bytes, or an address. */
export type Button = { readonly text: string } & ({ readonly data: string } | { readonly url: string });

/** HTML as Telegram takes it, every foreign text in it escaped. */
export interface Message {
  readonly html: string;
  readonly buttons?: readonly (readonly Button[])[];
}

/** What a table is for: predictions take no workbooks. */
export type Purpose = 'train' | 'predict';

export type Effect =
  | { readonly do: 'say'; readonly message: Message }
  /** A small note at the pressed button. */
  | { readonly do: 'toast'; readonly queryId: string; readonly text: string }
  /** Takes the buttons off a message whose question is answered. */
  | { readonly do: 'strip'; readonly messageId: number }
  | { readonly do: 'edit'; readonly messageId: number; readonly message: Message }
  | { readonly do: 'openAccount' }
  | {
      readonly do: 'upload';
      readonly token: string;
      readonly fileId: string;
      readonly name: string;
      readonly bytes: number;
      readonly purpose: Purpose;
    }
  /** Looks into a table in the bucket. `discard`: delete it when it is unfit (it was uploaded for this). */
  | {
      readonly do: 'inspect';
      readonly token: string;
      readonly uri: string;
      readonly name: string;
      readonly discard: boolean;
      readonly purpose: Purpose;
    }
  | { readonly do: 'uploadLink'; readonly token: string; readonly uri: string; readonly name: string }
  | { readonly do: 'train'; readonly token: string; readonly cardId: number; readonly choice: TrainingChoice }
  | { readonly do: 'predict'; readonly token: string; readonly cardId: number; readonly choice: PredictionChoice }
  | { readonly do: 'deleteJob'; readonly job: JobRef }
  /** Sends download links of a model's files. */
  | { readonly do: 'modelLinks'; readonly name: string }
  /** Sends download links of what a prediction left. */
  | { readonly do: 'resultLinks'; readonly name: string }
  /** Something an administrator does; `token` tells a repetition. */
  | { readonly do: 'administer'; readonly token: string; readonly action: AccountAction }
  /** Somebody tried what is not his: written into the audit trail. */
  | { readonly do: 'refusal'; readonly what: string; readonly resource: string; readonly detail: string }
  /** The month of the user's account, drawn. */
  | { readonly do: 'monthPicture' }
  /** See pictures.ts. */
  | { readonly do: 'pictures'; readonly name: string; readonly part: 'rest' | 'all' };

/** Effects that may take long: run beside the chat's queue, and given up when their step is left. */
export const SLOW: ReadonlySet<Effect['do']> = new Set(['openAccount', 'upload', 'inspect']);
