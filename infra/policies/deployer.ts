// What whoever runs `pulumi up` needs (docs/deploy.md): managed policies for a role or a person, of this installation alone wherever AWS
// lets a request be told by name or tag. Roles can be made only within the boundary, so a deployer gives nobody more than the roles have.
import { TAG } from '../../cloud/tags.ts';
import {
  bucketArn,
  objects,
  policy,
  roleArn,
  type Conditions,
  type Facts,
  type PolicyDocument,
  type Statement,
} from './document.ts';

export interface Deployment extends Facts {
  readonly cluster: 'new' | 'existing' | 'none';
  /** Of `existing`; a new one has the installation's name. */
  readonly clusterName?: string;
  /** Of an existing network. */
  readonly vpcId?: string;
}

/** By name; each within IAM's 6,144 characters of a managed policy. */
export function deployerPolicies(deployment: Deployment): Record<string, PolicyDocument> {
  return {
    identities: policy(...identities(deployment)),
    network: policy(...network(deployment)),
    services: policy(...services(deployment)),
    data: policy(...data(deployment)),
    ...(deployment.cluster === 'none' ? {} : { cluster: policy(...cluster(deployment)) }),
  };
}

const allow = (Sid: string, Action: string[], Resource: string[], Condition?: Conditions): Statement => ({
  ...{ Sid, Effect: 'Allow', Action, Resource },
  ...(Condition && { Condition }),
});

/** `a:`, `Get Put` → `a:Get`, `a:Put`. */
const calls = (service: string, names: string): string[] => names.split(' ').map((name) => `${service}:${name}`);

const arnOf =
  ({ region, accountId }: Facts) =>
  (service: string, resource: string) =>
    `arn:aws:${service}:${region}:${accountId}:${resource}`;

const TAGGING = 'TagResource UntagResource ListTagsForResource';
/** What the roles of a new cluster hold, made by AWS. */
const CLUSTER_POLICIES = [
  'AmazonEKSClusterPolicy',
  'AmazonEKSWorkerNodePolicy',
  'AmazonEC2ContainerRegistryPullOnly',
  'AmazonEKS_CNI_Policy',
];

function identities({ name, accountId, roles, region, cluster }: Deployment): Statement[] {
  const iam = (resource: string) => `arn:aws:iam::${accountId}:${resource}`;
  const boundary = iam(`policy/${name}-boundary`);
  const fenced = [roles.operator, roles.bot, roles.worker, roles.handler].map((role) => roleArn(accountId, role));
  const clusters = [roleArn(accountId, `${name}-cluster`), roleArn(accountId, `${name}-node`)];
  const all = [...fenced, ...(cluster === 'new' ? clusters : [])];
  const pass = (Sid: string, some: string[], ...passedTo: string[]) =>
    allow(Sid, ['iam:PassRole'], some, { StringEquals: { 'iam:PassedToService': passedTo } });
  return [
    // The one before is asked for by who signed in, whoever that is.
    allow('Look', ['iam:GetRole'], [iam('role/*')]),
    allow(
      'FencedRoles',
      calls(
        'iam',
        'CreateRole PutRolePolicy DeleteRolePolicy PutRolePermissionsBoundary UpdateAssumeRolePolicy AttachRolePolicy DetachRolePolicy',
      ),
      fenced,
      { StringEquals: { 'iam:PermissionsBoundary': boundary } },
    ),
    allow(
      'Roles',
      calls(
        'iam',
        'DeleteRole UpdateRole TagRole UntagRole ListRolePolicies GetRolePolicy ListAttachedRolePolicies ListInstanceProfilesForRole',
      ),
      all,
    ),
    allow(
      'Boundary',
      calls(
        'iam',
        'CreatePolicy GetPolicy DeletePolicy CreatePolicyVersion GetPolicyVersion DeletePolicyVersion ListPolicyVersions TagPolicy UntagPolicy',
      ),
      [boundary],
    ),
    allow(
      'Profile',
      calls(
        'iam',
        'CreateInstanceProfile GetInstanceProfile DeleteInstanceProfile AddRoleToInstanceProfile RemoveRoleFromInstanceProfile TagInstanceProfile UntagInstanceProfile',
      ),
      [iam(`instance-profile/${roles.worker}`)],
    ),
    pass('PassWorkerRole', [roleArn(accountId, roles.worker)], 'ec2.amazonaws.com'),
    pass('PassHandlerRole', [roleArn(accountId, roles.handler)], 'lambda.amazonaws.com'),
    // Whose first Spot instance it is: the operator may not make it.
    allow('ServiceLinkedRoles', ['iam:CreateServiceLinkedRole'], [iam('role/aws-service-role/*')], {
      StringEquals: {
        'iam:AWSServiceName': ['spot.amazonaws.com', 'eks.amazonaws.com', 'eks-nodegroup.amazonaws.com'],
      },
    }),
    ...(cluster === 'none'
      ? []
      : [
          pass(
            'PassPodRoles',
            [roleArn(accountId, roles.operator), roleArn(accountId, roles.bot)],
            'pods.eks.amazonaws.com',
          ),
        ]),
    ...(cluster === 'new'
      ? [
          // AWS's own policies alone, so without the boundary: nodes need more than any role of ours.
          allow('ClusterRoles', calls('iam', 'CreateRole UpdateAssumeRolePolicy'), clusters),
          allow('ClusterPolicies', calls('iam', 'AttachRolePolicy DetachRolePolicy'), clusters, {
            ArnEquals: { 'iam:PolicyARN': CLUSTER_POLICIES.map((each) => `arn:aws:iam::aws:policy/${each}`) },
          }),
          pass('PassClusterRoles', clusters, 'eks.amazonaws.com', 'ec2.amazonaws.com'),
          allow(
            'Issuer',
            calls(
              'iam',
              'CreateOpenIDConnectProvider GetOpenIDConnectProvider DeleteOpenIDConnectProvider UpdateOpenIDConnectProviderThumbprint TagOpenIDConnectProvider UntagOpenIDConnectProvider',
            ),
            [iam(`oidc-provider/oidc.eks.${region}.amazonaws.com/id/*`)],
          ),
        ]
      : []),
  ];
}

