// Every way to install that the configuration knows, and one with all options.
import { ACCOUNT_ID, type Run } from './mocks.ts';

const KEY = `arn:aws:kms:eu-central-1:${ACCOUNT_ID}:key/01234567-89ab-cdef-0123-456789abcdef`;
export const digest = `sha256:${'ab'.repeat(32)}`;
export const WAYS: Record<string, Run> = {
  'a new cluster': {},
  'no cluster': { configuration: { 'spotlearn:cluster': 'none' } },
  'an existing cluster': {
    configuration: {
      'spotlearn:cluster': 'existing',
      'spotlearn:clusterName': 'theirs',
      'spotlearn:vpcId': 'vpc-0123456789abcdef0',
      'spotlearn:subnetIds': 'subnet-0123456789abcdef0,subnet-0123456789abcdef1',
      ...Object.fromEntries(
        ['operator', 'bot', 'worker', 'prediction'].map((image) => [
          `spotlearn:${image}Image`,
          `registry.example/${image}@${digest}`,
        ]),
      ),
    },
  },
  'all options': {
    stack: 'prod',
    configuration: {
      'spotlearn:natGateway': 'true',
      'spotlearn:kmsKeyArn': KEY,
      'spotlearn:alarmEmails': 'ops@example.org,boss@example.org',
      'spotlearn:nodeTypes': 't3.small',
      'spotlearn:functionArchitecture': 'x86_64',
      'spotlearn:functionConcurrency': '50',
      'spotlearn:accountPolicy': 'allowlist',
      'spotlearn:allowedUsers': '1,2',
      'spotlearn:spotMaxPriceUsd': '0.5',
      'spotlearn:protectData': 'false',
      'spotlearn:deployers': `arn:aws:iam::${ACCOUNT_ID}:role/ci`,
      'spotlearn:imageId': 'ami-0123456789abcdef0',
      'spotlearn:zones': '2',
    },
  },
};
