// Requests on resources: authorised, then read (reads/) or written (writes/), then answered in the shape asked for.
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Clock } from '../../../cloud/clock.ts';
import type { DeleteOptions, KubeObject, PropagationPolicy, ResourceInfo } from '../api.ts';
import type { Trail } from '../access/audit.ts';
import type { Authorizer } from '../access/authorizer.ts';
import type { User } from '../access/tokens.ts';
import { ApiError, fieldError, invalid, methodNotAllowed, noSuchPath, notFound, tooNew } from '../errors.ts';
import { storageKey } from '../resources/builtin.ts';
import { served } from '../resources/events.ts';
import { isObject } from '../resources/fields.ts';
import { listBody, listPage, revisionOf } from '../reads/lists.ts';
import { includeObjectOf, type Renderer, shaped, shapeOf } from '../reads/representation.ts';
import { Watch } from '../reads/watch.ts';
import type { Store } from '../storage/store.ts';
import { patchTypeOf } from '../writes/patch.ts';
import type { Writer, WriteOptions } from '../writes/writer.ts';
import { parseJson, parseObject, readBody } from './body.ts';
import { addWarning, reply, replyText } from './reply.ts';
import { isTrue, type ResourceRequest, type Verb, verbOf } from './request.ts';
import { podSubresource } from './pods.ts';

export interface Exchange {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly user: User;
  readonly target: ResourceRequest;
  /** Undefined: nothing of that name is served. */
  readonly resource: ResourceInfo | undefined;
  readonly query: URLSearchParams;
  /** For the audit trail. */
  readonly trail: Trail;
}

export interface HandlersOptions {
  readonly store: Store;
  readonly writer: Writer;
  readonly authorizer: Authorizer;
  readonly clock: Clock;
  readonly renderer: Renderer;
}

const SUBRESOURCES: Record<string, WriteOptions['subresource']> = { status: 'Status', finalize: 'Finalize' };

type Known = Exchange & { readonly resource: ResourceInfo };

export class Handlers {
  readonly #options: HandlersOptions;
  readonly #watches = new Set<Watch>();

  constructor(options: HandlersOptions) {
    this.#options = options;
  }

