// What a user's kubeconfig may do and may not, request by request: held to the embedded API here, and to a real kube-apiserver by
// test/contract/kubernetes/access.test.ts, which must answer the same.
import { request } from 'node:https';
import { namespaceOf } from '../../crds/objects.ts';

export interface Request {
  readonly what: string;
  readonly method: string;
  readonly path: string;
  readonly body?: object;
  /** Of the body; default: JSON, and a merge patch for PATCH. */
  readonly type?: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** Default: the user's own; null: none. */
  readonly token?: string | null;
  readonly code: number;
}

const OURS = '/apis/spotlearn.io/v1alpha1';
const RBAC = '/apis/rbac.authorization.k8s.io/v1';
const PATCH = 'application/merge-patch+json';
const TOKEN_REQUEST = {
  apiVersion: 'authentication.k8s.io/v1',
  kind: 'TokenRequest',
  spec: { expirationSeconds: 3600 },
};

export const training = (name: string, userId: string, more: object = {}): object => ({
  apiVersion: 'spotlearn.io/v1alpha1',
  kind: 'TrainingJob',
  metadata: { name },
  spec: { dataset: { uri: `s3://bucket/datasets/user_${userId}/a.csv` }, target: 'class', suspend: true },
  ...more,
});
export const prediction = (name: string, userId: string, more: object = {}): object => ({
  apiVersion: 'spotlearn.io/v1alpha1',
  kind: 'PredictionJob',
  metadata: { name },
  spec: { modelRef: 'none', data: { uri: `s3://bucket/datasets/user_${userId}/a.csv` } },
  ...more,
});

const clusterAdmin = { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'cluster-admin' };
const binding = (kind: string, userId: string) => ({
  apiVersion: 'rbac.authorization.k8s.io/v1',
  kind,
  metadata: { name: 'mine' },
  roleRef: clusterAdmin,
  subjects: [{ kind: 'ServiceAccount', name: 'spotlearn-user', namespace: namespaceOf(userId) }],
});

/** In this order: later ones find what earlier ones made. */
export function allowed(own: string): Request[] {
  const mine = `${OURS}/namespaces/${namespaceOf(own)}`;
  const review = {
    apiVersion: 'authorization.k8s.io/v1',
    kind: 'SelfSubjectAccessReview',
    spec: {
      resourceAttributes: {
        namespace: namespaceOf(own),
        verb: 'list',
        resource: 'trainingjobs',
        group: 'spotlearn.io',
      },
    },
  };
  const list: [string, string, string, number, object?][] = [
    ['creates a training', 'POST', `${mine}/trainingjobs`, 201, training('mine', own)],
    ['creates a prediction', 'POST', `${mine}/predictionjobs`, 201, prediction('mine', own)],
    ['lists its trainings', 'GET', `${mine}/trainingjobs`, 200],
    ['lists its predictions', 'GET', `${mine}/predictionjobs`, 200],
    ['reads its training', 'GET', `${mine}/trainingjobs/mine`, 200],
    ['changes its training', 'PATCH', `${mine}/trainingjobs/mine`, 200, { spec: { maxInterruptions: 3 } }],
    ['reads its events', 'GET', `/api/v1/namespaces/${namespaceOf(own)}/events`, 200],
    ['asks what it may', 'POST', '/apis/authorization.k8s.io/v1/selfsubjectaccessreviews', 201, review],
    ['learns what the API serves', 'GET', '/apis', 200],
    ['deletes its prediction', 'DELETE', `${mine}/predictionjobs/mine`, 200],
  ];
  return list.map(([what, method, path, code, body]) => ({ what, method, path, code, ...(body ? { body } : {}) }));
}

