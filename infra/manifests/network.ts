// What pods of the namespace may reach: names, HTTPS, the agent that gives them their role. Nothing reaches them but whoever reads metrics.
import type { KubernetesObject } from './object.ts';
import { HEALTH_PORTS } from './configuration.ts';

/** Namespaces with this label may read /metrics. */
export const MONITORING_LABEL = 'spotlearn.io/monitoring';
const POD_IDENTITY_AGENT = '169.254.170.23/32';

const tcp = (port: number) => ({ protocol: 'TCP', port });

export function networkPolicies(namespace: string): KubernetesObject[] {
  const policy = (name: string, spec: object): KubernetesObject => ({
    apiVersion: 'networking.k8s.io/v1',
    kind: 'NetworkPolicy',
    metadata: { name, namespace },
    spec,
  });
  return [
    policy('spotlearn-closed', { podSelector: {}, policyTypes: ['Ingress', 'Egress'] }),
    policy('spotlearn-egress', {
      podSelector: { matchLabels: { 'app.kubernetes.io/part-of': 'spotlearn' } },
      policyTypes: ['Egress'],
      egress: [
        {
          to: [{ namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': 'kube-system' } } }],
          ports: [{ protocol: 'UDP', port: 53 }, tcp(53)],
        },
        // AWS, Telegram and the API server.
        { ports: [tcp(443)] },
        { to: [{ ipBlock: { cidr: POD_IDENTITY_AGENT } }], ports: [tcp(80)] },
      ],
    }),
    policy('spotlearn-metrics', {
      podSelector: { matchLabels: { 'app.kubernetes.io/part-of': 'spotlearn' } },
      policyTypes: ['Ingress'],
      ingress: [
        {
          from: [{ namespaceSelector: { matchLabels: { [MONITORING_LABEL]: 'true' } } }],
          ports: Object.values(HEALTH_PORTS).map(tcp),
        },
      ],
    }),
  ];
}
