// The cluster's node on this machine, for placement Cluster: what stands for the images of worker and prediction handler, and the key by
// which a worker's pods prove to STS who they are. stack.ts hands this to the Kubernetes program (which runs pods) and to AWS (which believes them).
import { createPublicKey, generateKeyPairSync } from 'node:crypto';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { KubeletOptions } from '../kubernetes/kubelet.ts';
import { PYTHON_FOLDER } from './installation.ts';

export const WORKER_IMAGE = 'spotlearn/worker:local';
export const PREDICTION_IMAGE = 'spotlearn/prediction:local';
/** Of ServiceAccount tokens. */
export const ISSUER = 'https://oidc.spotlearn.local';
/** As IAM names the provider. */
export const OIDC_PROVIDER = ISSUER.replace('https://', '');

const root = fileURLToPath(new URL('../../', import.meta.url));

/** Path of the prediction handler as a program, in the folder of artefacts. */
export const handlerIn = (folder: string): string => join(folder, 'handler', 'main.mjs');

export type NodeSettings = Pick<KubeletOptions, 'images' | 'tokens'>;

/** `privateKey`: PEM of newSigningKey; `handler`: path of its main.mjs, read when a pod starts. */
export function nodeSettings(awsUrl: string, privateKey: string, handler?: string): NodeSettings {
  const env = {
    PYTHONPATH: root,
    PYTHONUNBUFFERED: '1',
    ORT_DISABLE_TELEMETRY: '1',
    AWS_ENDPOINT_URL: awsUrl,
    // Nothing of what this machine's owner has for AWS.
    AWS_CONFIG_FILE: '/dev/null',
    AWS_SHARED_CREDENTIALS_FILE: '/dev/null',
    AWS_EC2_METADATA_DISABLED: 'true',
  };
  return {
    images: {
      [WORKER_IMAGE]: { command: [`${PYTHON_FOLDER}/python3`, '-m', 'trainer'], env },
      ...(handler ? { [PREDICTION_IMAGE]: { command: [process.execPath, handler] } } : {}),
    },
    tokens: { issuer: ISSUER, privateKey },
  };
}

export function newSigningKey(): string {
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  return privateKey.export({ type: 'pkcs8', format: 'pem' }) as string;
}

/** What AWS is told about the issuer. */
export const identityProvider = (privateKey: string): { issuer: string; publicKey: string } => ({
  issuer: ISSUER,
  publicKey: createPublicKey(privateKey).export({ type: 'spki', format: 'pem' }) as string,
});
