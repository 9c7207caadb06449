// The settings of operator and bot as Kubernetes keeps them: a ConfigMap each, and a Secret for the token, which stands nowhere else.
import { createHash } from 'node:crypto';
import { labelsOf, type KubernetesObject, type ProgramName } from './object.ts';

export type Environment = Readonly<Record<string, string>>;

export const HEALTH_PORTS: Readonly<Record<ProgramName, number>> = { operator: 8080, bot: 8081 };

/** `environment`: as infra/environment.ts makes it. In a pod health listens on every address, or no probe would reach it. */
export function configMap(
  program: ProgramName,
  namespace: string,
  installation: string,
  environment: Environment,
): KubernetesObject & { data: Record<string, string> } {
  const port = program === 'operator' ? 'SPOTLEARN_OPERATOR_PORT' : 'SPOTLEARN_BOT_PORT';
  return {
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: { name: `spotlearn-${program}`, namespace, labels: labelsOf(program, installation) },
    data: { ...environment, SPOTLEARN_LISTEN_HOST: '0.0.0.0', [port]: String(HEALTH_PORTS[program]) },
  };
}

export const SECRET_NAME = 'spotlearn-bot';

export const tokenSecret = (
  namespace: string,
  installation: string,
  token: string,
): KubernetesObject & { stringData: Record<string, string> } => ({
  apiVersion: 'v1',
  kind: 'Secret',
  metadata: { name: SECRET_NAME, namespace, labels: labelsOf('bot', installation) },
  type: 'Opaque',
  stringData: { TELEGRAM_TOKEN: token },
});

/** Of what pods read only when they start: in their template, so that a change of it replaces them. */
export const checksumOf = (...parts: readonly unknown[]): string =>
  createHash('sha256').update(JSON.stringify(parts)).digest('hex').slice(0, 32);