/** `their`: name of a training that is there in the other's namespace. `mine` is one of the own namespace. */
export function forbidden(own: string, other: string, their: string): Request[] {
  const [here, there] = [namespaceOf(own), namespaceOf(other)];
  const [mine, theirs] = [`${OURS}/namespaces/${here}`, `${OURS}/namespaces/${there}`];
  const core = `/api/v1/namespaces/${here}`;
  const status = { status: { phase: 'Succeeded', cost: { actualUsd: 0 } } };
  const no = (what: string, method: string, path: string, more: Partial<Request> = {}): Request => ({
    what,
    method,
    path,
    code: 403,
    ...more,
  });
  const as = (what: string, headers: Record<string, string>, code = 403) =>
    no(`acts as ${what}`, 'GET', `${theirs}/trainingjobs`, { headers, code });
  return [
    no('lists the other’s trainings', 'GET', `${theirs}/trainingjobs`),
    no('lists the other’s predictions', 'GET', `${theirs}/predictionjobs`),
    no('watches the other’s trainings', 'GET', `${theirs}/trainingjobs?watch=true`),
    no('reads the other’s training', 'GET', `${theirs}/trainingjobs/${their}`),
    no('makes a training in the other’s namespace', 'POST', `${theirs}/trainingjobs`, {
      body: training('intruder', other),
    }),
    no('makes a prediction in the other’s namespace', 'POST', `${theirs}/predictionjobs`, {
      body: prediction('intruder', other),
    }),
    no('changes the other’s training', 'PATCH', `${theirs}/trainingjobs/${their}`, {
      body: { spec: { suspend: true } },
    }),
    no('deletes the other’s training', 'DELETE', `${theirs}/trainingjobs/${their}`),
    no('deletes all of the other’s trainings', 'DELETE', `${theirs}/trainingjobs`),
    no('deletes all of its own at once', 'DELETE', `${mine}/trainingjobs`),
    no('reads the other’s events', 'GET', `/api/v1/namespaces/${there}/events`),
    no('lists trainings of all namespaces', 'GET', `${OURS}/trainingjobs`),
    no('lists predictions of all namespaces', 'GET', `${OURS}/predictionjobs`),
    no('watches trainings of all namespaces', 'GET', `${OURS}/trainingjobs?watch=true`),
    no('watches them the old way', 'GET', `${OURS}/watch/trainingjobs`),
    no(
      'picks the other’s out of all by a selector',
      'GET',
      `${OURS}/trainingjobs?fieldSelector=metadata.namespace%3D${there}`,
    ),
    no('names the namespace with dots', 'GET', `${OURS}/namespaces/${here}/../${there}/trainingjobs`),
    no('names the namespace with encoded dots', 'GET', `${OURS}/namespaces/${here}/%2e%2e/${there}/trainingjobs`),
    no(
      'names the namespace with letters encoded',
      'GET',
      `${OURS}/namespaces/${there.replace('ml', '%6d%6c')}/trainingjobs`,
    ),
    no('names the namespace in capitals', 'GET', `${OURS}/namespaces/${there.toUpperCase()}/trainingjobs`),
    no('begins its path with two slashes', 'GET', `/${theirs}/trainingjobs`),
    no('names the other’s namespace in the body', 'POST', `${mine}/trainingjobs`, {
      body: training('elsewhere', own, { metadata: { name: 'elsewhere', namespace: there } }),
      code: 400,
    }),

    no('writes the status of its training', 'PATCH', `${mine}/trainingjobs/mine/status`, { body: status }),
    no('replaces the status of its training', 'PUT', `${mine}/trainingjobs/mine/status`, {
      body: training('mine', own, status),
    }),
    no('reads the status alone', 'GET', `${mine}/trainingjobs/mine/status`),
    no('writes the status of a prediction', 'PATCH', `${mine}/predictionjobs/mine/status`, { body: status }),
    no('patches the status by JSON patch', 'PATCH', `${mine}/trainingjobs/mine/status`, {
      type: 'application/json-patch+json',
      body: [{ op: 'add', path: '/status', value: status.status }],
    }),
    no('asks for a subresource that there is not', 'GET', `${mine}/trainingjobs/mine/scale`),

    no('lists secrets', 'GET', `${core}/secrets`),
    no('reads a secret', 'GET', `${core}/secrets/any`),
    no('lists all secrets', 'GET', '/api/v1/secrets'),
    no('makes a secret', 'POST', `${core}/secrets`, { body: { metadata: { name: 's' } } }),
    no('reads chats', 'GET', '/api/v1/namespaces/spotlearn-system/configmaps'),
    no('lists configuration', 'GET', `${core}/configmaps`),
    no('lists pods', 'GET', `${core}/pods`),
    no('runs a pod', 'POST', `${core}/pods`, { body: { metadata: { name: 'p' }, spec: { containers: [] } } }),
    no('runs a pod as the worker, by a job', 'POST', `/apis/batch/v1/namespaces/${here}/jobs`, {
      body: { metadata: { name: 'j' } },
    }),
    no('reads a pod’s log', 'GET', `${core}/pods/any/log`),
    no('runs a command in a pod', 'POST', `${core}/pods/any/exec?command=id`),
    no('lifts its quota', 'PATCH', `${core}/resourcequotas/spotlearn`, {
      body: { spec: { hard: { 'requests.cpu': '999' } } },
    }),
    no('writes an event', 'POST', `${core}/events`, { body: { metadata: { name: 'e' } } }),
    no('lists leases', 'GET', '/apis/coordination.k8s.io/v1/namespaces/spotlearn-system/leases'),
    no(
      'takes leadership',
      'PATCH',
      '/apis/coordination.k8s.io/v1/namespaces/spotlearn-system/leases/spotlearn-operator',
      { body: {} },
    ),
    no('lists nodes', 'GET', '/api/v1/nodes'),
    no('goes through a node', 'GET', '/api/v1/nodes/any/proxy/logs/'),
    no('lists definitions', 'GET', '/apis/apiextensions.k8s.io/v1/customresourcedefinitions'),
    no(
      'deletes a definition',
      'DELETE',
      '/apis/apiextensions.k8s.io/v1/customresourcedefinitions/accounts.spotlearn.io',
    ),

    no('lists accounts', 'GET', `${OURS}/accounts`),
    no('reads the other’s account', 'GET', `${OURS}/accounts/user-${other}`),
    no('raises its limit', 'PATCH', `${OURS}/accounts/user-${own}`, {
      body: { spec: { limits: { monthlyUsd: 9999 } } },
    }),
    no('makes itself an administrator', 'PATCH', `${OURS}/accounts/user-${own}`, { body: { spec: { role: 'admin' } } }),
    no('lets itself in', 'PATCH', `${OURS}/accounts/user-${own}`, { body: { spec: { approval: 'Approved' } } }),
    no('sets its month back', 'PATCH', `${OURS}/accounts/user-${own}/status`, {
      body: { status: { month: { spentUsd: 0 } } },
    }),
    no('makes an account', 'POST', `${OURS}/accounts`, {
      body: { metadata: { name: 'user-7' }, spec: { userId: '7' } },
    }),
    no('deletes the other’s account', 'DELETE', `${OURS}/accounts/user-${other}`),

    no('lists namespaces', 'GET', '/api/v1/namespaces'),
    no('reads the other’s namespace', 'GET', `/api/v1/namespaces/${there}`),
    no('makes a namespace like an account’s', 'POST', '/api/v1/namespaces', {
      body: { metadata: { name: 'ml-user-999' } },
    }),
    no('labels its namespace as the other’s', 'PATCH', core, {
      body: { metadata: { labels: { 'spotlearn.io/user': other } } },
    }),
    no('deletes the other’s namespace', 'DELETE', `/api/v1/namespaces/${there}`),
    no('finalizes a namespace', 'PUT', `${core}/finalize`, { body: { metadata: { name: here } } }),

    no('lists roles', 'GET', `${RBAC}/namespaces/${here}/roles`),
    no('widens its role', 'PATCH', `${RBAC}/namespaces/${here}/roles/spotlearn-user`, {
      body: { rules: [{ apiGroups: ['*'], resources: ['*'], verbs: ['*'] }] },
    }),
    no('binds itself to more', 'POST', `${RBAC}/namespaces/${here}/rolebindings`, {
      body: binding('RoleBinding', own),
    }),
    no('binds itself in the other’s namespace', 'POST', `${RBAC}/namespaces/${there}/rolebindings`, {
      body: binding('RoleBinding', own),
    }),
    no('binds itself everywhere', 'POST', `${RBAC}/clusterrolebindings`, { body: binding('ClusterRoleBinding', own) }),
    no('joins the other’s binding', 'PATCH', `${RBAC}/namespaces/${there}/rolebindings/spotlearn-user`, {
      body: { subjects: [] },
    }),

    no('asks a token of itself', 'POST', `${core}/serviceaccounts/spotlearn-user/token`, { body: TOKEN_REQUEST }),
    no('asks a token of its workers', 'POST', `${core}/serviceaccounts/spotlearn-worker/token`, {
      body: TOKEN_REQUEST,
    }),
    no('asks a token of the other', 'POST', `/api/v1/namespaces/${there}/serviceaccounts/spotlearn-user/token`, {
      body: TOKEN_REQUEST,
    }),
    no(
      'asks a token of the operator',
      'POST',
      '/api/v1/namespaces/spotlearn-system/serviceaccounts/spotlearn-operator/token',
      { body: TOKEN_REQUEST },
    ),
    no('makes a service account', 'POST', `${core}/serviceaccounts`, { body: { metadata: { name: 'other' } } }),
    no('asks whose a token is', 'POST', '/apis/authentication.k8s.io/v1/tokenreviews', {
      body: { spec: { token: 'x' } },
    }),
    no('asks what the other may', 'POST', '/apis/authorization.k8s.io/v1/subjectaccessreviews', {
      body: { spec: { user: 'admin' } },
    }),

    as('the administrator', { 'impersonate-user': 'admin' }),
    as('the masters', { 'impersonate-user': 'x', 'impersonate-group': 'system:masters' }),
    as('the other’s service account', { 'impersonate-user': `system:serviceaccount:${there}:spotlearn-user` }),
    as('the other’s group', { 'impersonate-user': 'x', 'impersonate-group': `spotlearn:user-${other}` }),
    as('the operator', { 'impersonate-user': 'system:serviceaccount:spotlearn-system:spotlearn-operator' }),
    as('somebody by an extra', { 'impersonate-user': 'x', 'impersonate-extra-scopes': 'all' }),
    as('a group of nobody', { 'impersonate-group': 'system:masters' }, 500),

    no('comes without a token', 'GET', `${mine}/trainingjobs`, { token: null }),
    no('comes with a token it made up', 'GET', `${mine}/trainingjobs`, { token: 'AAAA', code: 401 }),
    no('reads what only administrators read', 'GET', '/metrics'),
    no('reads the server’s configuration', 'GET', '/configz'),
  ];
}

