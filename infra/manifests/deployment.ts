// The Deployments of operator and bot: what both have (no privilege, a read-only root, probes, settings from ConfigMap and Secret) and what
// each has of its own. Numbers of memory are measured (`npm run bench -- idle`, `-- prediction stack`), with room.
import { HEALTH_PORTS, SECRET_NAME } from './configuration.ts';
import { labelsOf, selectorOf, type KubernetesObject, type ProgramName } from './object.ts';

export interface DeploymentFacts {
  readonly namespace: string;
  readonly installation: string;
  /** By digest. */
  readonly image: string;
  /** Of settings and token (checksumOf). */
  readonly checksum: string;
  /** Whether there are Spot nodes, which the bot then runs on. */
  readonly spotNodes: boolean;
  /** No pods at all. */
  readonly paused: boolean;
}

interface Own {
  readonly replicas: number;
  readonly strategy: object;
  readonly memoryMib: number;
  readonly requestMib: number;
  readonly cpu: string;
  readonly heapMib: number;
  /** Longer than a graceful stop takes. */
  readonly graceSeconds: number;
}

const OWN: Readonly<Record<ProgramName, Own>> = {
  // A leader and one that waits with filled caches; a new one comes before an old one goes.
  operator: {
    replicas: 2,
    strategy: { type: 'RollingUpdate', rollingUpdate: { maxUnavailable: 0, maxSurge: 1 } },
    ...{ memoryMib: 512, requestMib: 192, cpu: '100m', heapMib: 384, graceSeconds: 30 },
  },
  // Telegram gives updates to one poller at a time: the old one ends before the new one begins.
  bot: {
    replicas: 1,
    strategy: { type: 'Recreate' },
    ...{ memoryMib: 384, requestMib: 128, cpu: '50m', heapMib: 256, graceSeconds: 30 },
  },
};

export function deployment(program: ProgramName, facts: DeploymentFacts): KubernetesObject {
  const own = OWN[program];
  const name = `spotlearn-${program}`;
  const port = HEALTH_PORTS[program];
  const probe = (path: string, periodSeconds: number, failureThreshold: number) => ({
    httpGet: { path, port: 'health' },
    ...{ periodSeconds, failureThreshold, timeoutSeconds: 3 },
  });
  return {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name, namespace: facts.namespace, labels: labelsOf(program, facts.installation) },
    spec: {
      replicas: facts.paused ? 0 : own.replicas,
      revisionHistoryLimit: 5,
      strategy: own.strategy,
      selector: { matchLabels: selectorOf(program) },
      template: {
        metadata: {
          labels: labelsOf(program, facts.installation),
          annotations: {
            'spotlearn.io/configuration': facts.checksum,
            'prometheus.io/scrape': 'true',
            'prometheus.io/port': String(port),
          },
        },
        spec: {
          serviceAccountName: name,
          terminationGracePeriodSeconds: own.graceSeconds,
          enableServiceLinks: false,
          securityContext: {
            runAsNonRoot: true,
            runAsUser: 65532,
            runAsGroup: 65532,
            fsGroup: 65532,
            seccompProfile: { type: 'RuntimeDefault' },
          },
          ...(program === 'operator'
            ? { topologySpreadConstraints: apart(program) }
            : facts.spotNodes
              ? { affinity: onSpot }
              : {}),
          containers: [
            {
              name: program,
              image: facts.image,
              imagePullPolicy: 'IfNotPresent',
              envFrom: [
                { configMapRef: { name } },
                ...(program === 'bot' ? [{ secretRef: { name: SECRET_NAME } }] : []),
              ],
              env: [{ name: 'NODE_OPTIONS', value: `--enable-source-maps --max-old-space-size=${own.heapMib}` }],
              ports: [{ name: 'health', containerPort: port, protocol: 'TCP' }],
              resources: {
                requests: { cpu: own.cpu, memory: `${own.requestMib}Mi` },
                limits: { memory: `${own.memoryMib}Mi` },
              },
              securityContext: {
                allowPrivilegeEscalation: false,
                readOnlyRootFilesystem: true,
                capabilities: { drop: ['ALL'] },
              },
              startupProbe: probe('/healthz', 2, 60),
              livenessProbe: probe('/healthz', 10, 6),
              readinessProbe: probe('/readyz', 5, 3),
              volumeMounts: [{ name: 'tmp', mountPath: '/tmp' }],
            },
          ],
          volumes: [{ name: 'tmp', emptyDir: { sizeLimit: '64Mi' } }],
        },
      },
    },
  };
}

/** On two nodes where there are two, so that one node's end leaves a leader. */
const apart = (program: ProgramName) => [
  {
    maxSkew: 1,
    topologyKey: 'kubernetes.io/hostname',
    whenUnsatisfiable: 'ScheduleAnyway',
    labelSelector: { matchLabels: selectorOf(program) },
  },
];

/** Preferred, not demanded: without a Spot node the bot runs beside the operator. */
const onSpot = {
  nodeAffinity: {
    preferredDuringSchedulingIgnoredDuringExecution: [
      {
        weight: 100,
        preference: { matchExpressions: [{ key: 'spotlearn.io/nodes', operator: 'In', values: ['spot'] }] },
      },
    ],
  },
};

/** While nodes are replaced one operator stays. */
export const disruptionBudget = (namespace: string, installation: string): KubernetesObject => ({
  apiVersion: 'policy/v1',
  kind: 'PodDisruptionBudget',
  metadata: { name: 'spotlearn-operator', namespace, labels: labelsOf('operator', installation) },
  spec: { minAvailable: 1, selector: { matchLabels: selectorOf('operator') } },
});
