import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { expect } from 'chai';
import { readConfiguration } from '../../cloud/configuration/configuration.ts';
import { FIELDS, type Field } from '../../cloud/configuration/fields.ts';
import { ConfigurationError } from '../../cloud/errors.ts';

const root = new URL('../../', import.meta.url);
const fields = Object.values(FIELDS) as Field[];
const complete = Object.fromEntries(
  fields
    .filter((field) => field.default === undefined && !field.optional)
    .map((field) => [field.env, field.kind === 'secret' ? '123:abcdefghijklmnopqrstuvwxyz' : field.example]),
);

describe('The configuration', () => {
  it('is read from a complete environment, with defaults', () => {
    const configuration = readConfiguration('operator', complete);
    expect(configuration.bucket).to.equal('spotlearn-123456789012-eu-central-1');
    expect(configuration.subnetIds).to.have.length(2);
    expect(configuration.maxTrainingCostUsd).to.equal(10);
    expect(configuration.maxPredictionCostUsd).to.equal(1);
    expect(configuration.monthlyBudgetUsd).to.equal(100);
    expect(configuration.warnPercent).to.equal(80);
    expect(configuration.cloudEnabled).to.equal(true);
    expect(configuration.spotMaxPriceUsd).to.equal(undefined);
  });

  it('names every missing setting at once', () => {
    const missing = fields
      .filter((field) => field.for.includes('operator') && field.env in complete)
      .map((field) => field.env);
    expect(missing).to.have.length.above(8);
    const message = problem({});
    for (const env of missing) expect(message).to.include(`${env} is missing`);
    expect(message).to.match(new RegExp(`^${missing.length} settings are wrong`));
  });

  it('asks of each program only what it needs', () => {
    expect(problem({})).not.to.include('TELEGRAM_TOKEN');
    expect(() => readConfiguration('bot', complete)).not.to.throw();
  });

  const wrong: Record<string, [string, string]> = {
    AWS_REGION: ['Frankfurt', 'an AWS region'],
    SPOTLEARN_BUCKET: ['My Bucket', 'an S3 bucket name'],
    SPOTLEARN_SUBNET_IDS: ['subnet-0123456789abcdef0,nope', '"nope"; allowed: subnet ids'],
    SPOTLEARN_SPOT_MAX_PRICE_USD: ['cheap', 'a number from'],
    SPOTLEARN_HEARTBEAT_SECONDS: ['1.5', 'a whole number from 1 to 300'],
    SPOTLEARN_MAX_TRAINING_COST_USD: ['-1', 'a number from 0'],
    SPOTLEARN_LEADER_ELECTION: ['yes', 'true or false'],
    SPOTLEARN_WORKER_ROLE_ID: ['role', 'a role id beginning with AROA'],
    SPOTLEARN_WARN_PERCENT: ['0', 'from 1 to 100'],
  };
  for (const [env, [value, allowed]] of Object.entries(wrong))
    it(`says what ${env} allows`, () => {
      const message = problem({ ...complete, [env]: value });
      expect(message).to.include(`One setting is wrong`).and.include(env).and.include(allowed);
    });

  it('never shows a secret', () => {
    expect(() => readConfiguration('bot', { ...complete, TELEGRAM_TOKEN: 'hunter2' }))
      .to.throw(ConfigurationError)
      .and.not.match(/hunter2/);
  });

  it('is described whole in .env.example, which is up to date', () => {
    const text = readFileSync(new URL('.env.example', root), 'utf8');
    for (const field of fields)
      expect(text)
        .to.include(field.about)
        .and.match(new RegExp(`^#?${field.env}=`, 'm'));
    execFileSync(process.execPath, ['cloud/configuration/generate.ts'], { cwd: root });
    expect(readFileSync(new URL('.env.example', root), 'utf8')).to.equal(text);
  });
});

function problem(environment: Record<string, string>): string {
  try {
    readConfiguration('operator', environment);
  } catch (error) {
    expect(error).to.be.instanceOf(ConfigurationError);
    return (error as Error).message;
  }
  return expect.fail('the configuration was accepted');
}
