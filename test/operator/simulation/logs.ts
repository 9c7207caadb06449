// CloudWatch Logs in virtual time: one group, a stream an instance; lines can be read a moment after they were written.
import type { GroupPage, LogEvent, LogEvents, StreamPage } from '../../../cloud/logs.ts';
import type { Clock } from '../../../cloud/clock.ts';

const PAGE = 1_000;
const LAG_MS = 1_500;

export class SimulatedLogs implements LogEvents {
  readonly #clock: Clock;
  /** In the order of their times. */
  readonly #events: LogEvent[] = [];

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  write(instanceId: string, message: string): void {
    const at = this.#clock.now();
    this.#events.push({ stream: `instance-${instanceId}`, at, id: String(this.#events.length), message });
  }

  async follow({ streamPrefix = '', since, token }: Parameters<LogEvents['follow']>[0]): Promise<GroupPage> {
    const from = token === undefined ? this.#first(since) : Number(token);
    const readable = this.#clock.now() - LAG_MS;
    const page = this.#events.slice(from, from + PAGE).filter(({ at }) => at <= readable);
    const events = page.filter(({ stream }) => stream.startsWith(streamPrefix));
    return page.length === PAGE ? { events, next: String(from + PAGE) } : { events };
  }

  async stream({ stream, token }: Parameters<LogEvents['stream']>[0]): Promise<StreamPage | undefined> {
    const all = this.#events.filter((event) => event.stream === stream);
    if (all.length === 0) return undefined;
    const events = all.slice(Number(token ?? 0));
    return { events, next: String(all.length), end: true };
  }

  /** Place of the first event at or after a time. */
  #first(since: number): number {
    let at = this.#events.length;
    while (at > 0 && (this.#events[at - 1]?.at ?? 0) >= since) at -= 1;
    return at;
  }
}
