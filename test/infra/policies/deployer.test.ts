import { runUnsafeSimulation } from '@cloud-copilot/iam-simulate';
import { expect } from 'chai';
import { TAG } from '../../../cloud/tags.ts';
import { deployerPolicies, type Deployment } from '../../../infra/policies/deployer.ts';
import type { PolicyDocument, Statement } from '../../../infra/policies/document.ts';
import { names } from '../../../infra/naming.ts';
import { ACCOUNT_ID, programOf, type Recorded, type Run } from '../mocks.ts';
import { dead } from './reference.ts';
import { KEY, KEY_POLICY, named, REGION, type Context } from './simulator.ts';

const deploymentOf = (name: string, more: Partial<Deployment> = {}): Deployment => {
  const { bucket, logGroup, functionName, queueName, roles } = names(
    { name, bucket: undefined, region: REGION, clusterName: undefined },
    ACCOUNT_ID,
  );
  const facts = { name, region: REGION, accountId: ACCOUNT_ID, bucket, logGroup, functionName, queueName, roles };
  return { ...facts, cluster: 'new', ...more };
};

const arn = (service: string, resource: string) => `arn:aws:${service}:${REGION}:${ACCOUNT_ID}:${resource}`;
const global = (service: string, resource: string) => `arn:aws:${service}::${ACCOUNT_ID}:${resource}`;
const bucketOf = (bucket: string) => `arn:aws:s3:::${bucket}`;

type Request = readonly [action: string, resource: string, context?: Context];

const OWN = { [`aws:ResourceTag/${TAG.installation}`]: 'spotlearn-dev' };
const NEW = { [`aws:RequestTag/${TAG.installation}`]: 'spotlearn-dev' };
const BOUNDARY = { 'iam:PermissionsBoundary': global('iam', 'policy/spotlearn-dev-boundary') };

const each = (service: string, actions: string, resource: string, context: Context = {}): Request[] =>
  actions.split(' ').map((action): Request => [`${service}:${action}`, resource, context]);
/** A thing of EC2 from its making to its end; `within`: what it is made in. */
const ec2 = (kind: string, create: string, within: readonly string[], later: string): Request[] => [
  [`ec2:${create}`, arn('ec2', `${kind}/new`), NEW],
  ['ec2:CreateTags', arn('ec2', `${kind}/new`), { ...NEW, 'ec2:CreateAction': create }],
  ...within.map((other): Request => [`ec2:${create}`, arn('ec2', `${other}/own`), OWN]),
  ...each('ec2', `${later} CreateTags DeleteTags`, arn('ec2', `${kind}/own`), OWN),
];
const tagging = 'TagResource UntagResource ListTagsForResource';

