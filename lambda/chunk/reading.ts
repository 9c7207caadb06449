// How to read the first byte of a chunk when nobody has said: outside quotes or inside. Each is tried on the first
// records, and the one stands whose records fit the header and whose quotes stand where writers put them. It is a guess:
// the answer says which, and the operator holds it against the end of the chunk before.
// The idea is that of Ge et al., "Speculative Distributed CSV Data Parsing for Big Data Analytics", SIGMOD 2019.
import type { Quotes } from '../../cloud/contract/contract.generated.ts';
import type { Header } from '../csv/dialect.ts';
import { QuoteTracker } from '../csv/quotes.ts';
import { INCOMPLETE, MalformedRecord, RecordScanner } from '../csv/records.ts';

/** Text that is looked at; always as much, so that a chunk that is done again is read again in the same way. */
export const SAMPLE_BYTES = 64 * 1024;
const QUOTE = 0x22;

/** `sample`: the chunk's first bytes; `before`: the one in front of them; `final`: nothing follows the sample. */
export function likeliestQuotes(sample: Buffer, before: number, header: Header, final: boolean): Quotes {
  const readings: Quotes[] = ['outside', 'inside'];
  if (before === QUOTE && sample[0] === QUOTE) readings.push('escape');
  let best: Quotes = 'outside';
  let most = Number.NEGATIVE_INFINITY;
  for (const reading of readings) {
    const fit = fitOf(reading, sample, before, header, final);
    if (fit > most) {
      best = reading;
      most = fit;
    }
  }
  return best;
}

/** Before anything else a reading must have no quote in an odd place; where each has some, the file is of that kind. */
const CLEAN = 1e9;

/** Records as wide as the header, less those that are not, and less quotes in odd places or never closed. */
function fitOf(reading: Quotes, sample: Buffer, before: number, { delimiter, names }: Header, final: boolean): number {
  const code = delimiter.charCodeAt(0);
  const tracker = new QuoteTracker(code, reading, before);
  const scanner = new RecordScanner(code);
  let fit = 0;
  let at = tracker.nextRecord(sample, 0, sample.length);
  if (at < 0) return weighed(0, tracker.irregular + (final && tracker.quotes(undefined) !== 'outside' ? 1 : 0));
  const first = at;
  let malformed = 0;
  try {
    while (at < sample.length) {
      const next = scanner.scan(sample, at, sample.length, final);
      if (next === INCOMPLETE) break;
      if (scanner.contentEnd > at) fit += scanner.count === names.length ? 1 : -1;
      at = next;
    }
  } catch (error) {
    if (!(error instanceof MalformedRecord)) throw error;
    malformed = 1;
  }
  tracker.advance(sample, first, at);
  return weighed(fit, tracker.irregular + malformed);
}

const weighed = (fit: number, irregular: number): number => fit - irregular + (irregular === 0 ? CLEAN : 0);
