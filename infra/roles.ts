// The four roles of row 7.2 and who may act as each. What they may do comes afterwards (grants.ts): the launch template needs the
// worker's role, and the operator's policy the launch template.
import * as aws from '@pulumi/aws';
import * as pulumi from '@pulumi/pulumi';
import type { Settings } from './configuration.ts';
import { NAMESPACE } from './naming.ts';
import { permissionsBoundary } from './policies/boundary.ts';
import type { Facts, RoleNames } from './policies/document.ts';
import { handlerTrust, personTrust, podIdentityTrust } from './policies/trust.ts';
import { workerTrust } from './policies/worker.ts';

export interface RolesArgs {
  settings: Settings;
  facts: Facts;
  /** Of a cluster: operator and bot are its pods. */
  cluster?: { arn: pulumi.Input<string>; oidcIssuer: pulumi.Input<string> };
  /** Without a cluster: who acts as operator and bot. */
  assumers: pulumi.Input<string[]>;
}

export type RoleKind = keyof RoleNames;

/** Accounts of Kubernetes that get the roles by Pod Identity. */
export const SERVICE_ACCOUNTS = { operator: 'spotlearn-operator', bot: 'spotlearn-bot' } as const;

export class Roles extends pulumi.ComponentResource {
  readonly role: Readonly<Record<RoleKind, aws.iam.Role>>;

  constructor(name: string, args: RolesArgs, options?: pulumi.ComponentResourceOptions) {
    super('spotlearn:roles:Roles', name, {}, options);
    const { facts, cluster } = args;
    const parent = { parent: this };
    const boundary = new aws.iam.Policy(
      `${name}-boundary`,
      {
        name: `${facts.name}-boundary`,
        description: 'The most that any role of Spotlearn may ever do',
        policy: JSON.stringify(permissionsBoundary(facts)),
      },
      parent,
    );
    const role = (kind: RoleKind, description: string, trust: pulumi.Input<object>) =>
      new aws.iam.Role(
        `${name}-${kind}`,
        {
          name: facts.roles[kind],
          description,
          assumeRolePolicy: pulumi.output(trust).apply((document) => JSON.stringify(document)),
          permissionsBoundary: boundary.arn,
          maxSessionDuration: kind === 'worker' ? LONGEST_SESSION : undefined,
        },
        parent,
      );
    const acted = (kind: keyof typeof SERVICE_ACCOUNTS): pulumi.Output<object> =>
      cluster
        ? pulumi
            .output(cluster.arn)
            .apply((clusterArn) =>
              podIdentityTrust(facts, { clusterArn, namespace: NAMESPACE, serviceAccount: SERVICE_ACCOUNTS[kind] }),
            )
        : pulumi.output(args.assumers).apply((arns) => personTrust(arns));
    this.role = {
      operator: role(
        'operator',
        'Spotlearn operator: launches and ends workers, calls the function',
        acted('operator'),
      ),
      bot: role('bot', 'Spotlearn bot: uploads and download links of users', acted('bot')),
      worker: role(
        'worker',
        'Spotlearn worker: its own folder of the bucket',
        cluster ? pulumi.output(cluster.oidcIssuer).apply((issuer) => workerTrust(facts, issuer)) : workerTrust(facts),
      ),
      handler: role('handler', 'Spotlearn prediction function: its log', handlerTrust(facts)),
    };
    this.registerOutputs({});
  }
}

/** In seconds: a pod of placement Cluster may train so long without signing in again. */
const LONGEST_SESSION = 12 * 3600;