/** The calls of Pulumi's provider for a resource of each type the program declares: made, read, changed, ended. */
const NEEDS: Readonly<Record<string, (resource: Recorded) => Request[]>> = {
  'aws:ec2/vpc:Vpc': () => [
    ...ec2('vpc', 'CreateVpc', [], 'ModifyVpcAttribute DeleteVpc'),
    ...each('ec2', 'DescribeVpcs DescribeNetworkAcls DescribeRouteTables DescribeSecurityGroups', '*'),
    ['ec2:DescribeVpcAttribute', arn('ec2', 'vpc/own'), OWN],
  ],
  'aws:ec2/defaultSecurityGroup:DefaultSecurityGroup': () => [
    ...each('ec2', 'RevokeSecurityGroupIngress RevokeSecurityGroupEgress', arn('ec2', 'security-group/default')),
    ['ec2:CreateTags', arn('ec2', 'security-group/default'), NEW],
    ['ec2:DescribeSecurityGroupRules', '*'],
  ],
  'aws:ec2/internetGateway:InternetGateway': () => [
    ...ec2(
      'internet-gateway',
      'CreateInternetGateway',
      [],
      'AttachInternetGateway DetachInternetGateway DeleteInternetGateway',
    ),
    ...each('ec2', 'AttachInternetGateway DetachInternetGateway', arn('ec2', 'vpc/own'), OWN),
  ],
  'aws:ec2/subnet:Subnet': () => ec2('subnet', 'CreateSubnet', ['vpc'], 'ModifySubnetAttribute DeleteSubnet'),
  'aws:ec2/routeTable:RouteTable': () =>
    ec2('route-table', 'CreateRouteTable', ['vpc'], 'CreateRoute ReplaceRoute DeleteRoute DeleteRouteTable'),
  'aws:ec2/routeTableAssociation:RouteTableAssociation': () =>
    ['route-table/own', 'subnet/own'].flatMap((resource) =>
      each('ec2', 'AssociateRouteTable DisassociateRouteTable', arn('ec2', resource), OWN),
    ),
  'aws:ec2/eip:Eip': () => [
    ...ec2('elastic-ip', 'AllocateAddress', [], 'ReleaseAddress DisassociateAddress'),
    ['ec2:DescribeAddresses', '*'],
  ],
  'aws:ec2/natGateway:NatGateway': () =>
    ec2('natgateway', 'CreateNatGateway', ['subnet', 'elastic-ip'], 'DeleteNatGateway'),
  'aws:ec2/vpcEndpoint:VpcEndpoint': () => [
    ...ec2('vpc-endpoint', 'CreateVpcEndpoint', ['vpc', 'route-table'], 'ModifyVpcEndpoint DeleteVpcEndpoints'),
    ['ec2:DescribePrefixLists', '*'],
  ],
  'aws:ec2/securityGroup:SecurityGroup': ({ inputs }) => [
    ...ec2('security-group', 'CreateSecurityGroup', [], 'AuthorizeSecurityGroupEgress DeleteSecurityGroup'),
    ...each('ec2', 'RevokeSecurityGroupEgress RevokeSecurityGroupIngress', arn('ec2', 'security-group/own'), OWN),
    ['ec2:CreateSecurityGroup', arn('ec2', `vpc/${String(inputs['vpcId'])}`), inputs['vpcId'] === THEIR_VPC ? {} : OWN],
    ['ec2:DescribeNetworkInterfaces', '*'],
  ],
  'aws:ec2/launchTemplate:LaunchTemplate': () => [
    ...ec2(
      ...(['launch-template', 'CreateLaunchTemplate', []] as const),
      'CreateLaunchTemplateVersion ModifyLaunchTemplate DeleteLaunchTemplate',
    ),
    ['ec2:DescribeLaunchTemplateVersions', '*'],
  ],
  'aws:iam/role:Role': ({ inputs }) => {
    const role = global('iam', `role/${String(inputs['name'])}`);
    return [
      ['iam:CreateRole', role, inputs['permissionsBoundary'] === undefined ? {} : BOUNDARY],
      ['iam:UpdateAssumeRolePolicy', role, inputs['permissionsBoundary'] === undefined ? {} : BOUNDARY],
      ...each('iam', 'GetRole DeleteRole UpdateRole TagRole UntagRole ListRolePolicies ListAttachedRolePolicies', role),
      ['iam:ListInstanceProfilesForRole', role],
    ];
  },
  'aws:iam/rolePolicy:RolePolicy': ({ inputs }) => {
    const role = global('iam', `role/${String(inputs['role'])}`);
    return [...each('iam', 'PutRolePolicy DeleteRolePolicy', role, BOUNDARY), ['iam:GetRolePolicy', role]];
  },
  'aws:iam/rolePolicyAttachment:RolePolicyAttachment': ({ inputs }) =>
    each('iam', 'AttachRolePolicy DetachRolePolicy', global('iam', `role/${String(inputs['role'])}`), {
      'iam:PolicyARN': String(inputs['policyArn']),
    }),
  'aws:iam/policy:Policy': ({ inputs }) =>
    each(
      ...([
        'iam',
        'CreatePolicy GetPolicy GetPolicyVersion ListPolicyVersions CreatePolicyVersion DeletePolicyVersion DeletePolicy TagPolicy',
      ] as const),
      global('iam', `policy/${String(inputs['name'])}`),
    ),
  'aws:iam/instanceProfile:InstanceProfile': ({ inputs }) => [
    ...each(
      'iam',
      'CreateInstanceProfile GetInstanceProfile AddRoleToInstanceProfile RemoveRoleFromInstanceProfile DeleteInstanceProfile TagInstanceProfile',
      global('iam', `instance-profile/${String(inputs['name'])}`),
    ),
    ['iam:PassRole', global('iam', `role/${String(inputs['role'])}`), { 'iam:PassedToService': 'ec2.amazonaws.com' }],
  ],
  'aws:iam/openIdConnectProvider:OpenIdConnectProvider': () =>
    each(
      'iam',
      'CreateOpenIDConnectProvider GetOpenIDConnectProvider DeleteOpenIDConnectProvider TagOpenIDConnectProvider',
      global('iam', `oidc-provider/oidc.eks.${REGION}.amazonaws.com/id/0123456789ABCDEF`),
    ),
  'aws:s3/bucket:Bucket': ({ inputs }) => [
    ...each(
      's3',
      'CreateBucket DeleteBucket ListBucket GetBucketLocation GetBucketAcl GetBucketCORS GetBucketWebsite GetBucketVersioning GetBucketLogging GetBucketRequestPayment GetBucketTagging PutBucketTagging GetBucketPolicy GetAccelerateConfiguration GetLifecycleConfiguration GetReplicationConfiguration GetEncryptionConfiguration GetBucketObjectLockConfiguration ListTagsForResource TagResource',
      bucketOf(String(inputs['bucket'])),
    ),
    ...each('s3', 'DeleteObject DeleteObjectVersion', `${bucketOf(String(inputs['bucket']))}/any`),
  ],
  ...Object.fromEntries(
    (
      [
        ['bucketVersioning:BucketVersioning', 'PutBucketVersioning GetBucketVersioning'],
        ['bucketPolicy:BucketPolicy', 'PutBucketPolicy GetBucketPolicy DeleteBucketPolicy'],
        ['bucketLogging:BucketLogging', 'PutBucketLogging GetBucketLogging'],
        ['bucketOwnershipControls:BucketOwnershipControls', 'PutBucketOwnershipControls GetBucketOwnershipControls'],
        ['bucketPublicAccessBlock:BucketPublicAccessBlock', 'PutBucketPublicAccessBlock GetBucketPublicAccessBlock'],
        [
          'bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration',
          'PutEncryptionConfiguration GetEncryptionConfiguration',
        ],
        [
          'bucketLifecycleConfiguration:BucketLifecycleConfiguration',
          'PutLifecycleConfiguration GetLifecycleConfiguration',
        ],
      ] as const
    ).map(([type, actions]) => [
      `aws:s3/${type}`,
      ({ inputs }: Recorded) => each('s3', actions, bucketOf(String(inputs['bucket']))),
    ]),
  ),
  'aws:s3/bucketObjectv2:BucketObjectv2': ({ inputs }) =>
    each(
      's3',
      'PutObject GetObject GetObjectTagging PutObjectTagging DeleteObject DeleteObjectVersion',
      `${bucketOf(String(inputs['bucket']))}/${String(inputs['key'])}`,
    ),
  'aws:sqs/queue:Queue': ({ inputs }) =>
    each(
      ...([
        'sqs',
        'CreateQueue GetQueueUrl GetQueueAttributes SetQueueAttributes ListQueueTags TagQueue DeleteQueue',
      ] as const),
      arn('sqs', String(inputs['name'])),
    ),
  'aws:sqs/queuePolicy:QueuePolicy': ({ inputs }) =>
    each(
      ...(['sqs', 'GetQueueAttributes SetQueueAttributes'] as const),
      arn('sqs', String(inputs['queueUrl']).split('/').at(-1) ?? ''),
    ),
  'aws:cloudwatch/eventRule:EventRule': ({ inputs }) =>
    each('events', `PutRule DescribeRule DeleteRule ${tagging}`, arn('events', `rule/${String(inputs['name'])}`)),
  'aws:cloudwatch/eventTarget:EventTarget': ({ inputs }) =>
    each('events', 'PutTargets ListTargetsByRule RemoveTargets', arn('events', `rule/${String(inputs['rule'])}`)),
  'aws:cloudwatch/logGroup:LogGroup': ({ inputs }) => [
    ...each(
      ...(['logs', `CreateLogGroup PutRetentionPolicy DeleteLogGroup ${tagging}`] as const),
      arn('logs', `log-group:${String(inputs['name'])}`),
    ),
    ['logs:DescribeLogGroups', '*'],
  ],
  'aws:cloudwatch/metricAlarm:MetricAlarm': ({ inputs }) =>
    each(
      ...(['cloudwatch', `PutMetricAlarm DescribeAlarms DeleteAlarms ${tagging}`] as const),
      arn('cloudwatch', `alarm:${String(inputs['name'])}`),
    ),
  'aws:cloudwatch/dashboard:Dashboard': ({ inputs }) =>
    each(
      ...(['cloudwatch', 'PutDashboard GetDashboard DeleteDashboards'] as const),
      global('cloudwatch', `dashboard/${String(inputs['dashboardName'])}`),
    ),
  'aws:sns/topic:Topic': ({ inputs }) =>
    each(
      ...(['sns', `CreateTopic GetTopicAttributes SetTopicAttributes DeleteTopic ${tagging}`] as const),
      arn('sns', String(inputs['name'])),
    ),
  'aws:sns/topicSubscription:TopicSubscription': ({ inputs }) =>
    each('sns', 'Subscribe Unsubscribe GetSubscriptionAttributes', String(inputs['topic'])),
  'aws:budgets/budget:Budget': ({ inputs }) =>
    each('budgets', `ModifyBudget ViewBudget ${tagging}`, global('budgets', `budget/${String(inputs['name'])}`)),
  'aws:lambda/function:Function': ({ inputs }) => {
    const fn = arn('lambda', `function:${String(inputs['name'])}`);
    return [
      ...each(
        'lambda',
        'CreateFunction GetFunction GetFunctionConfiguration GetFunctionCodeSigningConfig UpdateFunctionCode UpdateFunctionConfiguration PublishVersion ListVersionsByFunction PutFunctionConcurrency DeleteFunctionConcurrency DeleteFunction TagResource ListTags',
        fn,
      ),
      ['s3:GetObject', `${bucketOf(String(inputs['s3Bucket']))}/${String(inputs['s3Key'])}`],
      ['iam:PassRole', String(inputs['role']), { 'iam:PassedToService': 'lambda.amazonaws.com' }],
    ];
  },
  'aws:lambda/layerVersion:LayerVersion': ({ inputs }) => [
    ['lambda:PublishLayerVersion', arn('lambda', `layer:${String(inputs['layerName'])}`)],
    ...each('lambda', 'GetLayerVersion DeleteLayerVersion', arn('lambda', `layer:${String(inputs['layerName'])}:1`)),
  ],
  'aws:lambda/alias:Alias': ({ inputs }) =>
    each(
      ...(['lambda', 'CreateAlias GetAlias UpdateAlias DeleteAlias'] as const),
      arn('lambda', `function:${String(inputs['functionName'])}`),
    ),
  'aws:lambda/functionEventInvokeConfig:FunctionEventInvokeConfig': ({ inputs }) =>
    each(
      ...([
        'lambda',
        'PutFunctionEventInvokeConfig GetFunctionEventInvokeConfig DeleteFunctionEventInvokeConfig',
      ] as const),
      arn('lambda', `function:${String(inputs['functionName'])}:${String(inputs['qualifier'])}`),
    ),
  'aws:eks/cluster:Cluster': ({ inputs }) => [
    ['eks:CreateCluster', '*', NEW],
    ...each(
      ...([
        'eks',
        `DescribeCluster UpdateClusterConfig UpdateClusterVersion DescribeUpdate DeleteCluster ${tagging}`,
      ] as const),
      arn('eks', `cluster/${String(inputs['name'])}`),
    ),
    ['iam:PassRole', String(inputs['roleArn']), { 'iam:PassedToService': 'eks.amazonaws.com' }],
    [
      'iam:CreateServiceLinkedRole',
      global('iam', 'role/aws-service-role/eks.amazonaws.com/AWSServiceRoleForAmazonEKS'),
      { 'iam:AWSServiceName': 'eks.amazonaws.com' },
    ],
  ],
  'aws:eks/nodeGroup:NodeGroup': ({ inputs }) => [
    ['eks:CreateNodegroup', arn('eks', `cluster/${String(inputs['clusterName'])}`), NEW],
    ...each(
      'eks',
      `DescribeNodegroup UpdateNodegroupConfig UpdateNodegroupVersion DeleteNodegroup DescribeUpdate ${tagging}`,
      arn('eks', `nodegroup/${String(inputs['clusterName'])}/${String(inputs['nodeGroupName'])}/0a`),
    ),
    ...['instance/new', 'volume/new', 'network-interface/new', 'subnet/own', 'launch-template/own'].map(
      (resource): Request => [
        'ec2:RunInstances',
        arn('ec2', resource),
        { 'ec2:LaunchTemplate': arn('ec2', 'launch-template/own') },
      ],
    ),
    ['ec2:CreateTags', arn('ec2', 'instance/new'), { 'ec2:CreateAction': 'RunInstances' }],
    ['iam:PassRole', String(inputs['nodeRoleArn']), { 'iam:PassedToService': 'ec2.amazonaws.com' }],
  ],
  'aws:eks/addon:Addon': ({ inputs }) => [
    ['eks:CreateAddon', arn('eks', `cluster/${String(inputs['clusterName'])}`), NEW],
    ...each(
      'eks',
      `DescribeAddon UpdateAddon DeleteAddon DescribeUpdate ${tagging}`,
      arn('eks', `addon/${String(inputs['clusterName'])}/${String(inputs['addonName'])}/0a`),
    ),
  ],
  'aws:eks/podIdentityAssociation:PodIdentityAssociation': ({ inputs }) => [
    ...each(
      ...(['eks', 'CreatePodIdentityAssociation ListPodIdentityAssociations'] as const),
      arn('eks', `cluster/${String(inputs['clusterName'])}`),
    ),
    ...each(
      'eks',
      'DescribePodIdentityAssociation UpdatePodIdentityAssociation DeletePodIdentityAssociation TagResource',
      arn('eks', `podidentityassociation/${String(inputs['clusterName'])}/a-1`),
    ),
    ['iam:PassRole', String(inputs['roleArn']), { 'iam:PassedToService': 'pods.eks.amazonaws.com' }],
  ],
  'aws:ecr/repository:Repository': ({ inputs }) =>
    each(
      'ecr',
      `CreateRepository DescribeRepositories DeleteRepository ListImages BatchDeleteImage PutImageTagMutability PutImageScanningConfiguration ${tagging}`,
      arn('ecr', `repository/${String(inputs['name'])}`),
    ),
  'aws:ecr/lifecyclePolicy:LifecyclePolicy': ({ inputs }) =>
    each(
      ...(['ecr', 'PutLifecyclePolicy GetLifecyclePolicy DeleteLifecyclePolicy'] as const),
      arn('ecr', `repository/${String(inputs['repository'])}`),
    ),
  'docker-build:index:Image': ({ inputs }) => [
    ...each(
      'ecr',
      'BatchCheckLayerAvailability InitiateLayerUpload UploadLayerPart CompleteLayerUpload PutImage BatchGetImage GetDownloadUrlForLayer',
      arn('ecr', `repository/${/\.com\/(.+):/.exec(String((inputs['tags'] as string[])[0]))?.[1] ?? ''}`),
    ),
    ['ecr:GetAuthorizationToken', '*'],
  ],
};

