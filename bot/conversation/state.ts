// Where a chat stands: everything a conversation remembers, as JSON in the chat's session. Changed only by machine.ts.
import type { Setting, Task } from '../../cloud/families.ts';
import type { Guess, Kind, TargetLook } from '../../cloud/preview.ts';

/** A table that was looked into. */
export interface Table {
  readonly uri: string;
  readonly name: string;
  /** Of the file. */
  readonly bytes: number;
  /** Estimated bytes as CSV, where the file is packed. */
  readonly tableBytes?: number;
  /** Exactly the header's; empty where they can't be read from here (Parquet, Excel). */
  readonly columns: readonly string[];
  /** Estimated; 0 where it can't be told. */
  readonly rows: number;
  /** Columns that look like classes in the first rows, by position. */
  readonly classes: readonly number[];
  readonly preview?: Preview;
}

/** What the first rows look like, as far as the conversation tells of it. */
export interface Preview {
  /** Rows it is from. */
  readonly rows: number;
  /** How many columns of each kind. */
  readonly kinds: Readonly<Partial<Record<Kind, number>>>;
  readonly guess?: Guess;
  /** Columns a model makes nothing of, by position, with their kind; the first few. */
  readonly useless: readonly (readonly [column: number, kind: Kind])[];
  /** How a column would be as the target, by its position; not for every column of a wide table. */
  readonly targets: Readonly<Record<number, TargetLook>>;
}

export type Place = 'Cloud' | 'Cluster';

/** A model that was chosen to predict with. */
export interface ChosenModel {
  /** Name of its TrainingJob: what modelRef takes. */
  readonly ref: string;
  readonly target: string;
  readonly features: readonly string[];
}

/** A file that is expected to come by an upload link, or is being read. */
export interface Awaited {
  readonly uri: string;
  readonly name: string;
}

interface Asking {
  /** Opaque; carried by every button of this step, so that older buttons are known as such. */
  readonly token: string;
}

interface Reading {
  /** Name of the file that is being fetched or read. */
  readonly busy?: string;
  /** Where the upload link points. */
  readonly awaited?: Awaited;
}

export type Conversation =
  | { readonly step: 'idle' }
  | ({ readonly step: 'trainPlace' } & Asking)
  | ({ readonly step: 'trainData'; readonly place: Place } & Asking & Reading)
  | ({ readonly step: 'trainTarget'; readonly place: Place; readonly table: Table; readonly page: number } & Asking)
  | ({ readonly step: 'trainFeatures' } & TrainingSoFar & Asking)
  | ({ readonly step: 'trainModel'; readonly page?: number } & TrainingSoFar & Asking)
  | ({ readonly step: 'trainSettings' } & TrainingChoice & Asking)
  | ({ readonly step: 'trainConfirm' } & TrainingChoice & Asking)
  | ({ readonly step: 'trainLaunch' } & TrainingChoice & Asking)
  | ({ readonly step: 'predictPlace' } & Asking)
  | ({ readonly step: 'predictModel'; readonly place: Place } & Asking)
  | ({ readonly step: 'predictData'; readonly place: Place; readonly model: ChosenModel } & Asking & Reading)
  | ({ readonly step: 'predictColumn' } & PredictionSoFar & Asking)
  | ({ readonly step: 'predictConfirm' } & PredictionChoice & Asking)
  | ({ readonly step: 'predictLaunch' } & PredictionChoice & Asking);

export interface JobRef {
  readonly kind: 'TrainingJob' | 'PredictionJob';
  readonly name: string;
}

interface TrainingSoFar {
  readonly place: Place;
  readonly table: Table;
  readonly target: string;
  /** Empty: all but the target. */
  readonly features: readonly string[];
  /** Said by the user where the guess is wrong; undefined: the worker finds out. */
  readonly task?: Task;
}

export interface TrainingChoice extends TrainingSoFar {
  /** A family's name, or auto. */
  readonly model: string;
  readonly settings: Readonly<Record<string, Setting>>;
}

interface PredictionSoFar {
  readonly place: Place;
  readonly model: ChosenModel;
  readonly table: Table;
}

export interface PredictionChoice extends PredictionSoFar {
  readonly column: string;
}

export type Step = Conversation['step'];
export type At<S extends Step> = Extract<Conversation, { step: S }>;

export const IDLE: Conversation = { step: 'idle' };
