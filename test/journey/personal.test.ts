// One person's installation: `npm start -- --stack FILE` against a cloud that is somebody else's processes – the local AWS and Telegram of a stack
// whose own operator and bot are stopped. Then everything moves to another Kubernetes API, in the midst of a training.
import { execFile } from 'node:child_process';
import { readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect } from 'chai';
import type { TrainingJob } from '../../crds/crds.generated.ts';
import { KubeClient } from '../../local/kubernetes/kubelet/client.ts';
import { Start } from './command.ts';
import type { Person } from './person.ts';
import { Journey, stateFolder, until } from './stack.ts';
import { plain, TARGET } from './tables.ts';

/** Some forty seconds of training. */
const TREES = 1200;
const root = fileURLToPath(new URL('../../', import.meta.url));

function moved(...args: string[]): Promise<{ stdout: string; stderr: string }> {
  return new Promise((resolve) => {
    execFile(process.execPath, ['local/move/main.ts', ...args], { cwd: root }, (_, stdout, stderr) =>
      resolve({ stdout, stderr }),
    );
  });
}

describe('One person’s installation', function () {
  this.timeout(240_000);
  let cloud: Journey;
  let person: Person | undefined;
  const starts: Start[] = [];
  const state = stateFolder();
  const work = (folder = state): Start => {
    const { addresses, access } = cloud.stack;
    const env = {
      PATH: process.env['PATH'],
      HOME: folder,
      AWS_ENDPOINT_URL: addresses.aws,
      AWS_ACCESS_KEY_ID: access.accessKeyId,
      AWS_SECRET_ACCESS_KEY: access.secretAccessKey,
      TELEGRAM_API_ROOT: addresses.telegramApiRoot,
      TELEGRAM_TOKEN: addresses.telegramToken,
    };
    const one = new Start(['--stack', cloud.state.path('outputs.json')], folder, [], env);
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

  it('moves to another cluster in the midst of a training, which loses neither its instance nor a cent', async () => {
    const path = `/apis/spotlearn.io/v1alpha1/namespaces/ml-user-${person?.userId}/trainingjobs`;
    const jobIn = async (api: KubeClient) => (await api.call('GET', `${path}/long`)) as unknown as TrainingJob;
    const here = await KubeClient.fromKubeconfig(join(state, 'kubernetes/kubeconfig'));
    const data = readFileSync(new URL('../../examples/german_credit.csv', import.meta.url));
    const uri = await cloud.put(person?.userId ?? '', 'german_credit.csv', data);
    await here.call('POST', path, {
      ...{ apiVersion: 'spotlearn.io/v1alpha1', kind: 'TrainingJob', metadata: { name: 'long' } },
      spec: {
        ...{ dataset: { uri }, target: 'class', budget: { maxCostUsd: 1 } },
        model: { type: 'gradient_boosting', hyperparameters: { n_estimators: TREES } },
      },
    });
    const before = await until(
      'the training runs',
      async () => {
        const job = await jobIn(here);
        return job.status?.phase === 'Running' ? job : undefined;
      },
      60_000,
    );
    here.close();
    const running = starts.at(-1);
    running?.child.kill('SIGTERM');
    expect((await running?.ended)?.code).to.equal(0);

    const cluster = stateFolder();
    await work(cluster).printed('Spotlearn works');
    const to = join(cluster, 'kubernetes/kubeconfig');
    const rehearsed = await moved('--to', to, '--from', state);
    expect(rehearsed.stdout).to.include('2 trainings').and.to.include('Nothing was done.');
    const done = await moved('--to', to, '--from', state, '--yes');
    expect(done.stderr).to.equal('');
    expect(done.stdout).to.include('1 of the trainings on an instance, which goes on meanwhile');
    const there = await KubeClient.fromKubeconfig(to);
    try {
      const job = await until(
        'the training ends there',
        async () => {
          const one = await jobIn(there);
          return one.status?.phase === 'Succeeded' || one.status?.phase === 'Failed' ? one : undefined;
        },
        90_000,
      );
      expect(job.status?.phase, job.status?.message).to.equal('Succeeded');
      expect(job.metadata?.uid).not.to.equal(before.metadata?.uid);
      const instance = before.status?.instanceId;
      expect(job.status?.attempts?.map(({ instanceId, endReason }) => [instanceId, endReason])).to.deep.equal([
        [instance, 'Succeeded'],
      ]);
      expect((await cloud.instances(before)).map(({ InstanceId }) => InstanceId)).to.deep.equal([instance]);
      const entries = await cloud.keys(`ledger/user_${person?.userId}/`);
      expect(entries.filter((key) => key.includes(before.metadata?.uid ?? 'none'))).to.have.length(1);
      await cloud.idle();
      // The bot there goes on with the chat, down to the buttons of messages that the other one sent.
      await person?.say('/jobs', 'shop');
      await person?.press('🔮 Predict with it', 'shop');
    } finally {
      there.close();
    }
    const refused = await work().ended;
    expect(refused.code).to.equal(1);
    expect(refused.stderr).to.include('was moved to the cluster of').and.to.include('--fresh');
  });
});
