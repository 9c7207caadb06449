// The shape that every Kubernetes object of the installation has.
export interface KubernetesObject {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: {
    readonly name: string;
    readonly namespace?: string;
    readonly labels?: Record<string, string>;
    readonly annotations?: Record<string, string>;
  };
  readonly [field: string]: unknown;
}

export type ProgramName = 'operator' | 'bot';

/** As Kubernetes recommends; selectors use the first two, which never change. */
export const labelsOf = (program: ProgramName, installation: string): Record<string, string> => ({
  'app.kubernetes.io/name': `spotlearn-${program}`,
  'app.kubernetes.io/part-of': 'spotlearn',
  'app.kubernetes.io/instance': installation,
});

export const selectorOf = (program: ProgramName): Record<string, string> => ({
  'app.kubernetes.io/name': `spotlearn-${program}`,
  'app.kubernetes.io/part-of': 'spotlearn',
});
