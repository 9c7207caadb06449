// Step: installs Spotlearn into the Kubernetes API, as `kubectl apply -f crds/` would, and waits until its kinds are served.
import { Cluster } from './cluster.ts';
import { asStep } from './step.ts';

async function install({ kubeconfig, namespace }: { kubeconfig: string; namespace: string }): Promise<null> {
  const cluster = await Cluster.connect(kubeconfig);
  try {
    await cluster.install(namespace);
    return null;
  } finally {
    cluster.close();
  }
}

await asStep(import.meta, install);
