// Subresources of pods: the log comes from the kubelet of the pod's node, as in a cluster; binding gives a pod its node;
// eviction is a delete.
import { request as httpsRequest } from 'node:https';
import { type KubeObject, kubeletLogPath } from '../api.ts';
import { ApiError, badRequest, conflict, internal, methodNotAllowed, noSuchPath, notFound } from '../errors.ts';
import { storageKey } from '../resources/builtin.ts';
import { isObject } from '../resources/fields.ts';
import type { Store } from '../storage/store.ts';
import type { Writer } from '../writes/writer.ts';
import { parseObject, readBody } from './body.ts';
import { type Exchange, writeOptions } from './handlers.ts';
import { reply } from './reply.ts';
import type { Verb } from './request.ts';

type Known = Exchange & { readonly resource: NonNullable<Exchange['resource']> };
interface Parts {
  readonly store: Store;
  readonly writer: Writer;
}

const NODES = '/nodes';

export async function podSubresource(exchange: Known, verb: Verb, parts: Parts): Promise<void> {
  const { resource, target } = exchange;
  const name = target.name ?? '';
  if (storageKey(resource) !== '/pods') throw noSuchPath();
  const pod = parts.store.head('/pods', target.namespace, name);
  if (pod === undefined) throw notFound(resource, name);
  const wanted = { log: 'get', binding: 'create', eviction: 'create' }[target.subresource ?? ''];
  if (wanted === undefined) throw noSuchPath();
  if (wanted !== verb) throw methodNotAllowed();
  if (target.subresource === 'log') return log(exchange, pod, parts.store);
  if (target.subresource === 'binding') return bind(exchange, pod, parts.writer);
  return evict(exchange, name, parts.writer);
}

async function log({ request, response, query, resource }: Known, pod: KubeObject, store: Store): Promise<void> {
  const { name, namespace = '' } = pod.metadata;
  const names = containerNames(pod);
  const container = query.get('container') ?? (names.length === 1 ? (names[0] ?? '') : '');
  if (container === '') {
    throw badRequest(`a container name must be specified for pod ${name}, choose one of: [${names.join(' ')}]`);
  }
  if (!names.includes(container)) throw badRequest(`container ${container} is not valid for pod ${name}`);
  const nodeName = pod.spec?.['nodeName'];
  if (typeof nodeName !== 'string' || nodeName === '') {
    throw badRequest(`pod ${name} does not have a host assigned`);
  }
  const address = kubeletAddress(store.get(NODES, undefined, nodeName));
  if (address === undefined)
    throw internal(`the node ${nodeName} of ${resource.plural} ${name} tells no kubelet address`);
  const passed = new URLSearchParams(query);
  passed.delete('container');
  const path = `${kubeletLogPath(namespace, name, container)}?${passed.toString()}`;
  await new Promise<void>((resolve, reject) => {
    const upstream = httpsRequest({ ...address, path, rejectUnauthorized: false }, (answer) => {
      const code = answer.statusCode ?? 502;
      response.writeHead(code, { 'content-type': answer.headers['content-type'] ?? 'text/plain' });
      answer.pipe(response);
      answer.once('close', resolve);
    });
    upstream.once('error', (error) =>
      reject(internal(`Get "https://${address.host}:${address.port}${path}": ${error.message}`)),
    );
    request.socket.once('close', () => upstream.destroy());
    response.once('close', () => upstream.destroy());
    upstream.end();
  });
}

function containerNames(pod: KubeObject): string[] {
  const lists = ['containers', 'initContainers'].map((field) => pod.spec?.[field]);
  return lists.flatMap((list) => (Array.isArray(list) ? list.filter(isObject).map((one) => String(one['name'])) : []));
}

function kubeletAddress(node: KubeObject | undefined): { host: string; port: number } | undefined {
  const status = node?.status as
    | { addresses?: { type: string; address: string }[]; daemonEndpoints?: { kubeletEndpoint?: { Port?: number } } }
    | undefined;
  const host = status?.addresses?.find((one) => one.type === 'InternalIP')?.address;
  const port = status?.daemonEndpoints?.kubeletEndpoint?.Port;
  return host === undefined || port === undefined ? undefined : { host, port };
}

async function bind(exchange: Known, pod: KubeObject, writer: Writer): Promise<void> {
  const { request, response, resource } = exchange;
  const body = await parseObject(await readBody(request), request.headers['content-type'], 'Binding');
  const target = isObject(body) && isObject(body['target']) ? body['target'] : {};
  if (typeof target['name'] !== 'string') throw badRequest('target.name: Required value');
  const bound = pod.spec?.['nodeName'];
  if (bound)
    throw conflict(
      resource,
      pod.metadata.name,
      `pod ${pod.metadata.name} is already assigned to node ${JSON.stringify(bound)}`,
    );
  await writer.bind(resource, pod, target['name'], writeOptions(exchange));
  await reply(request, response, 201, { kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Success', code: 201 });
}

async function evict(exchange: Known, name: string, writer: Writer): Promise<void> {
  const { request, response, resource, target } = exchange;
  const body = await parseObject(await readBody(request), request.headers['content-type'], 'Eviction');
  const sent = isObject(body) && isObject(body['deleteOptions']) ? body['deleteOptions'] : {};
  if (isObject(body) && isObject(body['metadata']) && body['metadata']['name'] !== name) {
    throw new ApiError(400, 'BadRequest', 'name in URL does not match name in Eviction object');
  }
  const grace = sent['gracePeriodSeconds'];
  const options = typeof grace === 'number' ? { gracePeriodSeconds: grace } : {};
  await writer.delete(resource, target.namespace, name, options);
  await reply(request, response, 201, { kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Success', code: 201 });
}
