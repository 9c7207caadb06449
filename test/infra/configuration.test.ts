import { expect } from 'chai';
import { readSettings, SettingsError } from '../../infra/configuration.ts';
import { KEYS, type Key, type KeyName } from '../../infra/keys.ts';

const TOKEN = '123456789:AAExampleExampleExampleExample';
const good = { 'aws:region': 'eu-central-1', 'spotlearn:telegramToken': TOKEN };
const read = (more: Record<string, string> = {}) => readSettings({ ...good, ...more }, 'dev');
const problems = (more: Record<string, string>, base: Record<string, string> = good): readonly string[] => {
  try {
    readSettings({ ...base, ...more }, 'dev');
  } catch (error) {
    if (error instanceof SettingsError) return error.problems;
    throw error;
  }
  return [];
};

/** For every key a value that is wrong; a new key without one fails the test below. */
const WRONG: Record<KeyName, string> = {
  name: 'Spot Learn',
  cluster: 'maybe',
  clusterName: '-no',
  kubernetesVersion: 'newest',
  nodeTypes: 't4g.small,huge',
  clusterAccessCidrs: '10.0.0.0',
  vpcId: 'vpc-xyz',
  subnetIds: 'subnet-0123456789abcdef0,none',
  cidr: '10.0.0.0/8',
  zones: '1',
  natGateway: 'yes',
  paused: 'no',
  bucket: 'My_Bucket',
  protectData: '1',
  datasetDays: '0',
  modelColdDays: '1.5',
  modelDays: 'ninety',
  oldVersionDays: '4000',
  kmsKeyArn: 'alias/mine',
  accessLogging: 'on',
  logRetentionDays: '31',
  deployers: 'me',
  imageId: 'ubuntu',
  imageArm64Id: 'ami-',
  volumeGib: '4',
  defaultInstanceType: 'large',
  spotMaxPriceUsd: '-1',
  functionMemoryMib: '64',
  functionTimeoutSeconds: '901',
  functionArchitecture: 'amd64',
  functionConcurrency: '0',
  maxTrainingCostUsd: 'ten',
  maxPredictionCostUsd: '-1',
  monthlyBudgetUsd: '1e9',
  warnPercent: '101',
  awsBudgetUsd: '-5',
  alarmEmails: 'ops',
  accountPolicy: 'closed',
  allowedUsers: '@somebody',
  adminUsers: '@somebody',
  telegramToken: 'not-a-token-but-secret',
  cloudEnabled: 'True',
  logLevel: 'loud',
  assumers: 'arn:aws:s3:::bucket',
  operatorImage: 'operator:latest',
  botImage: 'bot',
  workerImage: 'worker@sha256:12',
  predictionImage: 'prediction:1',
  artefacts: '',
};

