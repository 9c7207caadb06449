// The local installation: the same facts a `pulumi up` would decide, for the account 000000000000 on this machine. Roles and bucket
// get the very policies of infra/policies.
import { fileURLToPath } from 'node:url';
import { botPolicy } from '../../infra/policies/bot.ts';
import {
  roleNames,
  type Installation,
  type PolicyDocument,
  type TrustDocument,
} from '../../infra/policies/document.ts';
import { handlerPolicy } from '../../infra/policies/handler.ts';
import { operatorPolicy } from '../../infra/policies/operator.ts';
import { workerPolicy, workerTrust } from '../../infra/policies/worker.ts';

export const REGION = 'eu-central-1';
export const ACCOUNT_ID = '000000000000';
export const IMAGE_ID = 'ami-00000000000000001';
export const TEMPLATE_NAME = 'spotlearn-worker';
export const QUEUE_NAME = 'spotlearn-interruptions';
export const NAME = 'spotlearn';

/** The worker's environment; what the local image has on its PATH. */
export const PYTHON_FOLDER = fileURLToPath(new URL('../../.venv/bin', import.meta.url));

/** `launchTemplateId`: ids of launch templates are made from their names in the local EC2, so it is known beforehand. */
export function localInstallation(launchTemplateId: string): Installation {
  return {
    name: NAME,
    region: REGION,
    accountId: ACCOUNT_ID,
    bucket: `${NAME}-${ACCOUNT_ID}-${REGION}`,
    launchTemplateId,
    logGroup: `/aws/ec2/ml-training/${NAME}`,
    functionName: `${NAME}-prediction`,
    queueName: QUEUE_NAME,
    roles: roleNames(NAME),
    imageIds: [IMAGE_ID],
  };
}

export interface LocalRole {
  readonly name: string;
  readonly policies: readonly PolicyDocument[];
  readonly trust?: TrustDocument;
}

/** `oidcProvider`: of the cluster whose pods may act as workers. */
export function localRoles(installation: Installation, oidcProvider: string): LocalRole[] {
  const { roles } = installation;
  return [
    { name: roles.operator, policies: [operatorPolicy(installation)] },
    { name: roles.bot, policies: [botPolicy(installation)] },
    { name: roles.worker, policies: [workerPolicy(installation)], trust: workerTrust(installation, oidcProvider) },
    { name: roles.handler, policies: [handlerPolicy(installation)] },
  ];
}
