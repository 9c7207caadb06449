// Who gets a token and who does not, against an API that a test writes.
import { expect } from 'chai';
import { tokenFor } from '../../../local/access/token.ts';
import { StartFailure } from '../../../local/stack/failure.ts';
import { KubernetesError, type Kubernetes, type KubeObject } from '../../../operator/runtime/kubernetes.ts';

const READY = { metadata: {}, spec: { userId: '7', approval: 'Approved' }, status: { namespace: 'ml-user-7' } };

/** Objects by plural. */
function api(objects: Record<string, object>, answer: object = {}): Kubernetes {
  return {
    get: async ({ plural }: { plural: string }) => {
      const found = objects[plural];
      if (!found) throw new KubernetesError('NotFound', 'no such thing', 404);
      if (found instanceof Error) throw found;
      return found;
    },
    create: async (_: unknown, object: KubeObject) => ({ ...object, ...answer }),
  } as unknown as Kubernetes;
}
const refusal = (objects: Record<string, object>, answer?: object): Promise<string> =>
  tokenFor(api(objects, answer), '7', 600).then(
    () => 'given',
    (error: unknown) => {
      if (!(error instanceof StartFailure)) throw error;
      return error.message;
    },
  );

describe('A token for a user', () => {
  const namespaces = { metadata: {} };
  const serviceaccounts = {};

  it('is given when account, namespace and service account are there', async () => {
    const status = { token: 't', expirationTimestamp: '2026-11-28T00:00:00Z' };
    const client = api({ accounts: READY, namespaces, serviceaccounts }, { status });
    expect(await tokenFor(client, '7', 600)).to.deep.equal({ token: 't', until: '2026-11-28T00:00:00Z' });
  });

  it('is not given, in plain words, while something is missing', async () => {
    const gone = { deletionTimestamp: '2026-11-27T00:00:00Z' };
    expect(await refusal({})).to.contain('There is no account user-7');
    expect(await refusal({ accounts: { ...READY, metadata: gone } })).to.equal('The account user-7 is being deleted.');
    expect(await refusal({ accounts: { ...READY, spec: { approval: 'Pending' } } })).to.equal(
      'The account user-7 has not been let in (spec.approval is Pending).',
    );
    const late = 'The namespace ml-user-7 is not ready yet; does the operator run?';
    expect(await refusal({ accounts: READY })).to.equal(late);
    expect(await refusal({ accounts: { ...READY, status: {} }, namespaces })).to.equal(late);
    expect(await refusal({ accounts: READY, namespaces: { metadata: gone } })).to.equal(late);
    expect(await refusal({ accounts: READY, namespaces })).to.contain('There is no ServiceAccount spotlearn-user');
    expect(await refusal({ accounts: READY, namespaces, serviceaccounts })).to.equal('The API server gave no token.');
  });

  it('leaves the API server’s own words as they are', async () => {
    const away = new KubernetesError('Forbidden', 'accounts is forbidden', 403);
    const thrown = await refusal({ accounts: away }).catch((error: unknown) => error);
    expect(thrown).to.equal(away);
  });
});
