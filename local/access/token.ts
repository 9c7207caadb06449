// A token of the ServiceAccount that a user's people act as, once account and namespace are found to be there. Next: kubeconfig.ts.
import type { Account } from '../../crds/crds.generated.ts';
import { accountName, namespaceOf } from '../../crds/objects.ts';
import { PEOPLE } from '../../operator/accounts/namespace.ts';
import { failed, type KubeObject, type Kubernetes } from '../../operator/runtime/kubernetes.ts';
import { ACCOUNTS, NAMESPACES, SERVICE_ACCOUNTS } from '../../operator/runtime/resources.ts';
import { StartFailure } from '../stack/failure.ts';

export interface Token {
  readonly token: string;
  /** RFC 3339, UTC. */
  readonly until: string;
}

interface TokenRequest extends KubeObject {
  spec: { audiences?: string[]; expirationSeconds: number };
  status?: { token: string; expirationTimestamp: string };
}

/** Throws StartFailure in plain words when there is nothing to give access to, and KubernetesError when the API server says no. */
export async function tokenFor(kubernetes: Kubernetes, userId: string, seconds: number): Promise<Token> {
  await readyNamespace(kubernetes, userId);
  const request: TokenRequest = {
    apiVersion: 'authentication.k8s.io/v1',
    kind: 'TokenRequest',
    spec: { expirationSeconds: seconds },
  };
  const resource = { ...SERVICE_ACCOUNTS, plural: `serviceaccounts/${PEOPLE}/token` };
  const { status } = await kubernetes.create(resource, request, namespaceOf(userId));
  if (!status) throw new StartFailure('The API server gave no token.');
  return { token: status.token, until: status.expirationTimestamp };
}

async function readyNamespace(kubernetes: Kubernetes, userId: string): Promise<void> {
  const name = accountName(userId);
  const namespace = namespaceOf(userId);
  const account = await found(kubernetes.get<Account>(ACCOUNTS, name));
  if (!account)
    throw new StartFailure(`There is no account ${name} on this cluster; kubectl get accounts shows those there are.`);
  if (account.metadata?.deletionTimestamp) throw new StartFailure(`The account ${name} is being deleted.`);
  if (account.spec.approval !== 'Approved')
    throw new StartFailure(`The account ${name} has not been let in (spec.approval is ${account.spec.approval}).`);
  const place = await found(kubernetes.get<KubeObject>(NAMESPACES, namespace));
  if (account.status?.namespace !== namespace || !place || place.metadata?.deletionTimestamp)
    throw new StartFailure(`The namespace ${namespace} is not ready yet; does the operator run?`);
  if (!(await found(kubernetes.get<KubeObject>(SERVICE_ACCOUNTS, PEOPLE, namespace))))
    throw new StartFailure(
      `There is no ServiceAccount ${PEOPLE} in ${namespace} yet; the operator makes it within the hour, at once when it is started anew.`,
    );
}

async function found<T>(reading: Promise<T>): Promise<T | undefined> {
  try {
    return await reading;
  } catch (error) {
    if (failed(error, 'NotFound')) return undefined;
    throw error;
  }
}