function network(deployment: Deployment): Statement[] {
  const { name, vpcId, cluster } = deployment;
  const ec2 = (...resources: string[]) => resources.map((resource) => arnOf(deployment)('ec2', resource));
  const own = { StringEquals: { [`aws:ResourceTag/${TAG.installation}`]: name } };
  const made = { StringEquals: { [`aws:RequestTag/${TAG.installation}`]: name } };
  const parts = [
    ...['vpc/*', 'subnet/*', 'internet-gateway/*', 'route-table/*', 'elastic-ip/*', 'natgateway/*'],
    ...['vpc-endpoint/*', 'security-group/*', 'launch-template/*'],
  ];
  return [
    allow('See', ['ec2:Describe*'], ['*']),
    allow(
      'Make',
      calls(
        'ec2',
        'CreateVpc CreateSubnet CreateInternetGateway CreateRouteTable AllocateAddress CreateNatGateway CreateVpcEndpoint CreateSecurityGroup CreateLaunchTemplate',
      ),
      ec2(...parts),
      made,
    ),
    allow(
      'Change',
      [
        ...calls('ec2', 'ModifyVpcAttribute DeleteVpc ModifySubnetAttribute DeleteSubnet'),
        ...calls('ec2', 'AttachInternetGateway DetachInternetGateway DeleteInternetGateway'),
        ...calls('ec2', 'CreateRoute ReplaceRoute DeleteRoute AssociateRouteTable DisassociateRouteTable'),
        ...calls('ec2', 'ReplaceRouteTableAssociation DeleteRouteTable'),
        ...calls('ec2', 'DisassociateAddress ReleaseAddress DeleteNatGateway ModifyVpcEndpoint DeleteVpcEndpoints'),
        ...calls('ec2', 'AuthorizeSecurityGroupEgress AuthorizeSecurityGroupIngress DeleteSecurityGroup'),
        ...calls('ec2', 'CreateLaunchTemplateVersion ModifyLaunchTemplate DeleteLaunchTemplateVersions'),
        ...calls('ec2', 'DeleteLaunchTemplate DeleteTags CreateTags'),
      ],
      ec2(...parts),
      own,
    ),
    // To close a group is all that is granted on what is not ours: a VPC brings one of its own, without tags, that must be closed.
    allow('Close', calls('ec2', 'RevokeSecurityGroupIngress RevokeSecurityGroupEgress'), ec2('security-group/*')),
    ...(vpcId === undefined
      ? [
          allow('TagDefaultGroup', ['ec2:CreateTags'], ec2('security-group/*'), {
            ...made,
            Null: { [`aws:ResourceTag/${TAG.installation}`]: 'true' },
          }),
          allow(
            'MakeWithin',
            calls('ec2', 'CreateSubnet CreateRouteTable CreateNatGateway CreateVpcEndpoint CreateSecurityGroup'),
            ec2('vpc/*', 'subnet/*', 'route-table/*', 'elastic-ip/*'),
            own,
          ),
        ]
      : [allow('MakeWithinTheirs', ['ec2:CreateSecurityGroup'], ec2(`vpc/${vpcId}`))]),
    allow('TagNew', ['ec2:CreateTags'], ec2(...parts), {
      StringEquals: { ...made.StringEquals, 'ec2:CreateAction': CREATIONS },
    }),
    ...(cluster === 'new'
      ? [
          // EKS asks whether its caller may launch by the template that the nodes come from, with the tags in it.
          allow('Launch', ['ec2:RunInstances'], LAUNCHED(deployment), {
            ArnLike: { 'ec2:LaunchTemplate': ec2('launch-template/*') },
          }),
          allow('TagLaunched', ['ec2:CreateTags'], ec2('instance/*', 'volume/*', 'network-interface/*'), {
            StringEquals: { 'ec2:CreateAction': 'RunInstances' },
          }),
        ]
      : []),
  ];
}

