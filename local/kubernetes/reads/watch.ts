// A watch: what happened since a revision, then what happens, as one JSON event a line until the time is up.
// Objects that start or stop matching the selector appear as ADDED and DELETED. Bookmarks keep quiet watches fresh.
import type { ServerResponse } from 'node:http';
import type { Cancel, Clock } from '../../../cloud/clock.ts';
import type { KubeObject, ResourceInfo } from '../api.ts';
import { ApiError, badRequest, fieldError, invalid, tooOld } from '../errors.ts';
import { groupVersion, storageKey } from '../resources/builtin.ts';
import { served } from '../resources/events.ts';
import type { Store, StoreEvent } from '../storage/store.ts';
import { revisionOf, selectionOf } from './lists.ts';
import { type IncludeObject, includeObjectOf, type Renderer, type Shape, shaped } from './representation.ts';
import type { Predicate } from './selectors.ts';

export interface WatchRequest {
  readonly resource: ResourceInfo;
  readonly namespace: string | undefined;
  /** Of `…/NAME?watch=1`. */
  readonly name: string | undefined;
  readonly query: URLSearchParams;
  readonly shape: Shape;
}

/** client-node gives a silent watch up after 30 s. */
const BOOKMARK_MS = 10_000;
const DEFAULT_TIMEOUT_S = 1800;
/** A client that doesn't read is dropped, and comes back with its last revision. */
const MAX_BACKLOG_BYTES = 32 * 1024 * 1024;

export class Watch {
  readonly #request: WatchRequest;
  readonly #renderer: Renderer;
  readonly #response: ServerResponse;
  readonly #matches: Predicate;
  readonly #key: string;
  readonly #includeObject: IncludeObject;
  #columnsSent = false;
  #revision: number;
  #ended = false;
  #cancels: Cancel[] = [];

  private constructor(request: WatchRequest, response: ServerResponse, store: Store, renderer: Renderer) {
    this.#request = request;
    this.#response = response;
    this.#renderer = renderer;
    this.#key = storageKey(request.resource);
    this.#includeObject = includeObjectOf(request.query);
    const { matches } = selectionOf(request.resource, request.query);
    const { namespace, name } = request;
    this.#matches = (object) =>
      (namespace === undefined || object.metadata.namespace === namespace) &&
      (name === undefined || object.metadata.name === name) &&
      (matches === undefined || matches(object));
    this.#revision = store.revision;
  }

