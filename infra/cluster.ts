// A small EKS cluster, built from its parts: control plane, one on-demand node for the operator and one Spot node for the bot (both
// Graviton), Pod Identity, the network policies of the VPC CNI, an OIDC provider for the workers' pods. Or a cluster that is there.
import * as aws from '@pulumi/aws';
import * as k8s from '@pulumi/kubernetes';
import * as pulumi from '@pulumi/pulumi';
import type { Settings } from './configuration.ts';
import { NODE_TAG, type Names } from './naming.ts';
import { serviceTrust } from './policies/trust.ts';

export interface ClusterArgs {
  settings: Settings;
  names: Names;
  subnetIds: pulumi.Input<string>[];
  /** Of nodeTypes. */
  architecture: 'arm64' | 'x86_64';
}

/** Of each group: one, and another while a node is replaced. */
const MOST_NODES = 2;

export class Cluster extends pulumi.ComponentResource {
  readonly clusterName: pulumi.Output<string>;
  readonly clusterArn: pulumi.Output<string>;
  /** Issuer of the cluster's service account tokens, without `https://`. */
  readonly oidcIssuer: pulumi.Output<string>;
  readonly provider: k8s.Provider;
  /** Whether there is a group of Spot nodes for the bot. */
  readonly spotNodes: boolean;