const CREATIONS = [
  ...['CreateVpc', 'CreateSubnet', 'CreateInternetGateway', 'CreateRouteTable', 'AllocateAddress', 'CreateNatGateway'],
  ...['CreateVpcEndpoint', 'CreateSecurityGroup', 'CreateLaunchTemplate'],
];
const LAUNCHED = (deployment: Deployment): string[] => [
  ...['instance/*', 'volume/*', 'network-interface/*', 'subnet/*', 'security-group/*', 'launch-template/*'].map(
    (part) => arnOf(deployment)('ec2', part),
  ),
  `arn:aws:ec2:${deployment.region}::image/*`,
];

function services(deployment: Deployment): Statement[] {
  const { name, accountId, region, functionName, queueName, logGroup, cluster } = deployment;
  const arn = arnOf(deployment);
  const groups = [logGroup, `/aws/lambda/${functionName}`, ...(cluster === 'new' ? [`/aws/eks/${name}/cluster`] : [])];
  return [
    allow(
      'Function',
      [
        ...calls('lambda', 'CreateFunction GetFunction DeleteFunction UpdateFunctionCode UpdateFunctionConfiguration'),
        ...calls('lambda', 'GetFunctionConfiguration GetFunctionCodeSigningConfig PublishVersion'),
        ...calls('lambda', 'ListVersionsByFunction CreateAlias GetAlias UpdateAlias DeleteAlias'),
        ...calls('lambda', 'PutFunctionConcurrency GetFunctionConcurrency DeleteFunctionConcurrency'),
        ...calls('lambda', 'PutFunctionEventInvokeConfig GetFunctionEventInvokeConfig'),
        ...calls('lambda', 'UpdateFunctionEventInvokeConfig DeleteFunctionEventInvokeConfig'),
        ...calls('lambda', 'TagResource UntagResource ListTags'),
      ],
      [arn('lambda', `function:${functionName}`), arn('lambda', `function:${functionName}:*`)],
    ),
    allow('Layer', calls('lambda', 'PublishLayerVersion GetLayerVersion DeleteLayerVersion'), [
      arn('lambda', `layer:${name}-onnxruntime`),
      arn('lambda', `layer:${name}-onnxruntime:*`),
    ]),
    allow(
      'LogGroups',
      calls('logs', `CreateLogGroup DeleteLogGroup PutRetentionPolicy DeleteRetentionPolicy ${TAGGING}`),
      groups.flatMap((group) => [arn('logs', `log-group:${group}`), arn('logs', `log-group:${group}:*`)]),
    ),
    allow('SeeLogGroups', ['logs:DescribeLogGroups'], ['*']),
    allow(
      'Queues',
      calls(
        'sqs',
        'CreateQueue DeleteQueue GetQueueUrl GetQueueAttributes SetQueueAttributes TagQueue UntagQueue ListQueueTags',
      ),
      [arn('sqs', queueName), arn('sqs', `${queueName}-dead-letters`)],
    ),
    allow(
      'Rules',
      calls('events', `PutRule DescribeRule DeleteRule PutTargets RemoveTargets ListTargetsByRule ${TAGGING}`),
      [arn('events', `rule/${name}-*`)],
    ),
    allow('Alarms', calls('cloudwatch', `PutMetricAlarm DescribeAlarms DeleteAlarms ${TAGGING}`), [
      arn('cloudwatch', `alarm:${name}-*`),
    ]),
    allow('Dashboard', calls('cloudwatch', 'PutDashboard GetDashboard DeleteDashboards'), [
      `arn:aws:cloudwatch::${accountId}:dashboard/${name}`,
    ]),
    allow(
      'Topic',
      [
        ...calls('sns', `CreateTopic DeleteTopic GetTopicAttributes SetTopicAttributes ${TAGGING}`),
        ...calls('sns', 'Subscribe Unsubscribe GetSubscriptionAttributes ListSubscriptionsByTopic'),
      ],
      [arn('sns', `${name}-alarms`)],
    ),
    allow('Budget', calls('budgets', `ViewBudget ModifyBudget ${TAGGING}`), [
      `arn:aws:budgets::${accountId}:budget/${name}-monthly`,
    ]),
    allow('Images', ['ssm:GetParameter'], [`arn:aws:ssm:${region}::parameter/aws/service/canonical/ubuntu/server/*`]),
  ];
}

