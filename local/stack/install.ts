// Step: installs Spotlearn into the Kubernetes API, as `kubectl apply -f crds/` would, and waits until its kinds are served. Tells whether
// the cluster has nodes of its own: ours then stays away, or its pods would be scheduled to us and ours to it.
import { Cluster } from './cluster.ts';
import { asStep } from './step.ts';

export interface Installed {
  readonly hasNodes: boolean;
}

async function install({ kubeconfig, namespace }: { kubeconfig: string; namespace: string }): Promise<Installed> {
  const cluster = await Cluster.connect(kubeconfig);
  try {
    await cluster.install(namespace);
    return { hasNodes: await cluster.hasNodes() };
  } finally {
    cluster.close();
  }
}

await asStep(import.meta, install);
