// The whole program under mocks, once for each way to install: what must hold of all that it declares.
import { rmSync } from 'node:fs';
import { relative } from 'node:path';
import * as pulumi from '@pulumi/pulumi';
import { expect } from 'chai';
import { readConfiguration } from '../../cloud/configuration/configuration.ts';
import { TAG } from '../../cloud/tags.ts';
import { overlaps, contains } from '../../infra/cidr.ts';
import { NODE_TAG } from '../../infra/naming.ts';
import { ACCOUNT_ID, makeArtefacts, programOf, TOKEN, type Declared, type Recorded, type Run } from './mocks.ts';
import { digest, WAYS } from './ways.ts';

const of = ({ resources }: Declared, type: string): Recorded[] => resources.filter((one) => one.type === type);
const one = (declared: Declared, type: string, name?: string): Recorded => {
  const found = of(declared, type).filter((each) => name === undefined || each.name === name);
  expect(found, `${type} ${name}`).to.have.length(1);
  return found[0] as Recorded;
};
const get = (value: unknown, ...path: (string | number)[]): unknown =>
  path.reduce<unknown>((at, key) => (at as Record<string | number, unknown> | undefined)?.[key], value);

describe('The Pulumi program', () => {
  const declared: Record<string, Declared> = {};
  const way = (name: string): Declared => declared[name] as Declared;
  before(async function () {
    this.timeout(60_000);
    for (const [name, run] of Object.entries(WAYS)) declared[name] = await programOf(run);
  });

  for (const name of Object.keys(WAYS))
    describe(`with ${name}`, () => {
      it('gives operator and bot an environment that they take', () => {
        const { outputs } = way(name);
        const operator = readConfiguration('operator', outputs['operatorEnvironment'] as Record<string, string>);
        expect(operator.bucket).to.equal(outputs['bucket']);
        expect(operator.functionName).to.match(/-prediction:live$/);
        const bot = readConfiguration('bot', {
          ...(outputs['botEnvironment'] as Record<string, string>),
          TELEGRAM_TOKEN: TOKEN,
        });
        expect(bot.region).to.equal('eu-central-1');
        expect(operator.workerContainerImage === undefined).to.equal(name === 'no cluster');
      });

      it('names every child after its component and hangs it below', () => {
        const components = new Map(
          way(name)
            .resources.filter(({ type }) => type.startsWith('spotlearn:'))
            .map((each) => [each.urn, each]),
        );
        for (const each of way(name).resources) {
          if (each.type.startsWith('spotlearn:') || each.type.startsWith('pulumi:')) continue;
          let parent = each.parent;
          while (parent && !components.has(parent))
            parent = way(name).resources.find(({ urn }) => urn === parent)?.parent;
          expect(parent, `${each.type} ${each.name} hangs below no component`).to.be.a('string');
          const component = components.get(parent ?? '')?.name ?? '?';
          if (each.type.startsWith('aws:')) expect(each.name).to.match(new RegExp(`^${component}(-|$)`));
        }
      });

      it('tags everything: by the provider, and explicitly what a template or group makes later', () => {
        const tags = { [TAG.installation]: way(name).outputs['installation'], 'spotlearn:made-by': 'pulumi' };
        const provider = one(way(name), 'pulumi:providers:aws');
        expect(JSON.parse(String(provider.inputs['defaultTags']))).to.deep.equal({ tags });
        for (const each of way(name).resources.filter(({ type }) => type.startsWith('aws:')))
          expect(each.provider, `${each.type} ${each.name}`).to.include('pulumi:providers:aws::aws::');
        const template = one(way(name), 'aws:ec2/launchTemplate:LaunchTemplate', 'spot-worker');
        const specifications = template.inputs['tagSpecifications'] as { resourceType: string; tags: object }[];
        expect(specifications.map(({ resourceType }) => resourceType)).to.include.members(['instance', 'volume']);
        for (const specification of specifications) expect(specification.tags).to.deep.equal(tags);
      });

      it('gives no node of a cluster the tag by which the operator ends its workers', () => {
        const nodes = of(way(name), 'aws:ec2/launchTemplate:LaunchTemplate').filter(
          (each) => each.name !== 'spot-worker',
        );
        expect(nodes).to.have.length(name === 'a new cluster' || name === 'all options' ? 2 : 0);
        for (const { inputs } of nodes)
          for (const { tags } of inputs['tagSpecifications'] as { tags: Record<string, string> }[]) {
            expect(tags).not.to.have.property(TAG.installation);
            expect(tags[NODE_TAG]).to.equal(way(name).outputs['installation']);
          }
      });

      it('keeps the token a secret: in one Secret, marked, and nowhere else', () => {
        for (const each of way(name).resources) {
          if (!JSON.stringify(each.inputs).includes(TOKEN)) continue;
          expect(each.type).to.equal('kubernetes:core/v1:Secret');
          expect(each.secrets.some((path) => path.startsWith('stringData'))).to.equal(true);
        }
        expect(JSON.stringify(way(name).outputs)).not.to.include(TOKEN);
        expect(of(way(name), 'kubernetes:core/v1:Secret')).to.have.length(name === 'no cluster' ? 0 : 1);
      });

      it('closes the buckets: private, encrypted, owned, over TLS, versioned, with an end for everything', () => {
        const buckets = of(way(name), 'aws:s3/bucket:Bucket');
        expect(buckets).to.have.length(2);
        for (const bucket of buckets) {
          const child = (type: string) => one(way(name), `aws:s3/${type}`, bucket.name).inputs;
          const block = child('bucketPublicAccessBlock:BucketPublicAccessBlock');
          for (const key of ['blockPublicAcls', 'blockPublicPolicy', 'ignorePublicAcls', 'restrictPublicBuckets'])
            expect(block[key]).to.equal(true);
          expect(get(child('bucketOwnershipControls:BucketOwnershipControls'), 'rule', 'objectOwnership')).to.equal(
            'BucketOwnerEnforced',
          );
          const policy = String(child('bucketPolicy:BucketPolicy')['policy']);
          expect(policy).to.include('aws:SecureTransport');
          const rule = get(
            child('bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration'),
            ...['rules', 0],
          );
          const algorithm = get(rule, 'applyServerSideEncryptionByDefault', 'sseAlgorithm');
          const withKey = name === 'all options' && bucket.name === 'storage-data';
          expect(algorithm).to.equal(withKey ? 'aws:kms' : 'AES256');
          expect(get(rule, 'bucketKeyEnabled')).to.equal(withKey ? true : undefined);
        }
        const rules = one(way(name), 'aws:s3/bucketLifecycleConfiguration:BucketLifecycleConfiguration', 'storage-data')
          .inputs['rules'] as { id: string }[];
        expect(rules.map(({ id }) => id)).to.have.members([
          ...['datasets', 'models', 'instances', 'batches', 'exports', 'uploads', 'old-versions'],
        ]);
        expect(JSON.stringify(rules)).to.include('GLACIER_IR');
        expect(one(way(name), 'aws:s3/bucketVersioning:BucketVersioning').inputs).to.have.nested.property(
          'versioningConfiguration.status',
          'Enabled',
        );
        expect(one(way(name), 'aws:s3/bucketLogging:BucketLogging').inputs['targetBucket']).to.equal(
          `${String(way(name).outputs['bucket'])}-log`,
        );
      });

      it('keeps the data when the stack goes, unless told otherwise', () => {
        const kept = name !== 'all options';
        const bucket = one(way(name), 'aws:s3/bucket:Bucket', 'storage-data');
        expect(bucket.retain).to.equal(kept);
        expect(bucket.inputs['forceDestroy']).to.equal(!kept);
        expect(one(way(name), 'aws:s3/bucket:Bucket', 'storage-log').retain).to.equal(false);
        const retained = way(name).resources.filter(({ retain }) => retain);
        for (const each of retained) expect(each.type).to.match(/^aws:s3\//);
      });

      it('gives each role what it may do, who may act as it, and the fence', () => {
        const roles = of(way(name), 'aws:iam/role:Role').filter((each) => each.name.startsWith('roles-'));
        expect(roles.map((each) => each.name)).to.have.members([
          ...['roles-operator', 'roles-bot', 'roles-worker', 'roles-handler'],
        ]);
        for (const role of roles)
          expect(role.inputs['permissionsBoundary']).to.match(/:policy\/spotlearn-(dev|prod)-boundary$/);
        expect(of(way(name), 'aws:iam/rolePolicy:RolePolicy')).to.have.length(4);
        const trust = String(roles.find((each) => each.name === 'roles-operator')?.inputs['assumeRolePolicy']);
        if (name === 'no cluster') expect(trust).to.include(`arn:aws:iam::${ACCOUNT_ID}:role/deployer`);
        else expect(trust).to.include('pods.eks.amazonaws.com').and.to.include('kubernetes-service-account');
        const associations = of(way(name), 'aws:eks/podIdentityAssociation:PodIdentityAssociation');
        expect(associations.map(({ inputs }) => inputs['serviceAccount'])).to.have.members(
          name === 'no cluster' ? [] : ['spotlearn-operator', 'spotlearn-bot'],
        );
      });

      it('lets nothing in to the workers, and starts them as decision 2 says', () => {
        const group = one(way(name), 'aws:ec2/securityGroup:SecurityGroup');
        expect(group.inputs['ingress']).to.deep.equal([]);
        const { inputs } = one(way(name), 'aws:ec2/launchTemplate:LaunchTemplate', 'spot-worker');
        expect(inputs['instanceInitiatedShutdownBehavior']).to.equal('terminate');
        expect(get(inputs, 'metadataOptions', 'httpTokens')).to.equal('required');
        expect(get(inputs, 'blockDeviceMappings', 0, 'ebs', 'encrypted')).to.equal('true');
        const script = Buffer.from(String(inputs['userData']), 'base64').toString();
        expect(script)
          .to.include(String(way(name).outputs['bucket']))
          .and.to.match(/AROA[A-Z0-9]+/);
        expect(inputs['imageId']).to.match(/^ami-/);
        expect(inputs).not.to.have.property('keyName');
      });

      it('brings notices from EC2 to the queue, and nobody else’s', () => {
        const queue = one(way(name), 'aws:sqs/queue:Queue', 'interruptions');
        const redrive = JSON.parse(String(queue.inputs['redrivePolicy'])) as Record<string, unknown>;
        expect(redrive['deadLetterTargetArn']).to.match(/-dead-letters$/);
        const rules = of(way(name), 'aws:cloudwatch/eventRule:EventRule');
        expect(
          rules.map(({ inputs }) => get(JSON.parse(String(inputs['eventPattern'])), 'detail-type', 0)),
        ).to.have.members([
          'EC2 Spot Instance Interruption Warning',
          'EC2 Instance Rebalance Recommendation',
          'EC2 Instance State-change Notification',
        ]);
        for (const target of of(way(name), 'aws:cloudwatch/eventTarget:EventTarget'))
          expect(target.inputs['arn']).to.match(/-interruptions$/);
        expect(String(one(way(name), 'aws:sqs/queuePolicy:QueuePolicy').inputs['policy'])).to.include(':rule/');
      });

      it('serves the function behind an alias, by content, and leaves retries to the operator', () => {
        const fn = one(way(name), 'aws:lambda/function:Function').inputs;
        expect(fn['publish']).to.equal(true);
        expect(fn['s3Key']).to.match(/^artefacts\/lambda\/[0-9a-f]{64}\.zip$/);
        expect(fn['architectures']).to.deep.equal([name === 'all options' ? 'x86_64' : 'arm64']);
        expect(one(way(name), 'aws:lambda/alias:Alias').inputs['functionVersion']).to.equal('1');
        const events = one(way(name), 'aws:lambda/functionEventInvokeConfig:FunctionEventInvokeConfig').inputs;
        expect(events['maximumRetryAttempts']).to.equal(0);
        expect(events['qualifier']).to.equal('live');
      });

      it('ends every log', () => {
        const groups = of(way(name), 'aws:cloudwatch/logGroup:LogGroup');
        expect(groups.length).to.be.at.least(2);
        for (const { inputs } of groups) expect(inputs['retentionInDays']).to.equal(30);
      });
    });

  it('cuts a new network into zones that do not overlap, open outwards, closed inwards, with a free way to S3', () => {
    for (const name of ['a new cluster', 'no cluster', 'all options']) {
      const vpc = one(way(name), 'aws:ec2/vpc:Vpc').inputs;
      const subnets = of(way(name), 'aws:ec2/subnet:Subnet').map(({ inputs }) => inputs);
      const blocks = subnets.map((inputs) => String(inputs['cidrBlock']));
      expect(blocks).to.have.length(name === 'all options' ? 4 : 3);
      for (const [index, block] of blocks.entries()) {
        expect(contains(String(vpc['cidrBlock']), block)).to.equal(true);
        for (const other of blocks.slice(index + 1)) expect(overlaps(block, other)).to.equal(false);
      }
      expect(one(way(name), 'aws:ec2/vpcEndpoint:VpcEndpoint').inputs['vpcEndpointType']).to.equal('Gateway');
      expect(one(way(name), 'aws:ec2/defaultSecurityGroup:DefaultSecurityGroup').inputs['ingress']).to.deep.equal([]);
    }
    expect(of(way('a new cluster'), 'aws:ec2/natGateway:NatGateway')).to.have.length(0);
    expect(of(way('all options'), 'aws:ec2/natGateway:NatGateway')).to.have.length(1);
    const used = way('all options').outputs['subnetIds'] as string[];
    for (const { id, inputs } of of(way('all options'), 'aws:ec2/subnet:Subnet'))
      expect(used.includes(id)).to.equal(inputs['mapPublicIpOnLaunch'] === false);
    expect(of(way('an existing cluster'), 'aws:ec2/vpc:Vpc')).to.have.length(0);
    expect(way('an existing cluster').outputs['subnetIds']).to.have.length(2);
  });

  it('builds a small cluster of its parts, and none where one is', () => {
    const declaredNew = way('a new cluster');
    const cluster = one(declaredNew, 'aws:eks/cluster:Cluster').inputs;
    expect(get(cluster, 'accessConfig', 'authenticationMode')).to.equal('API');
    expect(get(cluster, 'upgradePolicy', 'supportType')).to.equal('STANDARD');
    const groups = of(declaredNew, 'aws:eks/nodeGroup:NodeGroup').map(({ inputs }) => inputs);
    expect(groups.map((inputs) => inputs['capacityType'])).to.have.members(['ON_DEMAND', 'SPOT']);
    for (const inputs of groups) expect(inputs['amiType']).to.equal('AL2023_ARM_64_STANDARD');
    expect(of(declaredNew, 'aws:eks/addon:Addon').map(({ inputs }) => inputs['addonName'])).to.have.members([
      ...['vpc-cni', 'kube-proxy', 'coredns', 'eks-pod-identity-agent'],
    ]);
    expect(of(way('all options'), 'aws:eks/nodeGroup:NodeGroup')[0]?.inputs['amiType']).to.equal(
      'AL2023_x86_64_STANDARD',
    );
    for (const name of ['no cluster', 'an existing cluster'])
      expect(way(name).resources.filter(({ type }) => /^aws:eks\/(cluster|nodeGroup)/.test(type))).to.deep.equal([]);
    const kubeconfig = of(declaredNew, 'pulumi:providers:kubernetes')[0];
    expect(kubeconfig?.secrets).to.include('kubeconfig');
    expect(String(kubeconfig?.inputs['kubeconfig'])).not.to.match(/"token"/);
  });

  it('runs two operators and one bot, on nothing but what they need, and none while it is paused', async () => {
    const replicas = (declared: Declared) =>
      of(declared, 'kubernetes:apps/v1:Deployment').map(
        ({ name, inputs }) => `${name} ${String(get(inputs, 'spec', 'replicas'))}`,
      );
    expect(replicas(way('a new cluster'))).to.have.members([
      ...['deployment-spotlearn-operator 2', 'deployment-spotlearn-bot 1'],
    ]);
    const paused = await programOf({ configuration: { 'spotlearn:paused': 'true' } });
    expect(replicas(paused)).to.have.members(['deployment-spotlearn-operator 0', 'deployment-spotlearn-bot 0']);
    for (const { inputs } of of(way('a new cluster'), 'kubernetes:apps/v1:Deployment')) {
      const pod = get(inputs, 'spec', 'template', 'spec') as { containers: Record<string, unknown>[] };
      expect(get(pod, 'securityContext', 'runAsNonRoot')).to.equal(true);
      for (const container of pod.containers) {
        expect(container['securityContext']).to.deep.equal({
          allowPrivilegeEscalation: false,
          readOnlyRootFilesystem: true,
          capabilities: { drop: ['ALL'] },
        });
        for (const probe of ['startupProbe', 'livenessProbe', 'readinessProbe'])
          expect(container).to.have.property(probe);
        expect(get(container, 'resources', 'limits', 'memory')).to.match(/^\d+Mi$/);
        expect(container['image']).to.match(/@sha256:/);
      }
    }
  });

  it('lets a destroy end the bot first, then the operator, then what they stand on', () => {
    const { resources } = way('a new cluster');
    const named = (name: string) => resources.find((each) => each.name === name) as Recorded;
    const [operator, bot] = [named('deployment-spotlearn-operator'), named('deployment-spotlearn-bot')];
    expect(bot.dependsOn).to.include(operator.urn);
    const definitions = of(way('a new cluster'), 'kubernetes:apiextensions.k8s.io/v1:CustomResourceDefinition');
    expect(definitions).to.have.length(3);
    for (const definition of definitions) {
      expect(operator.dependsOn).to.include(definition.urn);
      expect(definition.protect).to.equal(true);
    }
    expect(operator.dependsOn).to.include(named('clusterrole-spotlearn-operator').urn);
  });

  it('builds images once for each content, and takes those that are given', () => {
    const images = of(way('a new cluster'), 'docker-build:index:Image');
    expect(images).to.have.length(4);
    for (const { inputs, secrets } of images) {
      expect(inputs['platforms']).to.deep.equal(['linux/amd64', 'linux/arm64']);
      expect((inputs['tags'] as string[])[0]).to.match(/:[0-9a-f]{16}$/);
      expect(secrets).to.include('registries[0].password');
    }
    expect(of(way('no cluster'), 'docker-build:index:Image')).to.have.length(0);
    expect(of(way('an existing cluster'), 'aws:ecr/repository:Repository')).to.have.length(0);
    const environment = way('an existing cluster').outputs['operatorEnvironment'] as Record<string, string>;
    expect(environment['SPOTLEARN_WORKER_CONTAINER_IMAGE']).to.equal(`registry.example/worker@${digest}`);
  });

  it('warns people where people are named', () => {
    const all = way('all options');
    expect(of(all, 'aws:sns/topicSubscription:TopicSubscription')).to.have.length(2);
    expect(one(all, 'aws:budgets/budget:Budget').inputs['notifications']).to.have.length(3);
    for (const { inputs } of of(all, 'aws:cloudwatch/metricAlarm:MetricAlarm'))
      expect(inputs['alarmActions']).to.have.length(1);
    expect(one(way('no cluster'), 'aws:budgets/budget:Budget').inputs['notifications'] ?? []).to.have.length(0);
  });

  it('has stable names: a second run declares the same', async () => {
    const again = await programOf(WAYS['a new cluster']);
    const names = ({ resources }: Declared) =>
      resources.map(({ type, name, inputs }) => `${type} ${name} ${JSON.stringify(inputs['name'])}`).sort();
    expect(names(again)).to.deep.equal(names(way('a new cluster')));
  });

  it('finds what is uploaded from the repository’s root, wherever Pulumi runs it', async () => {
    const folder = makeArtefacts();
    try {
      const configuration = { 'spotlearn:artefacts': relative(process.cwd(), folder), 'spotlearn:cluster': 'none' };
      expect(of(await programOf({ configuration }), 'aws:s3/bucketObjectv2:BucketObjectv2')).to.have.length(5);
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  });

  it('lets two stacks live in one account: no name in common', () => {
    const names = (name: string) =>
      way(name)
        .resources.filter(({ type }) => type.startsWith('aws:'))
        .flatMap(({ type, inputs }) =>
          ['name', 'bucket', 'layerName', 'dashboardName']
            .filter((key) => typeof inputs[key] === 'string')
            // These are names within their parent.
            .filter(
              () =>
                !/rolePolicy|alias|addon|bucket(?!:Bucket)|Object|nodeGroup|Ownership/i.test(type.split('/')[1] ?? ''),
            )
            .map((key) => `${type} ${key} ${String(inputs[key])}`),
        );
    const ours = names('a new cluster');
    expect(ours.length).to.be.above(20);
    const theirs = new Set(names('all options'));
    expect(ours.filter((name) => theirs.has(name))).to.deep.equal([]);
  });

  it('refuses, before it makes anything, what it can know beforehand', async () => {
    const refused = async (run: Run): Promise<string> => {
      try {
        await programOf(run);
      } catch (error) {
        expect(error).to.be.instanceOf(pulumi.RunError);
        return (error as Error).message;
      }
      return 'nothing';
    };
    const answers = {
      'aws:index/getAvailabilityZones:getAvailabilityZones': () => ({ names: ['eu-central-1a'] }),
      'aws:ec2/getInstanceTypeOfferings:getInstanceTypeOfferings': () => ({ instanceTypes: [] }),
      'aws:s3/getBucket:getBucket': () => {
        throw new Error('reading S3 Bucket: operation error S3: HeadBucket, https response error StatusCode: 403');
      },
    };
    const said = await refused({ answers });
    expect(said).to.include('one zone').and.to.include('does not offer').and.to.include('belongs to another account');
    expect(await refused({ configuration: { 'spotlearn:artefacts': 'nowhere' } })).to.include('npm run package');
    expect(await refused({ configuration: { 'spotlearn:zones': 'many' } })).to.include('spotlearn:zones is "many"');
  });
});
