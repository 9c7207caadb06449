// Every right in crds/rbac.yaml has a line of the source that uses it, and every line that was found has its right. That operator and bot need no
// more is shown by the journeys: on the embedded API they run under these very accounts.
import { readFileSync } from 'node:fs';
import { expect } from 'chai';
import { permissions } from '../../infra/manifests/definitions.ts';

interface Rule {
  readonly apiGroups: string[];
  readonly resources: string[];
  readonly verbs: string[];
}

const OWN = 'spotlearn.io/';
const SURROUNDINGS = [
  ...['namespaces', 'resourcequotas', 'serviceaccounts'],
  ...['rbac.authorization.k8s.io/roles', 'rbac.authorization.k8s.io/rolebindings'],
];
const JOBS = ['trainingjobs', 'predictionjobs'].map((plural) => OWN + plural);
const rights = (resources: string[], verbs: string, file: string, line: RegExp) =>
  resources.flatMap((resource) => verbs.split(' ').map((verb) => ({ right: `${resource} ${verb}`, file, line })));

const OPERATOR = [
  ...rights([`${OWN}accounts`, ...JOBS], 'list', 'operator/runtime/reflector.ts', /kubernetes\.list<T>\(resource/),
  ...rights([`${OWN}accounts`, ...JOBS], 'watch', 'operator/runtime/reflector.ts', /kubernetes\.watch<T>\(/),
  ...rights([`${OWN}accounts`], 'get', 'operator/accounts/reservations.ts', /kubernetes\.get<Account>\(ACCOUNTS/),
  ...rights([`${OWN}accounts`], 'patch', 'operator/accounts/departure.ts', /mergePatch<Account>\(\s*ACCOUNTS/),
  ...rights(['namespaces'], 'delete', 'operator/accounts/departure.ts', /delete\(NAMESPACES/),
  ...rights([`${OWN}trainingjobs`], 'patch', 'operator/training/act.ts', /mergePatch<TrainingJob>\(TRAINING_JOBS/),
  ...rights([`${OWN}trainingjobs`], 'delete', 'operator/training/act.ts', /kubernetes\.delete\(TRAINING_JOBS/),
  ...rights([`${OWN}predictionjobs`], 'patch', 'operator/prediction/ending.ts', /kubernetes\.mergePatch\(/),
  ...rights([`${OWN}predictionjobs`], 'delete', 'operator/prediction/ending.ts', /kubernetes\.delete\(PREDICTION_JOBS/),
  ...rights(
    ['accounts', 'trainingjobs', 'predictionjobs'].map((plural) => `${OWN}${plural}/status`),
    'patch',
    'operator/runtime/status.ts',
    /mergePatch<T>\([\s\S]*subresource: 'status'/,
  ),
  ...rights(SURROUNDINGS, 'create', 'operator/accounts/reconciler.ts', /kubernetes\.create\(resource/),
  ...rights(SURROUNDINGS, 'get', 'operator/accounts/reconciler.ts', /kubernetes\.get<KubeObject>\(resource/),
  ...rights(SURROUNDINGS, 'patch', 'operator/accounts/reconciler.ts', /kubernetes\.mergePatch\(resource/),
  ...rights(['events'], 'create', 'operator/runtime/events.ts', /kubernetes\.create<EventObject>\(EVENTS/),
  ...rights(['events'], 'patch', 'operator/runtime/events.ts', /kubernetes\.mergePatch\(/),
  // Held because it is granted to people in their namespaces: Kubernetes lets nobody grant what he has not.
  ...rights(
    JOBS,
    'get create update',
    'operator/accounts/namespace.ts',
    /verbs: \['get', 'list', 'watch', 'create', 'update', 'patch', 'delete'\]/,
  ),
  ...rights(
    ['events'],
    'get list watch',
    'operator/accounts/namespace.ts',
    /resources: \['events'\], verbs: \['get', 'list', 'watch'\]/,
  ),
  ...rights(['batch/jobs'], 'create', 'operator/cluster/jobs.ts', /create<BatchJob>\(JOBS/),
  ...rights(['batch/jobs'], 'get', 'operator/cluster/jobs.ts', /get<BatchJob>\(JOBS/),
  ...rights(['batch/jobs'], 'list', 'operator/cluster/jobs.ts', /list<BatchJob>\(/),
  ...rights(['batch/jobs'], 'delete', 'operator/cluster/jobs.ts', /delete\(JOBS/),
  ...rights(['pods'], 'list', 'operator/cluster/jobs.ts', /list<Pod>\(PODS/),
  ...rights(['secrets'], 'create', 'operator/training/cluster.ts', /create\(SECRETS/),
  ...rights(['secrets'], 'patch', 'operator/training/cluster.ts', /mergePatch\(SECRETS/),
  ...rights(['coordination.k8s.io/leases'], 'get', 'operator/runtime/leader.ts', /get<Lease>\(LEASES/),
  ...rights(['coordination.k8s.io/leases'], 'create', 'operator/runtime/leader.ts', /create<Lease>\(LEASES/),
  ...rights(['coordination.k8s.io/leases'], 'update', 'operator/runtime/leader.ts', /replace<Lease>\(LEASES/),
];

const BOT = [
  ...rights([`${OWN}accounts`], 'get', 'bot/accounts.ts', /get<Account>\('Account'/),
  ...rights([`${OWN}accounts`], 'list', 'bot/administration.ts', /list<Account>\('Account'/),
  ...rights([`${OWN}accounts`], 'watch', 'bot/warnings.ts', /resource: 'Account'/),
  ...rights([`${OWN}accounts`], 'patch', 'bot/administration.ts', /patch<Account>\('Account'/),
  ...rights([`${OWN}accounts`], 'delete', 'bot/administration.ts', /delete\('Account'/),
  ...rights([`${OWN}accounts`], 'create', 'bot/accounts.ts', /create<Account>\('Account'/),
  ...rights(JOBS, 'list', 'bot/jobs.ts', /list<(Training|Prediction)Job>\(/),
  ...rights(JOBS, 'watch', 'bot/kubernetes/watcher.ts', /kubernetes\.watch\(/),
  ...rights(JOBS, 'create', 'bot/jobs.ts', /kubernetes\.create\(kind/),
  ...rights(JOBS, 'delete', 'bot/jobs.ts', /kubernetes\.delete\(kind/),
  ...rights(JOBS, 'get', 'bot/claims.ts', /kubernetes\.get<Job>\(kindOf/),
  ...rights(JOBS, 'patch', 'bot/claims.ts', /kubernetes\.patch<KubeObject>\(kindOf/),
  ...rights(['configmaps'], 'get', 'bot/sessions.ts', /get<ConfigMap>\('ConfigMap'/),
  ...rights(['configmaps'], 'list', 'bot/sessions.ts', /list<ConfigMap>\(/),
  ...rights(['configmaps'], 'create', 'bot/sessions.ts', /create\('ConfigMap'/),
  ...rights(['configmaps'], 'update', 'bot/sessions.ts', /replace\('ConfigMap'/),
];

/** `group/resource verb` of all Roles and ClusterRoles of an account. */
function held(account: string): string[] {
  return permissions()
    .filter(({ kind, metadata }) => /^(Cluster)?Role$/.test(kind) && metadata.name === account)
    .flatMap((role) => role['rules'] as Rule[])
    .flatMap(({ apiGroups, resources, verbs }) =>
      apiGroups.flatMap((group) =>
        resources.flatMap((resource) => verbs.map((verb) => `${group === '' ? '' : `${group}/`}${resource} ${verb}`)),
      ),
    );
}

for (const [account, used] of Object.entries({ 'spotlearn-operator': OPERATOR, 'spotlearn-bot': BOT }))
  describe(`The rights of ${account}`, () => {
    it('are those that it uses, each once', () => {
      expect(held(account).toSorted()).to.deep.equal([...new Set(used.map(({ right }) => right))].sort());
    });

    for (const { right, file, line } of used)
      it(`${right}: ${file} uses it`, () => {
        expect(readFileSync(file, 'utf8')).to.match(line);
      });
  });
