// One kind as the operator follows it: cache, reflector and status writer together.
import type { Clock } from '../cloud/clock.ts';
import { Cache, type Indexer } from './runtime/cache.ts';
import type { Kubernetes, KubeObject, Resource } from './runtime/kubernetes.ts';
import type { Logger } from './runtime/logging.ts';
import { Reflector } from './runtime/reflector.ts';
import { StatusWriter } from './runtime/status.ts';

export interface Followed<T extends KubeObject & { status?: object }> {
  readonly cache: Cache<T>;
  readonly writer: StatusWriter<T>;
  readonly reflector: Reflector<T>;
}

export function follow<T extends KubeObject & { status?: object }>(
  kubernetes: Kubernetes,
  resource: Resource,
  clock: Clock,
  logger: Logger,
  onChange: (key: string, object: T, gone: boolean) => void,
  indexers: Readonly<Record<string, Indexer<T>>> = {},
): Followed<T> {
  const cache = new Cache<T>(indexers);
  const reflector = new Reflector<T>({
    kubernetes,
    resource,
    cache,
    clock,
    onChange,
    onError: (error) => logger.warn({ resource: resource.plural, err: error }, 'watch ended with an error'),
  });
  return { cache, reflector, writer: new StatusWriter(kubernetes, resource, cache) };
}