  /** Answers the request; refuses (throws) before the first byte only. Resolves never; ends with the response. */
  static start(
    request: WatchRequest,
    response: ServerResponse,
    { store, clock, renderer }: { store: Store; clock: Clock; renderer: Renderer },
  ): Watch {
    const { query } = request;
    const from = startOf(query);
    const initial = initialEvents(query);
    const watch = new Watch(request, response, store, renderer);
    response.writeHead(200, { 'content-type': 'application/json', 'cache-control': 'no-cache, private' });
    response.flushHeaders();
    const replay = from === undefined || from === 0 || initial === true ? undefined : store.history.since(from);
    if (from !== undefined && from !== 0 && initial !== true && replay === undefined) {
      watch.fail(tooOld(from, store.history.oldest));
      return watch;
    }
    if (replay === undefined) {
      if (initial !== false)
        for (const object of store.list(watch.#key, request.namespace)) watch.#tellExisting(object);
      if (initial === true) watch.#bookmark({ 'k8s.io/initial-events-end': 'true' });
    } else for (const event of replay) watch.#tell(event);
    watch.#follow(store, clock);
    return watch;
  }

  /** An ERROR event, then the end. */
  fail(error: ApiError): void {
    this.#write('ERROR', error.status());
    this.end();
  }

  end(): void {
    if (this.#ended) return;
    this.#ended = true;
    for (const cancel of this.#cancels) cancel();
    this.#response.end();
  }

  #follow(store: Store, clock: Clock): void {
    const { query } = this.#request;
    const seconds = Number(query.get('timeoutSeconds') ?? 0) || DEFAULT_TIMEOUT_S * (1 + Math.random());
    const bookmarks = query.get('allowWatchBookmarks') === 'true' || query.get('allowWatchBookmarks') === '1';
    this.#cancels.push(store.subscribe((event) => this.#tell(event)));
    this.#cancels.push(
      clock.after(seconds * 1000, () => {
        if (bookmarks) this.#bookmark();
        this.end();
      }),
    );
    if (bookmarks) {
      let cancel: Cancel = () => undefined;
      const again = () => {
        cancel = clock.after(BOOKMARK_MS, () => {
          this.#bookmark();
          again();
        });
      };
      again();
      this.#cancels.push(() => cancel());
    }
    this.#response.once('close', () => this.end());
  }

  #tellExisting(object: KubeObject): void {
    if (this.#matches(object)) this.#send('ADDED', object);
  }

  #tell(event: StoreEvent): void {
    this.#revision = event.revision;
    if (event.resource !== this.#key || this.#ended) return;
    const before = event.old !== undefined && this.#matches(event.old);
    const after = event.type !== 'DELETED' && this.#matches(event.object);
    if (after) this.#send(before ? 'MODIFIED' : 'ADDED', event.object);
    else if (before && event.type === 'DELETED') this.#send('DELETED', event.object);
    else if (before && event.old !== undefined) {
      // It no longer matches: the last matching state, with the revision at which it stopped to.
      const metadata = { ...event.old.metadata, resourceVersion: String(event.revision) };
      this.#send('DELETED', { ...event.old, metadata });
    }
  }

  #send(type: string, object: KubeObject): void {
    const { resource, shape } = this.#request;
    if (shape !== 'table') {
      this.#write(type, shaped(resource, object, shape));
      return;
    }
    const table = this.#renderer.renderTable(resource, [served(resource, object)], {
      now: this.#renderer.now(),
      includeObject: this.#includeObject,
      columns: !this.#columnsSent,
      listMeta: { resourceVersion: object.metadata.resourceVersion },
    });
    this.#columnsSent = true;
    this.#write(type, table);
  }

  #bookmark(annotations?: Record<string, string>): void {
    const { resource, shape } = this.#request;
    const metadata = {
      resourceVersion: String(this.#revision),
      creationTimestamp: null,
      ...(annotations === undefined ? {} : { annotations }),
    };
    const object = { kind: resource.kind, apiVersion: groupVersion(resource), metadata };
    if (shape === 'table') {
      const row = { cells: [], object: { kind: 'PartialObjectMetadata', apiVersion: 'meta.k8s.io/v1', metadata } };
      const { resourceVersion } = metadata;
      const table = {
        kind: 'Table',
        apiVersion: 'meta.k8s.io/v1',
        metadata: { resourceVersion },
        columnDefinitions: null,
        rows: [row],
      };
      this.#write('BOOKMARK', table);
    } else if (shape === 'metadata') {
      this.#write('BOOKMARK', { kind: 'PartialObjectMetadata', apiVersion: 'meta.k8s.io/v1', metadata });
    } else this.#write('BOOKMARK', object);
  }

  #write(type: string, object: unknown): void {
    if (this.#ended) return;
    this.#response.write(`${JSON.stringify({ type, object })}\n`);
    if (this.#response.writableLength > MAX_BACKLOG_BYTES) {
      this.#ended = true;
      for (const cancel of this.#cancels) cancel();
      this.#response.destroy();
    }
  }
}

/** Where to go on from. What is no number is a 500 here, though a 400 in lists: so in the real server. */
function startOf(query: URLSearchParams): number | undefined {
  try {
    return revisionOf(query);
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
    throw new ApiError(500, '', error.message.replace('invalid resource version: ', ''));
  }
}

/** sendInitialEvents; undefined when the client leaves it out. */
function initialEvents(query: URLSearchParams): boolean | undefined {
  const asked = query.get('sendInitialEvents');
  const match = query.get('resourceVersionMatch');
  const refuse = (field: string, why: string) =>
    invalid('ListOptions', 'meta.k8s.io', '', [fieldError.forbidden(field, why)]);
  if (asked === null || asked === '') {
    if (match !== null && match !== '') {
      throw refuse(
        'resourceVersionMatch',
        'resourceVersionMatch is forbidden for watch unless sendInitialEvents is provided',
      );
    }
    return undefined;
  }
  if (match !== 'NotOlderThan') {
    throw refuse('resourceVersionMatch', 'sendInitialEvents requires setting resourceVersionMatch to NotOlderThan');
  }
  if (asked !== 'true' && asked !== 'false')
    throw badRequest(`invalid value ${JSON.stringify(asked)} for sendInitialEvents`);
  return asked === 'true';
}
