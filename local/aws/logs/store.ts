// Groups and streams of CloudWatch Logs and their events, durable. service.ts speaks the protocol over it; Lambda writes
// to it directly.
import { createHash } from 'node:crypto';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { Journal } from '../ec2/journal.ts';
import { AwsServiceError } from '../service.ts';
import { StreamFile, type LogEvent } from './stream-file.ts';

const DAY_MS = 86_400_000;

export interface LogGroup {
  readonly name: string;
  readonly createdAt: number;
  retentionDays?: number;
}
export interface LogStream {
  readonly group: string;
  readonly name: string;
  readonly createdAt: number;
  lastIngestionAt?: number;
}
export interface StoredEvent extends LogEvent {
  readonly stream: string;
}

export class LogStore {
  readonly #folder: string;
  readonly #now: () => number;
  readonly #groups: Journal<LogGroup>;
  readonly #streams: Journal<LogStream>;
  readonly #files = new Map<string, StreamFile>();
  #sequence: number;

  constructor(folder: string, now: () => number) {
    this.#folder = folder;
    this.#now = now;
    mkdirSync(join(folder, 'events'), { recursive: true });
    this.#groups = new Journal(join(folder, 'groups.jsonl'));
    this.#streams = new Journal(join(folder, 'streams.jsonl'));
    // Events made after a restart sort after those before it, also within one millisecond.
    this.#sequence = now() * 1000;
    for (const stream of this.#streams.values()) this.#expire(stream);
  }

  groups(): LogGroup[] {
    return [...this.#groups.values()].sort((a, b) => (a.name < b.name ? -1 : 1));
  }

  group(name: string): LogGroup {
    const group = this.#groups.get(name);
    if (!group) throw new AwsServiceError('ResourceNotFoundException', 'The specified log group does not exist.', 400);
    return group;
  }

  createGroup(name: string): void {
    if (this.#groups.has(name))
      throw new AwsServiceError('ResourceAlreadyExistsException', 'The specified log group already exists', 400);
    this.#groups.set(name, { name, createdAt: this.#now() });
  }

  deleteGroup(name: string): void {
    this.group(name);
    for (const stream of this.streams(name)) this.deleteStream(name, stream.name);
    this.#groups.delete(name);
  }

  setRetention(name: string, days: number | undefined): void {
    this.#groups.set(name, { ...this.group(name), retentionDays: days });
  }

  streams(group: string): LogStream[] {
    return [...this.#streams.values()]
      .filter((each) => each.group === group)
      .sort((a, b) => (a.name < b.name ? -1 : 1));
  }

  stream(group: string, name: string): LogStream {
    this.group(group);
    const stream = this.#streams.get(key(group, name));
    if (!stream)
      throw new AwsServiceError('ResourceNotFoundException', 'The specified log stream does not exist.', 400);
    return stream;
  }

  createStream(group: string, name: string): void {
    this.group(group);
    if (this.#streams.has(key(group, name)))
      throw new AwsServiceError('ResourceAlreadyExistsException', 'The specified log stream already exists', 400);
    this.#streams.set(key(group, name), { group, name, createdAt: this.#now() });
  }

  deleteStream(group: string, name: string): void {
    const stream = this.stream(group, name);
    this.#file(stream).remove();
    this.#files.delete(key(group, name));
    this.#streams.delete(key(group, name));
  }

  /** Appends; the events are in order and fit for the group. */
  append(stream: LogStream, events: readonly { readonly timestamp: number; readonly message: string }[]): void {
    const ingestionTime = this.#now();
    this.#file(stream).append(events.map((event) => ({ ...event, ingestionTime, id: this.#nextId(event.timestamp) })));
    stream.lastIngestionAt = ingestionTime;
    this.#streams.set(key(stream.group, stream.name), stream);
  }

  /** Events of the streams with start ≤ timestamp < end, interleaved by time. */
  read(streams: readonly LogStream[], start: number, end: number): StoredEvent[] {
    return streams
      .flatMap((stream) => {
        const oldest = this.#oldest(stream);
        return this.#file(stream)
          .read(Math.max(start, oldest), end)
          .map((event) => ({ ...event, stream: stream.name }));
      })
      .sort((a, b) => (a.id < b.id ? -1 : 1));
  }

  span(stream: LogStream): { first: number; last: number } | undefined {
    return this.#file(stream).span;
  }

  storedBytes(group: string): number {
    return this.streams(group).reduce((sum, stream) => sum + this.#file(stream).bytes, 0);
  }

  close(): void {
    this.#groups.close();
    this.#streams.close();
  }

  /** For a writer inside this process: makes what is missing. */
  ensure(group: string, stream: string): LogStream {
    if (!this.#groups.has(group)) this.createGroup(group);
    if (!this.#streams.has(key(group, stream))) this.createStream(group, stream);
    return this.stream(group, stream);
  }

  #oldest(stream: LogStream): number {
    const days = this.#groups.get(stream.group)?.retentionDays;
    return days === undefined ? 0 : this.#now() - days * DAY_MS;
  }

  #expire(stream: LogStream): void {
    const oldest = this.#oldest(stream);
    if (oldest > 0) this.#file(stream).expire(oldest);
  }

  #nextId(timestamp: number): string {
    this.#sequence += 1;
    return `${String(timestamp).padStart(20, '0')}${String(this.#sequence).padStart(36, '0')}`;
  }

  #file(stream: LogStream): StreamFile {
    const id = key(stream.group, stream.name);
    let file = this.#files.get(id);
    if (!file) {
      const name = createHash('sha256').update(id).digest('hex').slice(0, 40);
      file = new StreamFile(join(this.#folder, 'events', `${name}.jsonl`));
      this.#files.set(id, file);
    }
    return file;
  }
}

const key = (group: string, stream: string) => `${group}\n${stream}`;