function data({ bucket, region, kmsKeyArn }: Deployment): Statement[] {
  const buckets = [bucketArn(bucket), bucketArn(`${bucket}-log`)];
  return [
    allow(
      'Buckets',
      [
        ...calls('s3', 'CreateBucket DeleteBucket ListBucket ListBucketVersions GetBucket* Get*Configuration'),
        ...calls('s3', 'PutBucketPolicy DeleteBucketPolicy PutBucketVersioning PutBucketLogging PutBucketTagging'),
        ...calls('s3', 'PutBucketOwnershipControls PutBucketPublicAccessBlock PutEncryptionConfiguration'),
        ...calls('s3', `PutLifecycleConfiguration ${TAGGING}`),
      ],
      buckets,
    ),
    allow(
      'Code',
      calls('s3', 'GetObject GetObjectTagging PutObject PutObjectTagging GetObjectVersion'),
      objects(bucket, 'artefacts/*'),
    ),
    // Of a bucket that goes with its installation (protectData: false), and of access logs.
    allow('Empty', calls('s3', 'DeleteObject DeleteObjectVersion'), [
      ...objects(bucket, '*'),
      ...objects(`${bucket}-log`, '*'),
    ]),
    ...(kmsKeyArn === undefined
      ? []
      : [
          allow('Key', ['kms:DescribeKey'], [kmsKeyArn]),
          allow('UseKey', calls('kms', 'Decrypt GenerateDataKey CreateGrant RetireGrant'), [kmsKeyArn], {
            StringEquals: { 'kms:ViaService': [`s3.${region}.amazonaws.com`, `ecr.${region}.amazonaws.com`] },
          }),
        ]),
  ];
}

function cluster(deployment: Deployment): Statement[] {
  const { name, cluster: kind, clusterName = name } = deployment;
  const arn = arnOf(deployment);
  const parts = ['nodegroup', 'addon'].map((part) => arn('eks', `${part}/${clusterName}/*/*`));
  return [
    allow('See', ['eks:DescribeCluster'], [arn('eks', `cluster/${clusterName}`)]),
    allow('Pods', calls('eks', 'CreatePodIdentityAssociation ListPodIdentityAssociations'), [
      arn('eks', `cluster/${clusterName}`),
    ]),
    allow(
      'PodsChange',
      calls(
        'eks',
        `DescribePodIdentityAssociation UpdatePodIdentityAssociation DeletePodIdentityAssociation TagResource UntagResource`,
      ),
      [arn('eks', `podidentityassociation/${clusterName}/*`)],
    ),
    ...(kind === 'new'
      ? [
          // EKS tells no cluster by name before there is one.
          allow('Make', ['eks:CreateCluster'], ['*'], {
            StringEquals: { [`aws:RequestTag/${TAG.installation}`]: name },
          }),
          allow(
            'Change',
            calls(
              'eks',
              `DeleteCluster UpdateClusterConfig UpdateClusterVersion DescribeUpdate CreateNodegroup CreateAddon ${TAGGING}`,
            ),
            [arn('eks', `cluster/${clusterName}`)],
          ),
          allow(
            'Parts',
            [
              ...calls('eks', 'DescribeNodegroup UpdateNodegroupConfig UpdateNodegroupVersion DeleteNodegroup'),
              ...calls('eks', `DescribeAddon UpdateAddon DeleteAddon DescribeUpdate ${TAGGING}`),
            ],
            parts,
          ),
        ]
      : []),
    allow('Login', ['ecr:GetAuthorizationToken'], ['*']),
    allow(
      'Repositories',
      [
        ...calls('ecr', 'CreateRepository DescribeRepositories DeleteRepository PutImageTagMutability'),
        ...calls('ecr', 'PutImageScanningConfiguration PutLifecyclePolicy GetLifecyclePolicy DeleteLifecyclePolicy'),
        ...calls('ecr', TAGGING),
        ...calls('ecr', 'BatchCheckLayerAvailability InitiateLayerUpload UploadLayerPart CompleteLayerUpload PutImage'),
        ...calls('ecr', 'BatchGetImage GetDownloadUrlForLayer DescribeImages ListImages BatchDeleteImage'),
      ],
      [arn('ecr', `repository/${name}/*`)],
    ),
  ];
}