/** Of the program's questions to AWS. */
const CALLS: Readonly<Record<string, readonly Request[]>> = {
  // Everybody may ask who they are.
  'aws:index/getCallerIdentity:getCallerIdentity': [],
  'aws:iam/getSessionContext:getSessionContext': [['iam:GetRole', global('iam', 'role/deployer')]],
  'aws:index/getAvailabilityZones:getAvailabilityZones': [['ec2:DescribeAvailabilityZones', '*']],
  'aws:ec2/getInstanceTypeOfferings:getInstanceTypeOfferings': [['ec2:DescribeInstanceTypeOfferings', '*']],
  'aws:s3/getBucket:getBucket': [],
  'aws:ssm/getParameter:getParameter': [
    [
      'ssm:GetParameter',
      `arn:aws:ssm:${REGION}::parameter/aws/service/canonical/ubuntu/server/24.04/stable/current/amd64/hvm/ebs-gp3/ami-id`,
    ],
  ],
  'aws:eks/getCluster:getCluster': [['eks:DescribeCluster', arn('eks', 'cluster/theirs')]],
  'aws:ecr/getAuthorizationToken:getAuthorizationToken': [['ecr:GetAuthorizationToken', '*']],
};

const THEIR_VPC = 'vpc-0123456789abcdef0';
const WAYS: Record<string, { run: Run['configuration']; deployment: Deployment }> = {
  'a new cluster': {
    run: {
      'spotlearn:natGateway': 'true',
      'spotlearn:alarmEmails': 'ops@example.org',
      'spotlearn:functionConcurrency': '5',
      'spotlearn:kmsKeyArn': KEY,
    },
    deployment: deploymentOf('spotlearn-dev', { kmsKeyArn: KEY }),
  },
  'no cluster': {
    run: { 'spotlearn:cluster': 'none' },
    deployment: deploymentOf('spotlearn-dev', { cluster: 'none' }),
  },
  'an existing cluster': {
    run: {
      'spotlearn:cluster': 'existing',
      'spotlearn:clusterName': 'theirs',
      'spotlearn:vpcId': THEIR_VPC,
      'spotlearn:subnetIds': 'subnet-0123456789abcdef0,subnet-0123456789abcdef1',
    },
    deployment: deploymentOf('spotlearn-dev', { cluster: 'existing', clusterName: 'theirs', vpcId: THEIR_VPC }),
  },
};

