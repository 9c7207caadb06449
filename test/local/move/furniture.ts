// What a person's installation holds when it is moved.
import { API_VERSION, FINALIZER } from '../../../crds/objects.ts';
import type { Movable } from '../../../local/move/carried.ts';
import { CONFIG_MAPS } from '../../../local/move/inventory.ts';
import type { Kubernetes, Resource } from '../../../operator/runtime/kubernetes.ts';
import { ACCOUNTS, NAMESPACES, PREDICTION_JOBS, TRAINING_JOBS } from '../../../operator/runtime/resources.ts';

export const SYSTEM = 'spotlearn-system';
export const FIRST = { uid: 'first', createdAt: '2026-01-02T03:04:05Z' };

/** An account with a training that runs, one that succeeded and was moved before, a prediction, and a chat. */
export async function furnish(client: Kubernetes, userId = '7'): Promise<void> {
  const namespace = `ml-user-${userId}`;
  const put = async (resource: Resource, object: Movable, status?: object) => {
    const { metadata = {} } = await client.create(resource, object);
    if (status)
      await client.mergePatch(
        resource,
        metadata.name ?? '',
        { status },
        { ...(metadata.namespace ? { namespace: metadata.namespace } : {}), subresource: 'status' },
      );
  };
  const job = (kind: string, name: string, spec: Record<string, unknown>): Movable => ({
    apiVersion: API_VERSION,
    kind,
    metadata: {
      ...{ name, namespace, finalizers: [FINALIZER] },
      labels: { 'app.kubernetes.io/managed-by': 'spotlearn-bot' },
      annotations: { 'spotlearn.io/card': '12' },
    },
    spec,
  });
  await client.create(NAMESPACES, { apiVersion: 'v1', kind: 'Namespace', metadata: { name: namespace } });
  const metadata = { name: `user-${userId}` };
  await put(
    ACCOUNTS,
    { apiVersion: API_VERSION, kind: 'Account', metadata, spec: { userId } },
    { namespace, observedGeneration: 1 },
  );
  const training = { dataset: { uri: 's3://bucket/datasets/user_7/a.csv' }, target: 'y', model: { type: 'logistic' } };
  const attempt = { number: 1, batch: 'b1', market: 'spot', requestedAt: '2026-01-02T03:04:05Z', instanceId: 'i-1' };
  const ready = { type: 'Accepted', status: 'True', lastTransitionTime: '2026-01-02T03:04:05Z', reason: 'Admitted' };
  await put(TRAINING_JOBS, job('TrainingJob', 'running', training), {
    ...{ phase: 'Running', observedGeneration: 1, attempts: [attempt] },
    conditions: [{ ...ready, message: '', observedGeneration: 1 }],
  });
  await put(TRAINING_JOBS, job('TrainingJob', 'older', training), { phase: 'Succeeded', origin: FIRST });
  const prediction = { modelRef: 'older', data: { uri: 's3://bucket/datasets/user_7/b.csv' } };
  await put(PREDICTION_JOBS, job('PredictionJob', 'predicted', prediction), { phase: 'Waiting' });
  const chat = {
    ...{ name: `chat-${userId}`, namespace: SYSTEM },
    labels: { 'spotlearn.io/chat-session': 'settled' },
  };
  await put(CONFIG_MAPS, { apiVersion: 'v1', kind: 'ConfigMap', metadata: chat, data: { session: '{"step":1}' } });
}
