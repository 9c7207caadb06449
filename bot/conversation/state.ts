// Where a chat stands: everything a conversation remembers, as JSON in the chat's session. Changed only by machine.ts.

/** A table that was looked into; `columns` are exactly the header's. */
export interface Table {
  readonly uri: string;
  readonly name: string;
  readonly bytes: number;
  readonly columns: readonly string[];
  readonly rows: number;
  /** Columns that hold words or few different values in the first rows, by position: likely classes. */
  readonly classes: readonly number[];
}

export type Place = 'Cloud' | 'Cluster';
export type ModelType = 'auto' | 'linear' | 'ridge' | 'logistic' | 'random_forest' | 'gradient_boosting';
export type Setting = string | number | boolean;

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
  | ({ readonly step: 'trainModel' } & TrainingSoFar & Asking)
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
}

export interface TrainingChoice extends TrainingSoFar {
  readonly model: ModelType;
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
