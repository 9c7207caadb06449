// One column's values in one row group, page by page: bytes fetched as they are needed, a page unpacked and its values found. Every size
// in the file is a claim, held to a bound before anything is allocated by it. Next: cells.ts makes texts of the values.
import type { DecodedArray, PageHeader } from 'hyparquet';
import { parquetHeader } from 'hyparquet/src/column.js';
import { deltaBinaryUnpack, deltaLengthByteArray } from 'hyparquet/src/delta.js';
import { byteStreamSplit } from 'hyparquet/src/encoding.js';
import { readPlain } from 'hyparquet/src/plain.js';
import { crc32 } from 'node:zlib';
import { BadParquet, type ColumnChunk, type ParquetColumn } from '../../../cloud/contract/parquet.ts';
import { endOfStruct, MalformedThrift } from '../../../cloud/contract/thrift.ts';
import { unpacked } from './compression.ts';
import { readRuns, type Runs } from './levels.ts';

/** Most of one page, unpacked; writers make pages of about 1 MiB. */
export const MOST_PAGE_BYTES = 64 * 1024 * 1024;
/** Most cells of one page; usual are 20,000, and up to a whole row group of a million where a column hardly changes. */
export const MOST_PAGE_ROWS = 4 * 1024 * 1024;
/** Most texts of one page that are each held by themselves, about 100 bytes apart from their letters: a page of 1 MiB has 260,000 at most. */
const MOST_PAGE_TEXTS = 1024 * 1024;
const MOST_HEADER_BYTES = 1024 * 1024;

/** What each encoding but PLAIN and the dictionary is for. */
const ENCODINGS: Readonly<Record<string, readonly string[]>> = {
  RLE: ['BOOLEAN'],
  BYTE_STREAM_SPLIT: ['FLOAT', 'DOUBLE', 'INT32', 'INT64', 'FIXED_LEN_BYTE_ARRAY'],
  DELTA_BINARY_PACKED: ['INT32', 'INT64'],
  DELTA_LENGTH_BYTE_ARRAY: ['BYTE_ARRAY'],
  DELTA_BYTE_ARRAY: ['BYTE_ARRAY', 'FIXED_LEN_BYTE_ARRAY'],
};

/** Bytes [start, end) of the file. */
export type Slice = (start: number, end: number) => Promise<Uint8Array>;

export interface Page {
  readonly rows: number;
  /** By row: place of its value, -1 where it is null. Absent: every row has one, in order. */
  readonly places?: Int32Array;
  /** The values present, or by row their places in the dictionary. */
  readonly values: DecodedArray | Runs;
  readonly coded: boolean;
}

export class ColumnPages {
  readonly #column: ParquetColumn;
  readonly #chunk: ColumnChunk;
  readonly #slice: Slice;
  readonly #windowBytes: number;
  #window: Uint8Array = new Uint8Array();
  /** Where in the window to read on, and where in the file the window ends. */
  #at = 0;
  #fetched: number;
  /** Of the column's dictionary, set once its page was read. */
  dictionary: DecodedArray | undefined;

  /** `windowBytes`: fetched at once, at least. */
  constructor(column: ParquetColumn, chunk: ColumnChunk, slice: Slice, windowBytes: number) {
    this.#column = column;
    this.#chunk = chunk;
    this.#slice = slice;
    this.#windowBytes = windowBytes;
    this.#fetched = chunk.start;
  }

  /** The next page of data; undefined at the end. Throws BadParquet. */
  async next(): Promise<Page | undefined> {
    for (;;) {
      const header = await this.#header();
      if (!header) return undefined;
      const packed = await this.#take(within(header.compressed_page_size, MOST_PAGE_BYTES));
      try {
        if (header.crc !== undefined && crc32(packed) !== header.crc >>> 0)
          throw new BadParquet('is damaged: the checksum of a page differs');
        within(header.uncompressed_page_size, MOST_PAGE_BYTES);
        const page = this.#page(header, packed);
        if (page) return page;
      } catch (error) {
        if (error instanceof BadParquet) throw error;
        throw new BadParquet(`is damaged: a page of the column ${JSON.stringify(this.#column.name)} cannot be read`);
      }
    }
  }

