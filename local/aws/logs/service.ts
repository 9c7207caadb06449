// CloudWatch Logs behind the front (AWS JSON 1.1): groups, streams, events in, events out by forward tokens or filtered
// over many streams. The state is store.ts's.
import { join } from 'node:path';
import { jsonAnswer, jsonBody, jsonError, jsonTarget } from '../protocol/json.ts';
import { AwsServiceError, type Principal, type AwsService, type ServiceContext } from '../service.ts';
import { filterPattern } from './pattern.ts';
import { LogStore, type LogGroup, type LogStream, type StoredEvent } from './store.ts';

/** PutLogEvents: events and bytes of a batch (each event counts 26 more), hours it may span, age of an event. */
const BATCH_EVENTS = 10_000;
const BATCH_BYTES = 1_048_576;
const EVENT_OVERHEAD_BYTES = 26;
const BATCH_SPAN_MS = 24 * 3_600_000;
const TOO_OLD_MS = 14 * 86_400_000;
const TOO_NEW_MS = 2 * 3_600_000;
/** One answer: 10,000 events or 1 MiB. */
const ANSWER_EVENTS = 10_000;
const ANSWER_BYTES = 1_048_576;
const RETENTION_DAYS = [
  1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653,
];

export interface LogsService extends AwsService {
  /** For services of the same process: appends, making group and stream as needed. */
  write(
    group: string,
    stream: string,
    lines: readonly { readonly timestamp: number; readonly message: string }[],
  ): void;
  close(): Promise<void>;
}

interface Call {
  readonly context: ServiceContext;
  readonly store: LogStore;
  readonly principal: Principal;
  readonly body: Record<string, unknown>;
}

type Action = (call: Call) => object;

export function logsService(context: ServiceContext): LogsService {
  const store = new LogStore(join(context.stateDir, 'logs'), () => context.clock.now());
  return {
    name: 'logs',
    write: (group, stream, lines) => store.append(store.ensure(group, stream), lines),
    async handle(request) {
      const name = jsonTarget(request);
      const action = Object.hasOwn(ACTIONS, name) ? ACTIONS[name] : undefined;
      if (!action) throw new AwsServiceError('UnknownOperationException', `There is no operation ${name}.`, 400);
      const body = await jsonBody(request);
      return jsonAnswer(action({ context, store, principal: request.principal, body }));
    },
    error(error, request) {
      const named =
        error.code === 'AccessDenied' ? new AwsServiceError('AccessDeniedException', error.message, 400) : error;
      return jsonError(named, request.requestId);
    },
    async close() {
      store.close();
    },
  };
}

function invalid(message: string): AwsServiceError {
  return new AwsServiceError('InvalidParameterException', message, 400);
}

function text(call: Call, name: string): string | undefined {
  const value = call.body[name];
  return typeof value === 'string' ? value : undefined;
}

function required(call: Call, name: string): string {
  const value = text(call, name);
  if (value === undefined || value === '')
    throw invalid(
      `1 validation error detected: Value null at '${name}' failed to satisfy constraint: Member must not be null`,
    );
  return value;
}

function number(call: Call, name: string): number | undefined {
  const value = call.body[name];
  return typeof value === 'number' ? value : undefined;
}

/** Reading accepts the group's ARN in place of its name. */
function groupName(call: Call): string {
  const identifier = text(call, 'logGroupIdentifier');
  if (identifier === undefined) return required(call, 'logGroupName');
  return identifier.startsWith('arn:')
    ? identifier.replace(/^arn:[^:]+:logs:[^:]+:\d+:log-group:/, '').replace(/:\*$/, '')
    : identifier;
}

function groupArn(call: Call, group: string): string {
  return `arn:aws:logs:${call.context.region}:${call.context.accountId}:log-group:${group}`;
}

function streamArn(call: Call, group: string, stream: string): string {
  return `${groupArn(call, group)}:log-stream:${stream}`;
}

function permit(call: Call, action: string, resource: string): void {
  call.context.authorizer.authorize(call.principal, `logs:${action}`, resource);
}

function permitGroup(call: Call, action: string, group: string): void {
  permit(call, action, `${groupArn(call, group)}:*`);
}

