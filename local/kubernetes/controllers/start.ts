// The controllers of the embedded API (a real cluster brings its own in kube-controller-manager): garbage collection by
// owner references, the end of namespaces, Jobs. server.ts starts them in its process, over the in-process Api.
import type { Logger } from 'pino';
import type { Clock } from '../../../cloud/clock.ts';
import type { Api } from '../api.ts';
import { GarbageCollector } from './garbage.ts';
import { JobController } from './jobs.ts';
import { NamespaceController } from './namespaces.ts';

/** Looks at everything there is, then follows. The returned function stops them and waits for what is in work. */
export async function startControllers(api: Api, clock: Clock, logger: Logger): Promise<() => Promise<void>> {
  const onError = (controller: string) => (key: string, error: unknown) =>
    logger.warn({ controller, key, error: error instanceof Error ? error.message : String(error) }, 'reconcile failed');
  const controllers = [
    new GarbageCollector(api, clock, onError('garbage')),
    new NamespaceController(api, clock, onError('namespaces')),
    new JobController(api, clock, onError('jobs')),
  ];
  const unsubscribe = api.subscribe((event) => {
    for (const controller of controllers) controller.observe(event);
  });
  for (const controller of controllers) controller.start();
  return async () => {
    unsubscribe();
    await Promise.all(controllers.map((controller) => controller.stop()));
  };
}