  async handle(exchange: Exchange): Promise<void> {
    const { request, response, target, resource, query, user } = exchange;
    const verb = verbOf(request.method ?? 'GET', target, query);
    if (verb === undefined) throw methodNotAllowed();
    const { subresource } = target;
    const asked = subresource === undefined ? target.plural : `${target.plural}/${subresource}`;
    this.#options.authorizer.check(user, { ...target, plural: asked, verb });
    if (await this.#options.authorizer.review(exchange)) return;
    if (resource === undefined) {
      // Below a group that isn't served the real server knows no path at all.
      if (this.#options.authorizer.serves(target.group)) throw noSuchPath();
      return replyText(response, 404, '404 page not found\n');
    }
    const known: Known = { ...exchange, resource };
    checkScope(known, verb);
    if (subresource !== undefined && subresource !== 'status' && subresource !== 'finalize') {
      return podSubresource(known, verb, this.#options);
    }
    if (subresource === 'status' && !resource.subresources.status) throw noSuchPath();
    if (subresource === 'finalize' && resource.plural !== 'namespaces') throw noSuchPath();
    await this.#perform(verb, known);
  }

  /** Ends every watch, so that the server can stop. */
  endWatches(): void {
    for (const watch of this.#watches) watch.end();
  }

  async #perform(verb: Verb, exchange: Known): Promise<void> {
    switch (verb) {
      case 'get':
        return this.#get(exchange);
      case 'list':
        return this.#list(exchange);
      case 'watch':
        return this.#watch(exchange);
      case 'create':
        return this.#create(exchange);
      case 'update':
      case 'patch':
        return this.#change(verb, exchange);
      case 'delete':
        return this.#delete(exchange);
      case 'deletecollection':
        return this.#deleteCollection(exchange);
    }
  }

  async #get(exchange: Known): Promise<void> {
    const { resource, target, query } = exchange;
    const { store } = this.#options;
    const revision = revisionOf(query);
    if (revision !== undefined && revision > store.revision) throw tooNew(revision, store.revision);
    const object = store.get(storageKey(resource), target.namespace, target.name ?? '');
    if (object === undefined) throw notFound(resource, target.name ?? '');
    await this.#answer(exchange, 200, object);
  }

  async #list({ request, response, resource, target, query }: Known): Promise<void> {
    const shape = shapeOf(request.headers.accept);
    const page = listPage(this.#options.store, resource, target.namespace, query);
    await reply(request, response, 200, listBody(page, resource, shape, query, this.#options.renderer));
  }

  #watch({ request, response, resource, target, query }: Known): void {
    const shape = shapeOf(request.headers.accept);
    const asked = { resource, namespace: target.namespace, name: target.name, query, shape };
    const watch = Watch.start(asked, response, this.#options);
    this.#watches.add(watch);
    response.once('close', () => this.#watches.delete(watch));
  }

  async #create(exchange: Known): Promise<void> {
    const { request, resource, target, trail } = exchange;
    if (target.name !== undefined) throw methodNotAllowed();
    const options = writeOptions(exchange);
    const body = await parseObject(await readBody(request), request.headers['content-type'], resource.kind);
    trail.name = nameIn(body);
    const object = await this.#options.writer.create(resource, target.namespace, body, options);
    trail.name = object.metadata.name;
    await this.#answer(exchange, 201, object);
  }

  async #change(verb: 'update' | 'patch', exchange: Known): Promise<void> {
    const { request, resource, target } = exchange;
    const { writer } = this.#options;
    const name = target.name ?? '';
    if (name === '') throw methodNotAllowed();
    const options: WriteOptions = { ...writeOptions(exchange), subresource: SUBRESOURCES[target.subresource ?? ''] };
    const contentType = request.headers['content-type'];
    if (verb === 'patch') {
      const type = patchTypeOf(contentType, resource.schema !== undefined);
      const body = parseJson((await readBody(request)).toString('utf8'), 'error decoding patch: ');
      const object = await writer.patch(resource, target.namespace, name, { type, body }, options);
      return this.#answer(exchange, 200, object);
    }
    const body = await parseObject(await readBody(request), contentType, resource.kind);
    const object = await writer.update(resource, target.namespace, name, body, options);
    return this.#answer(exchange, 200, object);
  }

  async #delete(exchange: Known): Promise<void> {
    const { request, response, resource, target } = exchange;
    const options = await deleteOptions(exchange);
    const name = target.name ?? '';
    const { object, gone } = await this.#options.writer.delete(resource, target.namespace, name, options);
    if (!gone || resource.plural === 'pods') return this.#answer(exchange, 200, object);
    const details = {
      name,
      ...(resource.group === '' ? {} : { group: resource.group }),
      kind: resource.plural,
      uid: object.metadata.uid,
    };
    await reply(request, response, 200, { kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Success', details });
  }

  async #deleteCollection(exchange: Known): Promise<void> {
    const { request, response, resource, target, query } = exchange;
    if (resource.group === '' && resource.plural === 'namespaces') throw methodNotAllowed();
    const options = await deleteOptions(exchange);
    const page = listPage(this.#options.store, resource, target.namespace, query);
    const { writer, renderer } = this.#options;
    const deletions = page.objects.map((object) =>
      writer.delete(resource, object.metadata.namespace, object.metadata.name, options).catch((error: unknown) => {
        if (error instanceof ApiError && error.code === 404) return undefined;
        throw error;
      }),
    );
    await Promise.all(deletions);
    await reply(request, response, 200, listBody(page, resource, 'object', query, renderer));
  }

  async #answer({ request, response, resource, query }: Known, code: number, object: KubeObject): Promise<void> {
    const shape = shapeOf(request.headers.accept);
    if (shape !== 'table') return reply(request, response, code, shaped(resource, object, shape));
    const table = this.#options.renderer.renderTable(resource, [served(resource, object)], {
      now: this.#options.renderer.now(),
      includeObject: includeObjectOf(query),
      columns: true,
      listMeta: { resourceVersion: object.metadata.resourceVersion },
    });
    return reply(request, response, code, table);
  }
}

function nameIn(body: unknown): string | undefined {
  const metadata = isObject(body) ? body['metadata'] : undefined;
  return isObject(metadata) && typeof metadata['name'] === 'string' ? metadata['name'] : undefined;
}

function checkScope({ resource, target }: Known, verb: Verb): void {
  if (resource.namespaced) {
    const reads = verb === 'list' || verb === 'watch';
    if (target.namespace === undefined && (target.name !== undefined || !reads)) {
      throw target.name === undefined ? methodNotAllowed() : noSuchPath();
    }
  } else if (target.namespace !== undefined) throw noSuchPath();
}

export function writeOptions({ response, query }: Exchange): WriteOptions {
  const fieldValidation = query.get('fieldValidation') ?? 'Warn';
  if (fieldValidation !== 'Strict' && fieldValidation !== 'Warn' && fieldValidation !== 'Ignore') {
    const supported = ['', 'Ignore', 'Strict', 'Warn'];
    throw invalid('CreateOptions', 'meta.k8s.io', '', [
      fieldError.notSupported('fieldValidation', fieldValidation, supported),
    ]);
  }
  return { dryRun: dryRunOf(query.getAll('dryRun')), fieldValidation, warn: (text) => addWarning(response, text) };
}

function dryRunOf(values: readonly unknown[]): boolean {
  if (values.length === 0) return false;
  if (values.every((value) => value === 'All')) return true;
  throw invalid('CreateOptions', 'meta.k8s.io', '', [fieldError.notSupported('dryRun', values, ['All'])]);
}

type Deletion = DeleteOptions & { readonly warn: (warning: string) => void };

/** From the body when there is one, else from the query. */
export async function deleteOptions({ request, response, query }: Exchange): Promise<Deletion> {
  const bytes = await readBody(request);
  const sent = bytes.length === 0 ? {} : await parseObject(bytes, request.headers['content-type'], 'DeleteOptions');
  const body = (isObject(sent) ? sent : {}) as Partial<{
    kind: string;
    dryRun: unknown[];
    propagationPolicy: string;
    orphanDependents: boolean;
    gracePeriodSeconds: number;
    preconditions: { uid?: string; resourceVersion?: string };
  }>;
  const policy = body.propagationPolicy ?? query.get('propagationPolicy') ?? undefined;
  const policies = ['Foreground', 'Background', 'Orphan'];
  if (policy !== undefined && !policies.includes(policy)) {
    const problem = fieldError.notSupported('propagationPolicy', policy, [...policies, 'nil']);
    throw invalid('DeleteOptions', 'meta.k8s.io', '', [problem]);
  }
  const orphan =
    body.orphanDependents ?? (query.has('orphanDependents') ? isTrue(query.get('orphanDependents')) : undefined);
  const grace =
    body.gracePeriodSeconds ?? (query.has('gracePeriodSeconds') ? Number(query.get('gracePeriodSeconds')) : undefined);
  const byOrphan = orphan === undefined ? undefined : orphan ? 'Orphan' : 'Background';
  return {
    propagationPolicy: (policy as PropagationPolicy | undefined) ?? byOrphan,
    gracePeriodSeconds: grace,
    preconditions: body.preconditions,
    dryRun: dryRunOf(body.dryRun ?? query.getAll('dryRun')),
    warn: (text) => addWarning(response, text),
  };
}
