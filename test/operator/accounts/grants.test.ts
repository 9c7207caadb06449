// What people may do in the namespace of an account: also in namespaces that an earlier version made.
import { expect } from 'chai';
import { missingGrants } from '../../../operator/accounts/namespace.ts';
import type { KubeObject } from '../../../operator/runtime/kubernetes.ts';
import { ROLE_BINDINGS, ROLES, SERVICE_ACCOUNTS } from '../../../operator/runtime/resources.ts';
import { startCluster, type Cluster } from '../cluster.ts';
import { World } from '../world.ts';

describe('What is granted to people', () => {
  const rule = (verbs: string[]) => ({ apiGroups: ['spotlearn.io'], resources: ['trainingjobs'], verbs });

  it('is added where it is missing, and what an administrator added stays', () => {
    const own = { rules: [rule(['get']), rule(['list'])] };
    expect(missingGrants(own, { rules: [rule(['get']), rule(['list'])] })).to.equal(undefined);
    // In another order of fields, as API servers write them.
    const there = { verbs: ['get'], resources: ['trainingjobs'], apiGroups: ['spotlearn.io'] };
    expect(missingGrants(own, { rules: [there, rule(['watch'])] })).to.deep.equal({
      rules: [there, rule(['watch']), rule(['list'])],
    });
    expect(missingGrants({ subjects: [{ kind: 'User', name: 'a' }] }, {})).to.deep.equal({
      subjects: [{ kind: 'User', name: 'a' }],
    });
    expect(missingGrants({ spec: {} }, {})).to.equal(undefined);
  });

  describe('on a Kubernetes API', () => {
    let cluster: Cluster;
    let world: World;
    before(async () => {
      cluster = await startCluster();
      world = new World(cluster);
    });
    after(async () => {
      await world.close();
      await cluster.close();
    });

    it('reaches a binding that was made before people had a service account', async () => {
      const { client } = cluster;
      const { namespace, userId } = world;
      const at = { name: 'spotlearn-user', namespace };
      await client.create(
        { group: '', version: 'v1', plural: 'namespaces', namespaced: false },
        { metadata: { name: namespace } },
      );
      const group = { apiGroup: 'rbac.authorization.k8s.io', kind: 'Group', name: `spotlearn:user-${userId}` };
      const guest = { apiGroup: 'rbac.authorization.k8s.io', kind: 'User', name: 'guest' };
      const roleRef = { apiGroup: 'rbac.authorization.k8s.io', kind: 'Role', name: 'spotlearn-user' };
      await client.create(ROLE_BINDINGS, { metadata: at, roleRef, subjects: [group, guest] } as KubeObject);
      await client.create(ROLES, { metadata: at, rules: [] } as KubeObject);
      await world.operate();
      await world.account();
      const binding = await client.get<KubeObject & { subjects: object[] }>(ROLE_BINDINGS, at.name, namespace);
      expect(binding.subjects).to.deep.equal([
        group,
        guest,
        { kind: 'ServiceAccount', name: 'spotlearn-user', namespace },
      ]);
      const role = await client.get<KubeObject & { rules: object[] }>(ROLES, at.name, namespace);
      expect(role.rules).to.have.length(2);
      const account = await client.get<KubeObject & object>(SERVICE_ACCOUNTS, at.name, namespace);
      expect(account).to.include({ automountServiceAccountToken: false });
    });
  });
});