  #page(header: PageHeader, packed: Uint8Array): Page | undefined {
    const { codec } = this.#chunk;
    if (header.data_page_header_v2) return this.#secondVersion(header, packed);
    const bytes = unpacked(packed, header.uncompressed_page_size, codec);
    if (header.dictionary_page_header) {
      const count = within(header.dictionary_page_header.num_values, MOST_PAGE_TEXTS);
      this.dictionary = this.#plain(bytes, 0, count);
      return undefined;
    }
    const told = header.data_page_header;
    if (!told) return undefined; // an index page
    const rows = within(told.num_values, MOST_PAGE_ROWS);
    if (!this.#nullable) return this.#cells(rows, undefined, bytes, 0, told.encoding);
    if (told.definition_level_encoding !== 'RLE') throw new BadParquet('has nulls in an outdated form: write it anew');
    const end = 4 + new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength).getUint32(0, true);
    if (end > bytes.length) throw new BadParquet('is damaged: a page is cut off');
    return this.#cells(rows, readRuns(bytes, 4, end, 1, rows), bytes, end, told.encoding);
  }

  #secondVersion({ data_page_header_v2: told, uncompressed_page_size: size }: PageHeader, packed: Uint8Array): Page {
    const rows = within(told!.num_values, MOST_PAGE_ROWS);
    const levels = within(told!.definition_levels_byte_length, packed.length);
    if (told!.repetition_levels_byte_length !== 0) throw new BadParquet('is damaged: a flat column repeats');
    const present = this.#nullable ? readRuns(packed, 0, levels, 1, rows) : undefined;
    const rest = packed.subarray(levels);
    const bytes = told!.is_compressed === false ? rest : unpacked(rest, within(size - levels, size), this.#chunk.codec);
    return this.#cells(rows, present, bytes, 0, told!.encoding);
  }

  get #nullable(): boolean {
    return this.#column.element.repetition_type !== 'REQUIRED';
  }

  #cells(rows: number, present: Runs | undefined, bytes: Uint8Array, at: number, encoding: string): Page {
    let count = rows;
    let places: Int32Array | undefined;
    if (present?.includes(0)) {
      count = 0;
      places = Int32Array.from(present, (level) => (level === 1 ? count++ : -1));
    }
    const coded = encoding === 'RLE_DICTIONARY' || encoding === 'PLAIN_DICTIONARY';
    const values = coded ? this.#codes(bytes, at, count) : this.#values(bytes, at, count, encoding);
    return { rows, values, coded, ...(places && { places }) };
  }

  #codes(bytes: Uint8Array, at: number, count: number): Runs {
    const entries = this.dictionary?.length;
    if (entries === undefined) throw new BadParquet('is damaged: a dictionary is missing');
    if (count === 0) return new Uint8Array();
    const codes = readRuns(bytes, at + 1, bytes.length, bytes[at] ?? 0, count);
    if (!codes.every((code) => code < entries)) throw new BadParquet('is damaged: a cell is not in its dictionary');
    return codes;
  }

  #values(bytes: Uint8Array, at: number, count: number, encoding: string): DecodedArray | Runs {
    const { type, type_length: length } = this.#column.element;
    if (type?.endsWith('BYTE_ARRAY')) within(count, MOST_PAGE_TEXTS);
    if (encoding === 'PLAIN') return this.#plain(bytes, at, count);
    if (!ENCODINGS[encoding]?.includes(type!))
      throw new BadParquet(`has ${type} encoded as ${encoding}, which is not supported`);
    if (count === 0) return [];
    const reader = readerOf(bytes, at);
    switch (encoding) {
      case 'RLE':
        return readRuns(bytes, at + 4, bytes.length, 1, count);
      case 'BYTE_STREAM_SPLIT':
        return byteStreamSplit(reader, count, type!, length);
      case 'DELTA_BINARY_PACKED': {
        const out = type === 'INT32' ? new Int32Array(count) : new BigInt64Array(count);
        deltaBinaryUnpack(reader, count, out);
        return out;
      }
      case 'DELTA_LENGTH_BYTE_ARRAY': {
        const out = new Array<Uint8Array>(count);
        deltaLengthByteArray(reader, count, out);
        return out;
      }
      default:
        return joined(reader, count);
    }
  }

  #plain(bytes: Uint8Array, at: number, count: number): DecodedArray {
    const { type, type_length: length } = this.#column.element;
    return readPlain(readerOf(bytes, at), type!, count, length);
  }

  /** Undefined at the end of the chunk. */
  async #header(): Promise<PageHeader | undefined> {
    await this.#want(1, true);
    if (this.#at === this.#window.length) return undefined;
    for (let wanted = 256; ; wanted *= 4) {
      await this.#want(wanted, true);
      try {
        const end = endOfStruct(this.#window, this.#at);
        const header = parquetHeader(readerOf(this.#window, this.#at));
        this.#at = end;
        return header;
      } catch (error) {
        const more = this.#fetched < this.#chunk.end && wanted < MOST_HEADER_BYTES;
        if (!(error instanceof MalformedThrift) || !more) throw new BadParquet('is damaged: a page has no header');
      }
    }
  }

  async #take(count: number): Promise<Uint8Array> {
    await this.#want(count, false);
    const taken = this.#window.subarray(this.#at, this.#at + count);
    this.#at += count;
    return taken;
  }

  /** Has `count` bytes after #at in the window; fewer at the end of the chunk if `orFewer`. */
  async #want(count: number, orFewer: boolean): Promise<void> {
    const missing = count - (this.#window.length - this.#at);
    if (missing <= 0) return;
    const more = Math.min(Math.max(missing, this.#windowBytes), this.#chunk.end - this.#fetched);
    if (more < missing && !orFewer) throw new BadParquet('is damaged: a page is cut off');
    if (more === 0) return;
    const bytes = await this.#slice(this.#fetched, this.#fetched + more);
    this.#fetched += more;
    // A copy, so that the old window goes, and values that need it are aligned.
    this.#window = Buffer.concat([this.#window.subarray(this.#at), bytes]);
    this.#at = 0;
  }
}

/** Every text is the start of the one before and something new: a few bytes could stand for gigabytes. */
function joined(reader: ReturnType<typeof readerOf>, count: number): Uint8Array[] {
  const prefixes = new Int32Array(count);
  deltaBinaryUnpack(reader, count, prefixes);
  const suffixes = new Array<Uint8Array>(count);
  deltaLengthByteArray(reader, count, suffixes);
  let total = 0;
  let before = new Uint8Array();
  return suffixes.map((suffix, i) => {
    const prefix = within(prefixes[i], before.length);
    total += prefix + suffix.length;
    within(total, MOST_PAGE_BYTES);
    const text = new Uint8Array(prefix + suffix.length);
    text.set(before.subarray(0, prefix));
    text.set(suffix, prefix);
    before = text;
    return text;
  });
}

function readerOf(bytes: Uint8Array, offset: number): { view: DataView; offset: number } {
  return { view: new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength), offset };
}

function within(claimed: number | undefined, most: number): number {
  if (typeof claimed !== 'number' || !(claimed >= 0 && claimed <= most))
    throw new BadParquet(
      `is damaged, or has a page of more than ${MOST_PAGE_BYTES / 1024 / 1024} MiB or ${MOST_PAGE_ROWS} rows`,
    );
  return claimed;
}
