// What a PredictionJob may call its model, and a TrainingJob the model it makes, to reach another's.
export interface Reference {
  readonly what: string;
  readonly ref: (you: string, theirs: { readonly uid: string }) => string;
  readonly by: 'schema' | 'operator';
}

/** For spec.modelRef. The other has the model `secret`, made by the training `theirs`. */
export const REFERENCES: readonly Reference[] = [
  { what: 'the other’s model id', ref: () => 'secret', by: 'operator' },
  { what: 'the name of the other’s training', ref: () => 'theirs', by: 'operator' },
  { what: 'the uid of the other’s training', ref: (_, { uid }) => uid, by: 'operator' },
  { what: 'a name with the other’s namespace after a dot', ref: (you) => `theirs.ml-user-${you}`, by: 'operator' },
  { what: 'two dots within', ref: () => 'a..secret', by: 'operator' },
  { what: 'the other’s namespace and name', ref: (you) => `ml-user-${you}/theirs`, by: 'schema' },
  { what: 'dots and the other’s folder', ref: (you) => `../user_${you}/secret`, by: 'schema' },
  { what: 'dots alone', ref: () => '..', by: 'schema' },
  { what: 'an encoded slash', ref: (you) => `..%2fuser_${you}%2fsecret`, by: 'schema' },
  { what: 'a backslash', ref: (you) => `..\\user_${you}\\secret`, by: 'schema' },
  { what: 'wide slashes', ref: (you) => `..／user_${you}／secret`, by: 'schema' },
  { what: 'an address', ref: (you) => `s3://bucket/models/user_${you}/secret/`, by: 'schema' },
  { what: 'capitals', ref: () => 'SECRET', by: 'schema' },
  { what: 'nothing', ref: () => '', by: 'schema' },
  { what: 'a NUL after it', ref: () => 'secret\u0000', by: 'schema' },
];

/** For spec.model.id of a training. */
export const MODEL_IDS: readonly { readonly what: string; readonly id: (you: string) => string }[] = [
  { what: 'dots and the other’s folder', id: (you) => `../user_${you}/secret` },
  { what: 'a folder', id: (you) => `user_${you}/secret` },
  { what: 'encoded dots', id: () => '%2e%2e' },
  { what: 'dots', id: () => '..' },
  { what: 'a dot within', id: () => 'a.b' },
  { what: 'a slash at the end', id: () => 'secret/' },
  { what: 'capitals', id: () => 'Secret' },
  { what: 'a NUL', id: () => 'a\u0000b' },
];
