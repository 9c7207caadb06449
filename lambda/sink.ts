// The seam between scored rows and where they are kept: a whole object (spool.ts), parts of one (parts.ts), or a format
// that turns the CSV into something else and passes it on to one of these.

/** What was stored, in the answer's words. */
export interface Stored {
  bytes: number;
  etag?: string;
  parts?: { number: number; etag: string; bytes: number }[];
}

export interface Sink {
  /** Waits while it is behind. The bytes may be overwritten once it resolves. */
  write(bytes: Buffer): Promise<void>;
  /** Stores what is left; after it everything is stored. */
  end(): Promise<Stored>;
  /** Lets go of everything, after `end` or instead of it; breaks off what is under way. */
  discard(): Promise<void>;
}
