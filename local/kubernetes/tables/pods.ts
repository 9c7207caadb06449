// Cells of pods: one word for what a pod is doing, found from the states of its containers as printPod finds it.
import type { KubeObject } from '../api.ts';
import { ageOf } from './ages.ts';
import type { RowCondition } from './builtin.ts';
import { condition, type Fields, fields, list, words } from './fields.ts';

export function podConditions(object: KubeObject): RowCondition[] | undefined {
  const completed = (reason: string, message: string) => [{ type: 'Completed', status: 'True', reason, message }];
  switch (object.status?.['phase']) {
    case 'Succeeded':
      return completed('Succeeded', 'The pod has completed successfully.');
    case 'Failed':
      return completed('Failed', 'The pod failed.');
    default:
      return undefined;
  }
}

export function podCells(object: KubeObject, now: number): unknown[] {
  const spec = fields(object.spec);
  const status = fields(object.status);
  const containers = list(spec['containers']);
  const { reason, ready, restarts } = podReason(object);
  const lastFinish = [...list(status['containerStatuses'])]
    .map((one) => fields(fields(one['lastState'])['terminated'])['finishedAt'])
    .filter((at): at is string => typeof at === 'string')
    .sort()
    .at(-1);
  const restartsCell = restarts > 0 && lastFinish ? `${restarts} (${ageOf(lastFinish, now)} ago)` : String(restarts);
  const gates = list(spec['readinessGates']);
  const ips = list(status['podIPs']);
  return [
    object.metadata.name,
    `${ready}/${containers.length}`,
    reason,
    restartsCell,
    ageOf(object.metadata.creationTimestamp, now),
    ips[0]?.['ip'] ?? '<none>',
    spec['nodeName'] || '<none>',
    status['nominatedNodeName'] || '<none>',
    gates.length === 0
      ? '<none>'
      : `${gates.filter((gate) => condition(object, words(gate['conditionType']))).length}/${gates.length}`,
  ];
}

function podReason(object: KubeObject): { reason: string; ready: number; restarts: number } {
  const status = fields(object.status);
  let reason = words(status['reason'] || status['phase'] || '');
  let restarts = 0;
  let ready = 0;
  const initial = initReason(object);
  for (const one of list(status['initContainerStatuses'])) restarts += Number(one['restartCount'] ?? 0);
  if (initial !== undefined && !condition(object, 'Initialized')) {
    reason = initial;
  } else {
    restarts = 0;
    let running = false;
    for (const container of list(status['containerStatuses']).reverse()) {
      restarts += Number(container['restartCount'] ?? 0);
      const state = fields(container['state']);
      const ended = state['terminated'] === undefined ? undefined : fields(state['terminated']);
      const waiting = fields(state['waiting'])['reason'];
      if (waiting) reason = words(waiting);
      else if (ended !== undefined) reason = endedReason(ended);
      else if (container['ready'] === true && state['running'] !== undefined) {
        running = true;
        ready += 1;
      }
    }
    if (reason === 'Completed' && running) reason = condition(object, 'Ready') ? 'Running' : 'NotReady';
  }
  const over = status['phase'] === 'Succeeded' || status['phase'] === 'Failed';
  if (object.metadata.deletionTimestamp !== undefined && !over) reason = 'Terminating';
  return { reason, ready, restarts };
}

function endedReason(ended: Fields): string {
  if (ended['reason']) return words(ended['reason']);
  return ended['signal'] ? `Signal:${words(ended['signal'])}` : `ExitCode:${words(ended['exitCode'])}`;
}

/** Undefined once every init container is through. */
function initReason(object: KubeObject): string | undefined {
  const total = list(object.spec?.['initContainers']).length;
  for (const [index, container] of list(object.status?.['initContainerStatuses']).entries()) {
    const state = fields(container['state']);
    if (state['terminated'] !== undefined) {
      const ended = fields(state['terminated']);
      if (ended['exitCode'] === 0) continue;
      return `Init:${endedReason(ended)}`;
    }
    const waiting = fields(state['waiting'])['reason'];
    return waiting && waiting !== 'PodInitializing' ? `Init:${words(waiting)}` : `Init:${index}/${total}`;
  }
  return undefined;
}
