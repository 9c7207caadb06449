// One JSON object a line on stderr. Messages are constant strings; what varies stands in keys.
import pino from 'pino';
import { stderr } from '../../cloud/log.ts';

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
