// One person's installation: `npm start -- --stack FILE` against a cloud that is somebody else's processes – the local AWS and Telegram of a stack
// whose own operator and bot are stopped.
import { readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import { KubeClient } from '../../local/kubernetes/kubelet/client.ts';
import { Start } from './command.ts';
import type { Person } from './person.ts';
import { Journey, stateFolder, until } from './stack.ts';
import { plain, TARGET } from './tables.ts';

describe('One person’s installation', function () {
  this.timeout(240_000);
  let cloud: Journey;
  let person: Person | undefined;
  const starts: Start[] = [];
  const state = stateFolder();
  const work = (): Start => {
    const { addresses, access } = cloud.stack;
    const env = {
      PATH: process.env['PATH'],
      HOME: state,
      AWS_ENDPOINT_URL: addresses.aws,
      AWS_ACCESS_KEY_ID: access.accessKeyId,
      AWS_SECRET_ACCESS_KEY: access.secretAccessKey,
      TELEGRAM_API_ROOT: addresses.telegramApiRoot,
      TELEGRAM_TOKEN: addresses.telegramToken,
    };
    const one = new Start(['--stack', cloud.state.path('outputs.json')], state, [], env);
    starts.push(one);
    return one;
  };
  before(async () => {
    cloud = await Journey.start();
    for (const program of cloud.stack.programs) if (/^(operator|bot)$/.test(program.name)) await program.stop();
  });
  after(async () => {
    person?.close();
    for (const one of starts) one.forget();
    await cloud.close();
  });

  it('trains through the chat in the roles of the stack, stops, and has everything again when it starts anew', async () => {
    const first = work();
    await first.printed('Spotlearn works');
    person = await cloud.person('Ada');
    await person.toData();
    await person.upload('shop.csv', plain(), 'column');
    await person.trainOn(TARGET, 'Logistic regression');
    await person.reads('Model ready', 60_000);
    const api = await KubeClient.fromKubeconfig(join(state, 'kubernetes/kubeconfig'));
    const jobs = async () => {
      const list = await api.call('GET', '/apis/spotlearn.io/v1alpha1/trainingjobs');
      return (list['items'] as { metadata: { name: string }; status: { phase: string } }[]).map(
        ({ metadata, status }) => `${metadata.name} ${status.phase}`,
      );
    };
    try {
      const before = await jobs();
      expect(before).to.have.length(1);
      expect(before[0]).to.match(/ Succeeded$/);
      first.child.kill('SIGTERM');
      expect((await first.ended).code).to.equal(0);
      expect(await first.gone()).to.deep.equal([]);
      const again = work();
      await again.printed('Spotlearn works');
      expect(await until('the jobs', jobs, 10_000)).to.deep.equal(before);
      await person.say('/jobs', 'shop');
    } finally {
      api.close();
    }
  });

  it('writes no credential and no token into its folder, and keeps its profiles to its owner', () => {
    const { access, addresses } = cloud.stack;
    const profiles = join(state, 'aws-profiles');
    expect(statSync(profiles).mode & 0o077).to.equal(0);
    const written = [profiles, ...['operator', 'bot', 'kubernetes'].map((name) => join(state, `logs/${name}.log`))];
    for (const file of written) {
      const text = readFileSync(file, 'utf8');
      expect(text).not.to.include(access.secretAccessKey);
      expect(text).not.to.include(addresses.telegramToken);
    }
  });

  it('says in one sentence what it lacks', async () => {
    const bare = { PATH: process.env['PATH'], HOME: state };
    const other = stateFolder();
    const without = new Start(['--stack', cloud.state.path('outputs.json')], other, [], bare);
    const { code, stderr } = await without.ended;
    expect(code).to.equal(1);
    expect(stderr)
      .to.include('TELEGRAM_TOKEN is missing')
      .and.not.to.match(/\n\s+at /);
    const wrong = await new Start(['--stack', join(other, 'nowhere.json')], other, [], bare).ended;
    expect(wrong.stderr).to.include('There is no file').and.to.include('pulumi stack output --json');
  });
});