type Policies = Readonly<Record<string, PolicyDocument>>;
const allowed = (policies: Policies, [action, resource, context = {}]: Request): boolean =>
  runUnsafeSimulation(
    {
      identityPolicies: Object.entries(policies).map(([name, policy]) => ({ name, policy })),
      serviceControlPolicies: [],
      resourceControlPolicies: [],
      resourcePolicy: action.startsWith('kms:') ? named(KEY_POLICY) : undefined,
      request: {
        ...{ action, principal: global('iam', 'role/deployer') },
        resource: { resource, accountId: ACCOUNT_ID },
        contextVariables: { 'aws:RequestedRegion': REGION, ...(context as Record<string, string | string[]>) },
      },
    },
    {},
  ) === 'Allowed';

/** All that AWS is asked for when the program runs, each request once. */
async function requestsOf(configuration: Run['configuration']): Promise<Request[]> {
  const { resources, calls } = await programOf({ configuration: { ...configuration } });
  const found = resources
    .filter(({ type }) => /^(aws|docker-build):/.test(type))
    .flatMap((resource) => {
      const needs = NEEDS[resource.type];
      if (!needs) throw new Error(`nobody knows what ${resource.type} needs`);
      return needs(resource);
    });
  const asked = calls.flatMap(({ token }) => {
    const needs = CALLS[token];
    if (!needs) throw new Error(`nobody knows what ${token} needs`);
    return needs;
  });
  const all = [...found, ...asked, ...SOMETIMES, ...(configuration?.['spotlearn:kmsKeyArn'] ? WITH_KEY : [])];
  return [...new Map(all.map((request) => [told(request), request])).values()];
}
/** What no resource of these runs shows: a layer and a topic there may be, and what AWS makes by itself at an account's first Spot instance. */
const SOMETIMES: readonly Request[] = [
  ...each('lambda', 'GetLayerVersion DeleteLayerVersion', arn('lambda', 'layer:spotlearn-dev-onnxruntime:1')),
  ['lambda:PublishLayerVersion', arn('lambda', 'layer:spotlearn-dev-onnxruntime')],
  ['sns:CreateTopic', arn('sns', 'spotlearn-dev-alarms')],
  [
    'iam:CreateServiceLinkedRole',
    global('iam', 'role/aws-service-role/spot.amazonaws.com/AWSServiceRoleForEC2Spot'),
    { 'iam:AWSServiceName': 'spot.amazonaws.com' },
  ],
];
const WITH_KEY: readonly Request[] = [
  ['kms:DescribeKey', KEY],
  ...each('kms', 'GenerateDataKey Decrypt', KEY, { 'kms:ViaService': `s3.${REGION}.amazonaws.com` }),
  ['kms:CreateGrant', KEY, { 'kms:ViaService': `ecr.${REGION}.amazonaws.com` }],
];
const told = ([action, resource, context = {}]: Request) => `${action} ${resource} ${JSON.stringify(context)}`;