describe('The configuration of a stack', () => {
  it('needs no more than a region and a token, and is typed', () => {
    const settings = read();
    expect(settings.name).to.equal('spotlearn-dev');
    expect(settings.cluster).to.equal('new');
    expect(settings.nodeTypes).to.deep.equal(['t4g.small', 't4g.medium']);
    expect(settings.subnetIds).to.deep.equal([]);
    expect(settings.natGateway).to.equal(false);
    expect(settings.kmsKeyArn).to.equal(undefined);
    expect(settings.functionMemoryMib).to.equal(1769);
    expect(settings).not.to.have.property('telegramToken');
  });

  for (const [name, value] of Object.entries(WRONG).filter(([, one]) => one !== ''))
    it(`says in one sentence what is wrong with ${name} ${name === 'telegramToken' ? '(without the secret)' : JSON.stringify(value)}`, () => {
      const found = problems({ [`spotlearn:${name}`]: value });
      expect(found).to.have.length(1);
      expect(found[0]).to.match(new RegExp(`^spotlearn:${name} (is|has) .+; allowed: .+`));
      const key = KEYS[name as KeyName] as Key;
      if (key.kind === 'secret') expect(found[0]).not.to.include(value);
      else if (key.kind === 'list') expect(found[0]).to.include(JSON.stringify(value.split(',').at(-1)));
      else expect(found[0]).to.include(JSON.stringify(value));
    });

  it('names all that is wrong at once', () => {
    const found = problems({ 'spotlearn:zones': '9', 'spotlearn:cluster': 'maybe', 'spotlearn:colour': 'red' }, {});
    expect(found.map((problem) => problem.split(' ')[0])).to.have.members([
      'aws:region',
      'spotlearn:cluster',
      'spotlearn:zones',
      'spotlearn:colour',
    ]);
    expect(() => readSettings({}, 'dev')).to.throw(SettingsError, 'Pulumi.dev.yaml describes every key');
  });

  it('refuses a region that is none, and leaves other providers’ keys to them', () => {
    expect(problems({ 'aws:region': 'Frankfurt' })[0]).to.match(/^aws:region is "Frankfurt"; allowed/);
    expect(problems({ 'aws:profile': 'mine', 'kubernetes:context': 'x' })).to.deep.equal([]);
  });

  it('refuses a name made of a stack’s that is none', () => {
    expect(() => readSettings(good, 'Über_Stack')).to.throw(SettingsError, 'spotlearn:name is "spotlearn-Über_Stack"');
  });

  it('takes lists as JSON, as pulumi config set --path writes them', () => {
    expect(read({ 'spotlearn:nodeTypes': '["m7g.large","m6g.large"]' }).nodeTypes).to.deep.equal([
      'm7g.large',
      'm6g.large',
    ]);
    expect(problems({ 'spotlearn:nodeTypes': '[not json' })).to.have.length(1);
    expect(problems({ 'spotlearn:nodeTypes': '["a"' })).to.have.length(1);
  });

  const subnets = 'subnet-0123456789abcdef0,subnet-0123456789abcdef1';
  const key = 'arn:aws:kms:us-east-1:123456789012:key/01234567-89ab-cdef-0123-456789abcdef';
  const TOGETHER: [string, Record<string, string>, string][] = [
    ['an existing cluster without its name', { 'spotlearn:cluster': 'existing' }, 'clusterName is missing'],
    ['a name for a new cluster', { 'spotlearn:clusterName': 'mine' }, 'clusterName is "mine", but cluster is new'],
    ['a VPC without subnets', { 'spotlearn:vpcId': 'vpc-0123456789abcdef0' }, 'belong together'],
    ['subnets without a VPC', { 'spotlearn:subnetIds': subnets }, 'belong together'],
    [
      'one subnet for EKS',
      { 'spotlearn:vpcId': 'vpc-0123456789abcdef0', 'spotlearn:subnetIds': 'subnet-0123456789abcdef0' },
      'one subnet',
    ],
    [
      'a NAT gateway in a network that is there',
      {
        'spotlearn:vpcId': 'vpc-0123456789abcdef0',
        'spotlearn:subnetIds': subnets,
        'spotlearn:natGateway': 'true',
      },
      'natGateway is true',
    ],
    ['models that are gone before they are cold', { 'spotlearn:modelColdDays': '180' }, 'modelColdDays is 180'],
    ['approval by nobody', { 'spotlearn:accountPolicy': 'approval' }, 'adminUsers is missing'],
    ['an allow list of nobody', { 'spotlearn:accountPolicy': 'allowlist' }, 'allowedUsers is missing'],
    ['a KMS key of another region', { 'spotlearn:kmsKeyArn': key }, 'kmsKeyArn is in us-east-1'],
    ['a budget that nobody hears of', { 'spotlearn:awsBudgetUsd': '50' }, 'alarmEmails is missing'],
  ];
  for (const [what, more, sentence] of TOGETHER)
    it(`refuses ${what}`, () => {
      const found = problems(more);
      expect(found).to.have.length(1);
      expect(found[0]).to.include(sentence);
    });

  it('wants a token wherever a bot runs, and none where it is started by hand', () => {
    const without = { 'aws:region': 'eu-central-1' };
    expect(problems({}, without)[0]).to.match(/^spotlearn:telegramToken is missing: .+pulumi config set --secret/);
    expect(problems({ 'spotlearn:cluster': 'none' }, without)).to.deep.equal([]);
  });

  it('explains every key and gives an example that passes', () => {
    for (const [name, definition] of Object.entries(KEYS) as [KeyName, Key][]) {
      expect(definition.about, name).to.match(/\.$/);
      if (definition.example === '') continue;
      const needed = { 'spotlearn:cluster': name === 'clusterName' ? 'existing' : 'new' };
      const found = problems({ ...needed, [`spotlearn:${name}`]: definition.example }).filter((problem) =>
        problem.startsWith(`spotlearn:${name} `),
      );
      expect(
        found.filter((problem) => !/belong together|is missing/.test(problem)),
        name,
      ).to.deep.equal([]);
    }
  });
});
