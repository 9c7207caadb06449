// What each role may do: the pure policies of policies/, rendered and attached; and on a cluster the Pod Identity associations that give
// operator and bot their roles.
import * as aws from '@pulumi/aws';
import * as pulumi from '@pulumi/pulumi';
import { NAMESPACE } from './naming.ts';
import { botPolicy } from './policies/bot.ts';
import type { Facts, PolicyDocument } from './policies/document.ts';
import { handlerPolicy } from './policies/handler.ts';
import { operatorPolicy } from './policies/operator.ts';
import { workerPolicy } from './policies/worker.ts';
import { SERVICE_ACCOUNTS, type RoleKind, type Roles } from './roles.ts';

export interface GrantsArgs {
  roles: Roles;
  facts: Facts;
  launchTemplateId: pulumi.Input<string>;
  imageIds: pulumi.Input<string[]>;
  clusterName?: pulumi.Input<string>;
}

export class Grants extends pulumi.ComponentResource {
  /** What must be there before a program acts. */
  readonly all: readonly pulumi.Resource[];

  constructor(name: string, args: GrantsArgs, options?: pulumi.ComponentResourceOptions) {
    super('spotlearn:grants:Grants', name, {}, options);
    const { facts } = args;
    const all: pulumi.Resource[] = [];
    const policies = pulumi
      .all([args.launchTemplateId, args.imageIds])
      .apply(([launchTemplateId, imageIds]): Record<RoleKind, PolicyDocument> => {
        const installation = { ...facts, launchTemplateId, imageIds };
        return {
          operator: operatorPolicy(installation),
          bot: botPolicy(installation),
          worker: workerPolicy(installation),
          handler: handlerPolicy(installation),
        };
      });
    for (const [kind, role] of Object.entries(args.roles.role) as [RoleKind, aws.iam.Role][])
      all.push(
        new aws.iam.RolePolicy(
          `${name}-${kind}`,
          { name: 'spotlearn', role: role.name, policy: policies.apply((each) => JSON.stringify(each[kind])) },
          { parent: this },
        ),
      );
    if (args.clusterName !== undefined)
      for (const [kind, serviceAccount] of Object.entries(SERVICE_ACCOUNTS) as [
        keyof typeof SERVICE_ACCOUNTS,
        string,
      ][])
        all.push(
          new aws.eks.PodIdentityAssociation(
            `${name}-${kind}`,
            {
              clusterName: args.clusterName,
              namespace: NAMESPACE,
              serviceAccount,
              roleArn: args.roles.role[kind].arn,
            },
            { parent: this },
          ),
        );
    this.all = all;
    this.registerOutputs({});
  }
}
