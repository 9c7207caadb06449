// The stand-in bucket with an index by first segment, so that one look over instances/ does not go through everything else.
import { FakeBucket } from '../aws.ts';

interface Segment {
  readonly keys: Set<string>;
  /** In order; undefined after a key came or went. */
  sorted: string[] | undefined;
}

const segmentOf = (key: string): string => key.slice(0, key.indexOf('/') + 1);

export class SimulatedBucket extends FakeBucket {
  readonly #segments = new Map<string, Segment>();

  /** Without a record: a simulation makes millions of calls. */
  override async run<T>(_call: string, _what: string, work: () => T): Promise<T> {
    return work();
  }

  override set(key: string, body: string | Uint8Array | object, etag?: string): string {
    const name = segmentOf(key);
    const segment = this.#segments.get(name) ?? { keys: new Set(), sorted: undefined };
    this.#segments.set(name, segment);
    if (!segment.keys.has(key)) segment.sorted = undefined;
    segment.keys.add(key);
    return super.set(key, body, etag);
  }

  override keys(prefix = ''): string[] {
    const segment = this.#segments.get(segmentOf(prefix));
    if (!segment) return prefix.includes('/') ? [] : super.keys(prefix);
    segment.sorted ??= [...segment.keys].sort();
    return prefix === segmentOf(prefix) ? segment.sorted : segment.sorted.filter((key) => key.startsWith(prefix));
  }

  override async delete(key: string): Promise<undefined> {
    this.objects.delete(key);
    const segment = this.#segments.get(segmentOf(key));
    if (segment?.keys.delete(key)) segment.sorted = undefined;
    return undefined;
  }

  override async deleteMany(keys: readonly string[]): Promise<void> {
    for (const key of keys) await this.delete(key);
  }
}