  constructor(name: string, args: ClusterArgs, options?: pulumi.ComponentResourceOptions) {
    super('spotlearn:cluster:Cluster', name, {}, options);
    const made = args.settings.cluster === 'existing' ? this.#existing(args) : this.#make(name, args);
    this.clusterName = made.name;
    this.clusterArn = made.arn;
    this.oidcIssuer = made.issuer.apply((issuer) => issuer.replace(/^https:\/\//, ''));
    this.spotNodes = args.settings.cluster === 'new';
    this.provider = new k8s.Provider(
      name,
      {
        kubeconfig: pulumi.secret(
          pulumi.jsonStringify(kubeconfig(made.name, made.endpoint, made.certificate, args.settings.region)),
        ),
        // What a hand changed in between is named instead of being written over.
        enableServerSideApply: true,
      },
      { parent: this, dependsOn: made.ready },
    );
    this.registerOutputs({ clusterName: this.clusterName });
  }

  #existing({ names }: ClusterArgs) {
    const found = aws.eks.getClusterOutput({ name: names.cluster }, { parent: this });
    return {
      name: found.name,
      arn: found.arn,
      endpoint: found.endpoint,
      certificate: found.certificateAuthorities.apply(([first]) => first?.data ?? ''),
      issuer: found.identities.apply(([first]) => first?.oidcs[0]?.issuer ?? ''),
      ready: [] as pulumi.Resource[],
    };
  }

  #make(name: string, { settings, names, subnetIds, architecture }: ClusterArgs) {
    const parent = { parent: this };
    const managed = (policy: string) => `arn:aws:iam::aws:policy/${policy}`;
    const role = (what: string, service: string, policies: string[]) => {
      const made = new aws.iam.Role(
        `${name}-${what}`,
        { name: `${settings.name}-${what}`, assumeRolePolicy: JSON.stringify(serviceTrust(service)) },
        parent,
      );
      const attached = policies.map(
        (policy) =>
          new aws.iam.RolePolicyAttachment(
            `${name}-${what}-${policy.split('/').at(-1)}`,
            { role: made.name, policyArn: managed(policy) },
            { parent: made },
          ),
      );
      return { arn: made.arn, attached };
    };
    const control = role('cluster', 'eks.amazonaws.com', ['AmazonEKSClusterPolicy']);
    const logs = new aws.cloudwatch.LogGroup(
      `${name}-control-plane`,
      { name: `/aws/eks/${names.cluster}/cluster`, retentionInDays: Number(settings.logRetentionDays) },
      parent,
    );
    const cluster = new aws.eks.Cluster(
      name,
      {
        name: names.cluster,
        version: settings.kubernetesVersion,
        roleArn: control.arn,
        accessConfig: { authenticationMode: 'API', bootstrapClusterCreatorAdminPermissions: true },
        // Extended support costs six times as much an hour.
        upgradePolicy: { supportType: 'STANDARD' },
        enabledClusterLogTypes: ['authenticator', 'audit'],
        vpcConfig: {
          subnetIds,
          endpointPrivateAccess: true,
          endpointPublicAccess: true,
          publicAccessCidrs: [...settings.clusterAccessCidrs],
        },
      },
      { ...parent, dependsOn: [logs, ...control.attached] },
    );
    const issuer = cluster.identities.apply(([first]) => first?.oidcs?.[0]?.issuer ?? '');
    new aws.iam.OpenIdConnectProvider(name, { url: issuer, clientIdLists: ['sts.amazonaws.com'] }, { parent: cluster });
    const nodeRole = role('node', 'ec2.amazonaws.com', [
      'AmazonEKSWorkerNodePolicy',
      'AmazonEC2ContainerRegistryPullOnly',
      'AmazonEKS_CNI_Policy',
    ]);
    const addon = (what: string, dependsOn: pulumi.Resource[], configuration?: object) =>
      new aws.eks.Addon(
        `${name}-${what}`,
        {
          clusterName: cluster.name,
          addonName: what,
          resolveConflictsOnCreate: 'OVERWRITE',
          resolveConflictsOnUpdate: 'OVERWRITE',
          configurationValues: configuration && JSON.stringify(configuration),
        },
        { parent: cluster, dependsOn },
      );
    // Before the nodes: their pods need addresses. Without it NetworkPolicies are only text.
    const network = addon('vpc-cni', [], { enableNetworkPolicy: 'true' });
    const proxy = addon('kube-proxy', []);
    const nodes = (what: string, capacityType: 'ON_DEMAND' | 'SPOT') => {
      const template = new aws.ec2.LaunchTemplate(
        `${name}-${what}`,
        {
          name: `${settings.name}-node-${what}`,
          updateDefaultVersion: true,
          metadataOptions: { httpTokens: 'required', httpPutResponseHopLimit: 1 },
          blockDeviceMappings: [
            {
              deviceName: '/dev/xvda',
              ebs: { volumeSize: 20, volumeType: 'gp3', encrypted: 'true', deleteOnTermination: 'true' },
            },
          ],
          // A managed node group does not pass its tags on to what costs money. Never the installation's tag: what carries it is
          // the operator's to end.
          tagSpecifications: ['instance', 'volume', 'network-interface'].map((resourceType) => ({
            resourceType,
            tags: { [NODE_TAG]: settings.name, Name: `${settings.name}-${what}` },
          })),
        },
        { parent: cluster },
      );
      return new aws.eks.NodeGroup(
        `${name}-${what}`,
        {
          clusterName: cluster.name,
          nodeGroupName: what,
          nodeRoleArn: nodeRole.arn,
          subnetIds,
          capacityType,
          instanceTypes: [...settings.nodeTypes],
          amiType: architecture === 'arm64' ? 'AL2023_ARM_64_STANDARD' : 'AL2023_x86_64_STANDARD',
          launchTemplate: { id: template.id, version: template.latestVersion.apply(String) },
          scalingConfig: { minSize: 1, desiredSize: 1, maxSize: MOST_NODES },
          updateConfig: { maxUnavailable: 1 },
          labels: { 'spotlearn.io/nodes': what },
        },
        {
          parent: cluster,
          dependsOn: [...nodeRole.attached, network, proxy],
          ignoreChanges: ['scalingConfig.desiredSize'],
        },
      );
    };
    const steady = nodes('system', 'ON_DEMAND');
    const cheap = nodes('spot', 'SPOT');
    const ready = [addon('coredns', [steady]), addon('eks-pod-identity-agent', [steady]), cheap];
    return {
      name: cluster.name,
      arn: cluster.arn,
      endpoint: cluster.endpoint,
      certificate: cluster.certificateAuthority.apply(({ data }) => data ?? ''),
      issuer,
      ready,
    };
  }
}

/** Who runs `pulumi` signs in by the AWS CLI; there is no long-lived token. */
function kubeconfig(
  name: pulumi.Input<string>,
  server: pulumi.Input<string>,
  certificate: pulumi.Input<string>,
  region: string,
) {
  return {
    apiVersion: 'v1',
    kind: 'Config',
    'current-context': 'eks',
    clusters: [{ name: 'eks', cluster: { server, 'certificate-authority-data': certificate } }],
    contexts: [{ name: 'eks', context: { cluster: 'eks', user: 'deployer' } }],
    users: [
      {
        name: 'deployer',
        user: {
          exec: {
            apiVersion: 'client.authentication.k8s.io/v1beta1',
            command: 'aws',
            args: ['eks', 'get-token', '--cluster-name', name, '--region', region, '--output', 'json'],
            interactiveMode: 'Never',
          },
        },
      },
    ],
  };
}