const role = (name: string) => global('iam', `role/${name}`);
const theirs = { [`aws:ResourceTag/${TAG.installation}`]: 'theirs' };
const BEYOND: Request[] = [
  ...each('iam', 'CreateRole PutRolePolicy UpdateAssumeRolePolicy', role('spotlearn-dev-operator')),
  ...each('iam', 'CreateRole PutRolePolicy AttachRolePolicy', role('spotlearn-dev-operator'), {
    'iam:PermissionsBoundary': global('iam', 'policy/none'),
  }),
  ...each('iam', 'CreateRole PutRolePolicy DeleteRole', role('admin'), BOUNDARY),
  ['iam:PutRolePolicy', role('spotlearn-dev-node'), BOUNDARY],
  [
    'iam:AttachRolePolicy',
    role('spotlearn-dev-node'),
    { 'iam:PolicyARN': 'arn:aws:iam::aws:policy/AdministratorAccess' },
  ],
  ['iam:DeleteRolePermissionsBoundary', role('spotlearn-dev-operator'), BOUNDARY],
  ['iam:PassRole', role('admin'), { 'iam:PassedToService': 'ec2.amazonaws.com' }],
  ['iam:PassRole', role('spotlearn-dev-operator'), { 'iam:PassedToService': 'ec2.amazonaws.com' }],
  ['iam:PassRole', role('spotlearn-dev-worker'), { 'iam:PassedToService': 'lambda.amazonaws.com' }],
  ['iam:PassRole', role('spotlearn-dev-handler'), { 'iam:PassedToService': 'ec2.amazonaws.com' }],
  ['iam:PassRole', role('spotlearn-dev-node'), { 'iam:PassedToService': 'lambda.amazonaws.com' }],
  ['iam:CreateUser', global('iam', 'user/mallory')],
  ['iam:CreateAccessKey', global('iam', 'user/admin')],
  ['iam:CreatePolicyVersion', global('iam', 'policy/theirs-boundary')],
  [
    'iam:CreateServiceLinkedRole',
    global('iam', 'role/aws-service-role/ssm.amazonaws.com/x'),
    { 'iam:AWSServiceName': 'ssm.amazonaws.com' },
  ],
  ['sts:AssumeRole', role('admin')],
  ...each('s3', 'DeleteBucket PutBucketPolicy ListBucket', bucketOf('theirs')),
  ['s3:GetObject', `${bucketOf(deploymentOf('spotlearn-dev').bucket)}/datasets/user_1/a.csv`],
  ['s3:PutObject', `${bucketOf(deploymentOf('spotlearn-dev').bucket)}/models/user_1/m/model.onnx`],
  ...each('ec2', 'DeleteVpc ModifyVpcAttribute', arn('ec2', 'vpc/theirs'), theirs),
  ['ec2:DeleteVpc', arn('ec2', 'vpc/untagged')],
  ['ec2:CreateVpc', arn('ec2', 'vpc/new')],
  ['ec2:CreateSubnet', arn('ec2', 'vpc/theirs'), theirs],
  ['ec2:CreateTags', arn('ec2', 'vpc/theirs'), { ...theirs, ...NEW }],
  ['ec2:CreateTags', arn('ec2', 'security-group/theirs'), { ...theirs, ...NEW }],
  ['ec2:CreateTags', arn('ec2', 'security-group/default'), {}],
  ['ec2:CreateTags', arn('ec2', 'subnet/untagged'), NEW],
  [
    'ec2:CreateTags',
    arn('ec2', 'vpc/new'),
    { [`aws:RequestTag/${TAG.installation}`]: 'theirs', 'ec2:CreateAction': 'CreateVpc' },
  ],
  ['ec2:CreateTags', arn('ec2', 'instance/old'), { 'ec2:CreateAction': 'CreateVpc' }],
  ['ec2:CreateTags', arn('ec2', 'instance/untagged'), NEW],
  ['ec2:AuthorizeSecurityGroupIngress', arn('ec2', 'security-group/theirs'), theirs],
  ['ec2:RunInstances', arn('ec2', 'instance/new')],
  ['ec2:TerminateInstances', arn('ec2', 'instance/own'), OWN],
  ['eks:CreateCluster', '*'],
  ['eks:DeleteCluster', arn('eks', 'cluster/theirs')],
  ['lambda:UpdateFunctionCode', arn('lambda', 'function:theirs')],
  ['sqs:DeleteQueue', arn('sqs', 'theirs-interruptions')],
  ['logs:DeleteLogGroup', arn('logs', 'log-group:/aws/cloudtrail')],
  ['events:PutRule', arn('events', 'rule/theirs')],
  ['kms:ScheduleKeyDeletion', KEY],
  ['kms:Decrypt', KEY],
  ['kms:Decrypt', KEY, { 'kms:ViaService': `secretsmanager.${REGION}.amazonaws.com` }],
  ['ssm:GetParameter', arn('ssm', 'parameter/secret')],
  ['ecr:DeleteRepository', arn('ecr', 'repository/theirs/bot')],
  ['budgets:ModifyBudget', global('budgets', 'budget/theirs')],
  ['organizations:LeaveOrganization', '*'],
];