export interface Reply {
  readonly status: number;
  // eslint-disable-next-line @typescript-eslint/no-explicit-any -- whatever either API server answers
  readonly body: any;
}

/** With the path as it is: no client tidies dots away. `token`: whose request it is when it does not say. */
export function send(
  to: { url: string; ca: string; token: string },
  one: Omit<Request, 'what' | 'code'>,
): Promise<Reply> {
  const { method, path, body } = one;
  const token = one.token === undefined ? to.token : one.token;
  const text = body === undefined ? undefined : JSON.stringify(body);
  const headers: Record<string, string | number> = {
    ...(token === null ? {} : { authorization: `Bearer ${token}` }),
    ...(text === undefined
      ? {}
      : {
          'content-type': one.type ?? (method === 'PATCH' ? PATCH : 'application/json'),
          'content-length': Buffer.byteLength(text),
        }),
    ...one.headers,
  };
  const { hostname, port } = new URL(to.url);
  return new Promise((resolve, reject) => {
    const sent = request({ hostname, port, method, path, headers, ca: to.ca, agent: false }, (answer) => {
      const chunks: Buffer[] = [];
      answer.on('data', (chunk: Buffer) => chunks.push(chunk));
      answer.once('error', reject);
      answer.once('end', () => {
        const read = Buffer.concat(chunks).toString();
        const json = (answer.headers['content-type'] ?? '').startsWith('application/json');
        resolve({ status: answer.statusCode ?? 0, body: json && read !== '' ? (JSON.parse(read) as unknown) : read });
      });
    });
    sent.once('error', reject);
    sent.end(text);
  });
}
