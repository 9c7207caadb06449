// The Node object this kubelet stands behind: pods on a node that doesn't exist, or that is silent, are taken away by a
// real controller manager, so it is registered, kept alive by a Lease, and says where logs are to be had.
import { arch, cpus, totalmem } from 'node:os';
import { type Clock, sleep } from '../../../cloud/clock.ts';
import { isCode, type KubeClient } from './client.ts';

/** Unless it is named otherwise. */
export const NODE_NAME = 'spotlearn-local';
const HEARTBEAT_MS = 10_000;
const LEASE_SECONDS = 40;
const LEASES = '/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases';

export async function registerNode(client: KubeClient, name: string, logPort: number, now: number): Promise<void> {
  const labels = { 'kubernetes.io/hostname': name, 'kubernetes.io/os': process.platform, 'kubernetes.io/arch': arch() };
  const node = { apiVersion: 'v1', kind: 'Node', metadata: { name, labels } };
  await client.call('POST', '/api/v1/nodes', node).catch((error: unknown) => {
    // It was registered by an earlier run that did not end well.
    if (!isCode(error, 409)) throw error;
  });
  const at = new Date(now).toISOString().replace(/\.\d+Z$/, 'Z');
  const room = { cpu: String(cpus().length), memory: `${Math.floor(totalmem() / 1024)}Ki`, pods: '110' };
  const status = {
    // No Hostname: API servers prefer it to the address, and nothing resolves it.
    addresses: [{ type: 'InternalIP', address: '127.0.0.1' }],
    capacity: room,
    allocatable: room,
    daemonEndpoints: { kubeletEndpoint: { Port: logPort } },
    conditions: [
      {
        type: 'Ready',
        status: 'True',
        reason: 'KubeletReady',
        message: 'pods are run as processes',
        lastHeartbeatTime: at,
        lastTransitionTime: at,
      },
    ],
    nodeInfo: {
      architecture: arch(),
      bootID: '',
      containerRuntimeVersion: 'process://1',
      kernelVersion: '',
      kubeProxyVersion: '',
      kubeletVersion: 'spotlearn',
      machineID: '',
      operatingSystem: process.platform,
      osImage: process.platform,
      systemUUID: '',
    },
  };
  await client.call('PATCH', `/api/v1/nodes/${name}/status`, { status }, 'application/merge-patch+json');
}

/** Renews the node's Lease until the signal. */
export function heartbeat(
  client: KubeClient,
  name: string,
  clock: Clock,
  signal: AbortSignal,
  onError: (error: unknown) => void,
): void {
  const beat = async () => {
    while (!signal.aborted) {
      await renew(client, name, clock.now()).catch((error: unknown) => {
        if (!signal.aborted) onError(error);
      });
      await sleep(clock, HEARTBEAT_MS, signal);
    }
  };
  void beat();
}

async function renew(client: KubeClient, name: string, now: number): Promise<void> {
  const renewTime = `${new Date(now).toISOString().slice(0, -1)}000Z`;
  const spec = { holderIdentity: name, leaseDurationSeconds: LEASE_SECONDS, renewTime };
  try {
    await client.call('PATCH', `${LEASES}/${name}`, { spec }, 'application/merge-patch+json');
  } catch (error) {
    if (!isCode(error, 404)) throw error;
    const lease = { apiVersion: 'coordination.k8s.io/v1', kind: 'Lease', metadata: { name }, spec };
    await client.call('POST', LEASES, lease);
  }
}