describe('The rights of whoever runs pulumi up', () => {
  const seen = new Set<string>();
  for (const [way, { run, deployment }] of Object.entries(WAYS)) {
    const policies = deployerPolicies(deployment);
    let requests: Request[] = [];
    before(async () => {
      requests = await requestsOf(run);
    });

    it(`are enough for all that the program declares and asks with ${way}`, () => {
      expect(requests.filter((request) => !allowed(policies, request)).map(told)).to.deep.equal([]);
      expect(requests.length).to.be.above(100);
    });

    it(`fit into managed policies with ${way}, ten of which a role takes`, () => {
      expect(Object.keys(policies).length).to.be.at.most(10);
      for (const policy of Object.values(policies)) expect(JSON.stringify(policy).length).to.be.at.most(6_144);
    });

    const noticed = (name: string, changed: Statement, change: (statement: Statement) => Statement[]): boolean => {
      const statements =
        policies[name]?.Statement.flatMap((one) => (one.Sid === changed.Sid ? change(one) : [one])) ?? [];
      const others: Policies = { ...policies, [name]: { Version: '2012-10-17', Statement: statements } };
      const patterns = changed.Action.map((action) => new RegExp(`^${action.replaceAll('*', '.*')}$`));
      const concerns = ([action]: Request) => patterns.some((pattern) => pattern.test(action));
      return (
        requests.some((request) => concerns(request) && !allowed(others, request)) ||
        BEYOND.some((request) => concerns(request) && allowed(others, request))
      );
    };
    for (const [name, { Statement }] of Object.entries(policies))
      for (const statement of Statement) {
        const { Sid, Condition = {} } = statement;
        const known = JSON.stringify(statement);
        if (seen.has(known)) continue;
        seen.add(known);
        it(`name nothing in ${Sid} of ${name} that there is not, with ${way}`, async function () {
          this.timeout(60_000);
          expect(await dead(statement)).to.deep.equal([]);
        });
        it(`would not be the same without ${Sid} of ${name}, with ${way}`, () => {
          expect(noticed(name, statement, () => [])).to.equal(true);
        });
        for (const [operator, keys] of Object.entries(Condition))
          for (const key of Object.keys(keys))
            it(`would not be the same without the condition ${operator} ${key} of ${Sid} of ${name}, with ${way}`, () => {
              const { [key]: _, ...others } = keys;
              const change = (one: Statement) => [{ ...one, Condition: { ...Condition, [operator]: others } }];
              expect(noticed(name, statement, change)).to.equal(true);
            });
      }
  }

  for (const request of BEYOND)
    it(`do not reach to ${told(request)}`, () => {
      for (const { deployment } of Object.values(WAYS))
        expect(allowed(deployerPolicies(deployment), request)).to.equal(false);
    });
});