function createLogGroup(call: Call): object {
  const name = required(call, 'logGroupName');
  if (!/^[.\-_/#A-Za-z0-9]{1,512}$/.test(name))
    throw invalid(
      `1 validation error detected: Value '${name}' at 'logGroupName' failed to satisfy constraint: Member must satisfy regular expression pattern: [\\.\\-_/#A-Za-z0-9]+`,
    );
  permitGroup(call, 'CreateLogGroup', name);
  call.store.createGroup(name);
  return {};
}

function deleteLogGroup(call: Call): object {
  const name = required(call, 'logGroupName');
  permitGroup(call, 'DeleteLogGroup', name);
  call.store.deleteGroup(name);
  return {};
}

function createLogStream(call: Call): object {
  const [group, name] = [required(call, 'logGroupName'), required(call, 'logStreamName')];
  if (!/^[^:*]{1,512}$/.test(name))
    throw invalid(
      `1 validation error detected: Value '${name}' at 'logStreamName' failed to satisfy constraint: Member must satisfy regular expression pattern: [^:*]*`,
    );
  permit(call, 'CreateLogStream', streamArn(call, group, name));
  call.store.createStream(group, name);
  return {};
}

function deleteLogStream(call: Call): object {
  const [group, name] = [required(call, 'logGroupName'), required(call, 'logStreamName')];
  permit(call, 'DeleteLogStream', streamArn(call, group, name));
  call.store.deleteStream(group, name);
  return {};
}

function putRetentionPolicy(call: Call): object {
  const name = required(call, 'logGroupName');
  const days = number(call, 'retentionInDays') ?? 0;
  if (!RETENTION_DAYS.includes(days))
    throw invalid(
      `1 validation error detected: Value '${days}' at 'retentionInDays' failed to satisfy constraint: Member must satisfy enum value set: [${RETENTION_DAYS.join(', ')}]`,
    );
  permitGroup(call, 'PutRetentionPolicy', name);
  call.store.setRetention(name, days);
  return {};
}

function deleteRetentionPolicy(call: Call): object {
  const name = required(call, 'logGroupName');
  permitGroup(call, 'DeleteRetentionPolicy', name);
  call.store.setRetention(name, undefined);
  return {};
}

function groupJson(call: Call, group: LogGroup): object {
  const arn = groupArn(call, group.name);
  return {
    logGroupName: group.name,
    creationTime: group.createdAt,
    retentionInDays: group.retentionDays,
    metricFilterCount: 0,
    arn: `${arn}:*`,
    logGroupArn: arn,
    logGroupClass: 'STANDARD',
    storedBytes: call.store.storedBytes(group.name),
  };
}

function describeLogGroups(call: Call): object {
  permit(call, 'DescribeLogGroups', `${groupArn(call, text(call, 'logGroupNamePrefix') ?? '')}*`.replace(/\*$/, ':*'));
  const prefix = text(call, 'logGroupNamePrefix') ?? '';
  const part = text(call, 'logGroupNamePattern') ?? '';
  const groups = call.store.groups().filter((each) => each.name.startsWith(prefix) && each.name.includes(part));
  const { items, nextToken } = page(call, groups, (each) => each.name);
  return { logGroups: items.map((each) => groupJson(call, each)), nextToken };
}

function describeLogStreams(call: Call): object {
  const group = groupName(call);
  permitGroup(call, 'DescribeLogStreams', group);
  call.store.group(group);
  const prefix = text(call, 'logStreamNamePrefix') ?? '';
  const byTime = text(call, 'orderBy') === 'LastEventTime';
  if (byTime && prefix !== '') throw invalid('Cannot order by LastEventTime with a logStreamNamePrefix.');
  const streams = call.store.streams(group).filter((each) => each.name.startsWith(prefix));
  if (byTime) streams.sort((a, b) => (call.store.span(a)?.last ?? 0) - (call.store.span(b)?.last ?? 0));
  if (call.body['descending'] === true) streams.reverse();
  const { items, nextToken } = page(call, streams, (each) => each.name);
  return { logStreams: items.map((each) => streamJson(call, each)), nextToken };
}

function streamJson(call: Call, stream: LogStream): object {
  const span = call.store.span(stream);
  return {
    logStreamName: stream.name,
    creationTime: stream.createdAt,
    firstEventTimestamp: span?.first,
    lastEventTimestamp: span?.last,
    lastIngestionTime: stream.lastIngestionAt,
    uploadSequenceToken: SEQUENCE_TOKEN,
    arn: streamArn(call, stream.group, stream.name),
    storedBytes: 0,
  };
}

/** Pages of up to 50; the token names the last item given. */
function page<Item>(
  call: Call,
  all: readonly Item[],
  name: (item: Item) => string,
): { items: Item[]; nextToken?: string } {
  const token = text(call, 'nextToken');
  const after = token === undefined ? undefined : Buffer.from(token, 'base64').toString();
  const start = after === undefined ? 0 : all.findIndex((each) => name(each) === after) + 1;
  const items = all.slice(start, start + Math.min(50, number(call, 'limit') ?? 50));
  const last = items.at(-1);
  const more = last !== undefined && start + items.length < all.length;
  return { items, nextToken: more ? Buffer.from(name(last)).toString('base64') : undefined };
}

/** Sequence tokens are no longer checked by CloudWatch either. */
const SEQUENCE_TOKEN = '49590302938171662166616316615167616616616616616616616616';

function putLogEvents(call: Call): object {
  const [group, name] = [required(call, 'logGroupName'), required(call, 'logStreamName')];
  permit(call, 'PutLogEvents', streamArn(call, group, name));
  const stream = call.store.stream(group, name);
  const events = (call.body['logEvents'] ?? []) as { timestamp: number; message: string }[];
  checkBatch(events);
  const now = call.context.clock.now();
  const retention = call.store.group(group).retentionDays;
  const oldest = now - Math.min(TOO_OLD_MS, (retention ?? Infinity) * 86_400_000);
  const fit = events.filter((event) => event.timestamp >= oldest && event.timestamp <= now + TOO_NEW_MS);
  call.store.append(stream, fit);
  const tooOld = events.filter((event) => event.timestamp < oldest).length;
  const tooNew = events.findIndex((event) => event.timestamp > now + TOO_NEW_MS);
  return {
    nextSequenceToken: SEQUENCE_TOKEN,
    ...(fit.length < events.length
      ? {
          rejectedLogEventsInfo: {
            ...(tooOld > 0 ? { tooOldLogEventEndIndex: tooOld } : {}),
            ...(tooNew >= 0 ? { tooNewLogEventStartIndex: tooNew } : {}),
          },
        }
      : {}),
  };
}

function checkBatch(events: readonly { timestamp: number; message: string }[]): void {
  if (events.length === 0 || events.length > BATCH_EVENTS)
    throw invalid(
      `1 validation error detected: Value at 'logEvents' failed to satisfy constraint: Member must have length less than or equal to ${BATCH_EVENTS} and greater than or equal to 1`,
    );
  let bytes = 0;
  let before = -Infinity;
  for (const event of events) {
    if (
      typeof event.message !== 'string' ||
      event.message === '' ||
      !Number.isInteger(event.timestamp) ||
      event.timestamp < 0
    )
      throw invalid(
        "1 validation error detected: Value at 'logEvents' failed to satisfy constraint: a timestamp and a message of at least 1 character are needed",
      );
    if (event.timestamp < before)
      throw invalid('Log events in a single PutLogEvents request must be in chronological order.');
    before = event.timestamp;
    bytes += Buffer.byteLength(event.message) + EVENT_OVERHEAD_BYTES;
  }
  if (bytes > BATCH_BYTES) throw invalid(`Upload too large: ${bytes} bytes exceeds limit of ${BATCH_BYTES}`);
  if ((events.at(-1)?.timestamp ?? 0) - (events[0]?.timestamp ?? 0) > BATCH_SPAN_MS)
    throw invalid('The batch of log events in a single PutLogEvents request cannot span more than 24 hours.');
}

/** `f/<id>/s` after an event, `b/<id>/s` before it; ids sort as events do. */
const START = '0'.repeat(56);

function getLogEvents(call: Call): object {
  const group = groupName(call);
  const name = required(call, 'logStreamName');
  permit(call, 'GetLogEvents', streamArn(call, group, name));
  const stream = call.store.stream(group, name);
  const start = number(call, 'startTime') ?? 0;
  const end = number(call, 'endTime') ?? Infinity;
  const limit = readLimit(call);
  const [, direction, id = START] = parseToken(text(call, 'nextToken'));
  const all = call.store.read([stream], start, end);
  let chosen: StoredEvent[];
  if (direction === 'f')
    chosen = fitting(
      all.filter((event) => event.id > id),
      limit,
    );
  else if (direction === 'b') chosen = fitting(all.filter((event) => event.id < id).reverse(), limit).reverse();
  else if (call.body['startFromHead'] === true) chosen = fitting(all, limit);
  else chosen = fitting([...all].reverse(), limit).reverse();
  // At the end of the stream both tokens stay what they were: that is how a reader knows.
  const last = chosen.at(-1)?.id ?? (direction === undefined ? START : id);
  const first = chosen[0]?.id ?? (direction === undefined ? START : id);
  return {
    events: chosen.map(({ timestamp, message, ingestionTime }) => ({ timestamp, message, ingestionTime })),
    nextForwardToken: `f/${last}/s`,
    nextBackwardToken: `b/${first}/s`,
  };
}

function parseToken(token: string | undefined): [string, string | undefined, string | undefined] {
  if (token === undefined) return ['', undefined, undefined];
  const [whole = '', direction, id] = /^([fb])\/(\d{56})\/s$/.exec(token) ?? [];
  if (whole === '') throw invalid('The specified nextToken is invalid.');
  return [whole, direction, id];
}

function readLimit(call: Call): number {
  const limit = number(call, 'limit') ?? ANSWER_EVENTS;
  if (limit < 1 || limit > ANSWER_EVENTS)
    throw invalid(
      `1 validation error detected: Value '${limit}' at 'limit' failed to satisfy constraint: Member must have value less than or equal to ${ANSWER_EVENTS}`,
    );
  return limit;
}

/** As many as one answer holds. */
function fitting(events: readonly StoredEvent[], limit: number): StoredEvent[] {
  let bytes = 0;
  const chosen: StoredEvent[] = [];
  for (const event of events) {
    bytes += Buffer.byteLength(event.message) + EVENT_OVERHEAD_BYTES;
    if (chosen.length >= limit || (bytes > ANSWER_BYTES && chosen.length > 0)) break;
    chosen.push(event);
  }
  return chosen;
}

function filterLogEvents(call: Call): object {
  const group = groupName(call);
  permitGroup(call, 'FilterLogEvents', group);
  call.store.group(group);
  const names = call.body['logStreamNames'] as string[] | undefined;
  const prefix = text(call, 'logStreamNamePrefix');
  if (names && prefix !== undefined) throw invalid('LogStreamNames and LogStreamNamePrefix can not both be specified.');
  const streams = names
    ? names.map((name) => call.store.stream(group, name))
    : call.store.streams(group).filter((each) => prefix === undefined || each.name.startsWith(prefix));
  const matches = filterPattern(text(call, 'filterPattern') ?? '');
  const start = number(call, 'startTime') ?? 0;
  const end = number(call, 'endTime');
  const token = text(call, 'nextToken');
  if (token !== undefined && !/^\d{56}$/.test(token)) throw invalid('The specified nextToken is invalid.');
  const from = token === undefined ? start : Math.max(start, Number(token.slice(0, 20)));
  // The end is inclusive here, unlike GetLogEvents'.
  const found = call.store
    .read(streams, from, end === undefined ? Infinity : end + 1)
    .filter((event) => (token === undefined || event.id > token) && matches(event.message));
  const chosen = fitting(found, readLimit(call));
  return {
    events: chosen.map((event) => ({
      logStreamName: event.stream,
      timestamp: event.timestamp,
      message: event.message,
      ingestionTime: event.ingestionTime,
      eventId: event.id,
    })),
    searchedLogStreams: [],
    nextToken: chosen.length < found.length ? chosen.at(-1)?.id : undefined,
  };
}

const ACTIONS: Record<string, Action> = {
  CreateLogGroup: createLogGroup,
  DeleteLogGroup: deleteLogGroup,
  CreateLogStream: createLogStream,
  DeleteLogStream: deleteLogStream,
  PutRetentionPolicy: putRetentionPolicy,
  DeleteRetentionPolicy: deleteRetentionPolicy,
  DescribeLogGroups: describeLogGroups,
  DescribeLogStreams: describeLogStreams,
  PutLogEvents: putLogEvents,
  GetLogEvents: getLogEvents,
  FilterLogEvents: filterLogEvents,
};
