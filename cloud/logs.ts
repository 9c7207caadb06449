// The workers' lines in CloudWatch Logs, read only: all streams of a group together (the operator's look at the world follows them
// by one call a tick, decision 4) or one stream from its head (`npm run logs`). A group or stream that is not there yet is no error.
import type { Clients } from './clients.ts';
import { calling, CloudError } from './errors.ts';

export interface LogEvent {
  readonly stream: string;
  /** Milliseconds since the epoch, by the writer's clock. */
  readonly at: number;
  /** Unique within the group. */
  readonly id: string;
  readonly message: string;
}

export interface GroupPage {
  readonly events: LogEvent[];
  /** Token of the next page; a page may be empty and yet have one. Absent: that was all. */
  readonly next?: string;
}

export interface StreamPage {
  readonly events: { readonly at: number; readonly message: string }[];
  /** Token to go on from, also later. */
  readonly next: string;
  /** Nothing more is there now. */
  readonly end: boolean;
}

export interface LogEvents {
  /**
   * One page of what the group's streams with the prefix say from `since` (milliseconds, inclusive) on, interleaved by time: at most
   * 10,000 events or 1 MiB (FilterLogEvents). Of a group that is not there: an empty page.
   */
  follow(options: { group: string; streamPrefix?: string; since: number; token?: string }): Promise<GroupPage>;
  /**
   * One page of a stream, from its head (or `since`, milliseconds) or from where a token was given: at most 10,000 events or 1 MiB
   * (GetLogEvents). Undefined: no such group or stream.
   */
  stream(options: { group: string; stream: string; since?: number; token?: string }): Promise<StreamPage | undefined>;
}

export function logEvents(clients: Pick<Clients, 'logs'>): LogEvents {
  const sdk = () => import('@aws-sdk/client-cloudwatch-logs');
  return {
    follow: async ({ group, streamPrefix, since, token }) => {
      const [logs, { FilterLogEventsCommand }] = await Promise.all([clients.logs(), sdk()]);
      const answer = await orAbsent(
        calling('logs', () =>
          logs.send(
            new FilterLogEventsCommand({
              logGroupName: group,
              logStreamNamePrefix: streamPrefix,
              startTime: Math.max(0, Math.floor(since)),
              nextToken: token,
            }),
          ),
        ),
      );
      const events = (answer?.events ?? []).map(({ logStreamName, timestamp, eventId, message }) => ({
        stream: logStreamName ?? '',
        at: timestamp ?? 0,
        id: eventId ?? '',
        message: message ?? '',
      }));
      return { events, next: answer?.nextToken };
    },
    stream: async ({ group, stream, since, token }) => {
      const [logs, { GetLogEventsCommand }] = await Promise.all([clients.logs(), sdk()]);
      const answer = await orAbsent(
        calling('logs', () =>
          logs.send(
            new GetLogEventsCommand({
              logGroupName: group,
              logStreamName: stream,
              startFromHead: true,
              startTime: since === undefined ? undefined : Math.max(0, Math.floor(since)),
              nextToken: token,
            }),
          ),
        ),
      );
      if (answer === undefined) return undefined;
      const events = (answer.events ?? []).map(({ timestamp, message }) => ({
        at: timestamp ?? 0,
        message: message ?? '',
      }));
      const next = answer.nextForwardToken ?? token ?? '';
      // The token stays the same at the end of a stream; a page may be empty before it (GetLogEvents).
      return { events, next, end: next === token };
    },
  };
}

/** The group or the stream is made by whoever writes first. */
async function orAbsent<T>(answer: Promise<T>): Promise<T | undefined> {
  try {
    return await answer;
  } catch (error) {
    if (error instanceof CloudError && error.kind === 'notFound') return undefined;
    throw error;
  }
}
