// STS: who am I, and sessions of a role, against ours, moto and ministack.
import { AssumeRoleCommand, GetCallerIdentityCommand, STSClient } from '@aws-sdk/client-sts';
import { expect } from 'chai';
import { type Case, describeContract, refusal } from './oracles.ts';

const ROLE = 'arn:aws:iam::000000000000:role/contract';

const CASES: Case[] = [
  {
    title: 'names the account of the caller',
    run: async (subject) => {
      const { Account, Arn, UserId } = await new STSClient(subject.client).send(new GetCallerIdentityCommand({}));
      expect(Account).to.match(/^\d{12}$/);
      expect(Arn).to.include(`::${Account ?? ''}:`);
      expect(UserId).to.be.a('string').and.not.equal('');
    },
  },
  {
    title: 'gives credentials of a role session that know who they are',
    run: async (subject) => {
      const sts = new STSClient(subject.client);
      const { Credentials, AssumedRoleUser } = await sts.send(
        new AssumeRoleCommand({ RoleArn: ROLE, RoleSessionName: 'night', DurationSeconds: 900 }),
      );
      expect(Credentials?.AccessKeyId).to.match(/^ASIA/);
      expect(AssumedRoleUser?.AssumedRoleId).to.match(/^AROA[A-Z0-9]+:night$/);
      expect(AssumedRoleUser?.Arn).to.match(/^arn:aws:sts::\d{12}:assumed-role\/contract\/night$/);
      const left = (Credentials?.Expiration?.getTime() ?? 0) - Date.now();
      expect(left).to.be.within(800_000, 901_000);
      const credentials = {
        accessKeyId: Credentials?.AccessKeyId ?? '',
        secretAccessKey: Credentials?.SecretAccessKey ?? '',
        sessionToken: Credentials?.SessionToken,
      };
      const who = await new STSClient({ ...subject.client, credentials }).send(new GetCallerIdentityCommand({}));
      expect([who.Arn, who.UserId]).to.deep.equal([AssumedRoleUser?.Arn, AssumedRoleUser?.AssumedRoleId]);
    },
  },
  {
    title: 'refuses a session shorter than 15 minutes',
    run: async (subject) => {
      const made = new STSClient(subject.client).send(
        new AssumeRoleCommand({ RoleArn: ROLE, RoleSessionName: 'night', DurationSeconds: 60 }),
      );
      expect(await refusal(made)).to.deep.equal(['ValidationError', 400]);
    },
  },
  {
    title: 'refuses a session name with blanks',
    run: async (subject) => {
      const made = new STSClient(subject.client).send(new AssumeRoleCommand({ RoleArn: ROLE, RoleSessionName: 'a b' }));
      expect(await refusal(made)).to.deep.equal(['ValidationError', 400]);
    },
  },
  {
    title: 'refuses a wrong secret',
    run: async (subject) => {
      const credentials = { ...subject.client.credentials, secretAccessKey: 'guess' };
      const asked = new STSClient({ ...subject.client, credentials }).send(new GetCallerIdentityCommand({}));
      expect(await refusal(asked)).to.deep.equal(['SignatureDoesNotMatch', 403]);
    },
  },
];

const DEVIATIONS = {
  moto: {
    'gives credentials of a role session that know who they are': 'makes up another role id each time',
    'refuses a session shorter than 15 minutes': 'any duration goes',
    'refuses a session name with blanks': 'any name goes',
    'refuses a wrong secret': 'signatures are not verified',
  },
  ministack: {
    'refuses a session shorter than 15 minutes': 'any duration goes',
    'refuses a session name with blanks': 'any name goes',
    'refuses a wrong secret': 'STS does not verify signatures',
  },
};

describeContract('STS', DEVIATIONS, CASES);
