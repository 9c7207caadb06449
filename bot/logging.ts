// One JSON object a line on stderr. Messages are constant strings; what varies stands in keys. A token, an address with a signature
// or a row of data is never among them.
import pino from 'pino';
import { stderr } from '../cloud/log.ts';

export interface Logger {
  debug(keys: object, message: string): void;
  info(keys: object, message: string): void;
  warn(keys: object, message: string): void;
  error(keys: object, message: string): void;
}

export function createLogger(level: string): Logger {
  return pino({ level, base: undefined, timestamp: pino.stdTimeFunctions.isoTime }, stderr());
}

export const SILENT: Logger = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} };

/** What a log line may say of an error: class and words, never the thing it was about. */
export const told = (error: unknown): { error: string } => ({
  error: error instanceof Error ? `${error.name}: ${error.message}` : String(error),
});
