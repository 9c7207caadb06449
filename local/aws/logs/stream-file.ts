// One log stream on disk: events appended as lines, found by time through a small index of blocks held in memory.
// store.ts keeps one for each stream; nothing of the events themselves stays in memory.
import {
  appendFileSync,
  closeSync,
  existsSync,
  openSync,
  readFileSync,
  readSync,
  rmSync,
  writeFileSync,
} from 'node:fs';

/** A block of the index covers about so many bytes. */
const BLOCK_BYTES = 64 * 1024;

export interface LogEvent {
  /** 56 digits: time and order of arrival; sorts as the events do. */
  readonly id: string;
  readonly timestamp: number;
  readonly ingestionTime: number;
  readonly message: string;
}

interface Block {
  readonly offset: number;
  length: number;
  first: number;
  last: number;
}

export class StreamFile {
  readonly #path: string;
  #blocks: Block[] | undefined;

  constructor(path: string) {
    this.#path = path;
  }

  /** Timestamps of the oldest and newest event. */
  get span(): { first: number; last: number } | undefined {
    const blocks = this.#index();
    if (blocks.length === 0) return undefined;
    return { first: Math.min(...blocks.map((each) => each.first)), last: Math.max(...blocks.map((each) => each.last)) };
  }

  get bytes(): number {
    const last = this.#index().at(-1);
    return last ? last.offset + last.length : 0;
  }

  append(events: readonly LogEvent[]): void {
    if (events.length === 0) return;
    const blocks = this.#index();
    const end = blocks.at(-1);
    let offset = end ? end.offset + end.length : 0;
    const lines: string[] = [];
    for (const event of events) {
      const line = `${JSON.stringify([event.id, event.timestamp, event.ingestionTime, event.message])}\n`;
      lines.push(line);
      offset = extend(blocks, offset, Buffer.byteLength(line), event.timestamp);
    }
    appendFileSync(this.#path, lines.join(''));
  }

  /** Events with start ≤ timestamp < end, in order. */
  read(start: number, end: number): LogEvent[] {
    const wanted = this.#index().filter((block) => block.last >= start && block.first < end);
    if (wanted.length === 0) return [];
    const file = openSync(this.#path, 'r');
    try {
      return wanted
        .flatMap((block) => {
          const bytes = Buffer.alloc(block.length);
          readSync(file, bytes, 0, block.length, block.offset);
          return parse(bytes.toString('utf8'));
        })
        .filter((event) => event.timestamp >= start && event.timestamp < end)
        .sort((a, b) => (a.id < b.id ? -1 : 1));
    } finally {
      closeSync(file);
    }
  }

  /** Drops what is older. */
  expire(before: number): void {
    const { span } = this;
    if (!span || span.first >= before) return;
    const kept = this.read(before, Infinity);
    this.#blocks = undefined;
    writeFileSync(this.#path, '');
    this.append(kept);
  }

  remove(): void {
    rmSync(this.#path, { force: true });
    this.#blocks = [];
  }

  /** Read from the file when first needed; a torn last line is cut off, so that what follows stays readable. */
  #index(): Block[] {
    if (this.#blocks) return this.#blocks;
    const blocks: Block[] = [];
    if (existsSync(this.#path)) {
      const text = readFileSync(this.#path, 'utf8');
      const whole = text.slice(0, text.lastIndexOf('\n') + 1);
      if (whole.length < text.length) writeFileSync(this.#path, whole);
      let offset = 0;
      for (const line of whole.split('\n').slice(0, -1))
        offset = extend(blocks, offset, Buffer.byteLength(line) + 1, parse(line)[0]?.timestamp ?? 0);
    }
    this.#blocks = blocks;
    return blocks;
  }
}

function extend(blocks: Block[], offset: number, length: number, timestamp: number): number {
  const block = blocks.at(-1);
  if (!block || block.length >= BLOCK_BYTES) blocks.push({ offset, length, first: timestamp, last: timestamp });
  else {
    block.length += length;
    block.first = Math.min(block.first, timestamp);
    block.last = Math.max(block.last, timestamp);
  }
  return offset + length;
}

function parse(text: string): LogEvent[] {
  return text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => {
      const [id, timestamp, ingestionTime, message] = JSON.parse(line) as [string, number, number, string];
      return { id, timestamp, ingestionTime, message };
    });
}
