// The bot as its own process: what it prints, how it ends, and a kill -9 in the middle of a conversation.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { expect } from 'chai';
import { BUCKET, CSV, Stand } from './stand.ts';

const MAIN = fileURLToPath(new URL('../../bot/main.ts', import.meta.url));

function run(env: NodeJS.ProcessEnv) {
  const child = spawn(process.execPath, [MAIN], {
    env: { PATH: process.env.PATH, NODE_V8_COVERAGE: process.env.NODE_V8_COVERAGE, ...env },
  });
  const out = { stdout: '', stderr: '' };
  child.stdout.on('data', (chunk) => (out.stdout += String(chunk)));
  child.stderr.on('data', (chunk) => (out.stderr += String(chunk)));
  return { child, out };
}
async function ready(
  child: ChildProcess,
  out: { stdout: string; stderr: string },
): Promise<{ ready: boolean; url: string; bot: string }> {
  while (!out.stdout.includes('\n')) {
    if (child.exitCode !== null) throw new Error(out.stderr);
    await Promise.race([once(child.stdout ?? child, 'data'), once(child, 'exit')]);
  }
  return JSON.parse(out.stdout) as { ready: boolean; url: string; bot: string };
}

describe('The process of the bot', function () {
  this.timeout(40_000);
  let stand: Stand;
  const children: ChildProcess[] = [];
  before(async () => {
    stand = await Stand.start();
    stand.startOperator();
  });
  after(async () => {
    for (const child of children) child.kill('SIGKILL');
    await stand.close();
  });
  const environment = () => ({
    KUBECONFIG: stand.cluster.kubeconfigPath,
    AWS_ENDPOINT_URL: stand.aws.url,
    AWS_REGION: 'eu-central-1',
    AWS_ACCESS_KEY_ID: 'AKIATESTROOT',
    AWS_SECRET_ACCESS_KEY: 'test-root-secret',
    SPOTLEARN_BUCKET: BUCKET,
    SPOTLEARN_BOT_PORT: '0',
    TELEGRAM_TOKEN: stand.telegram.token,
    TELEGRAM_API_ROOT: stand.telegram.apiRoot,
  });
  const start = async () => {
    const { child, out } = run(environment());
    children.push(child);
    return { child, out, line: await ready(child, out) };
  };

  it('names everything that is wrong with its settings and exits with 1', async () => {
    const { child, out } = run({ AWS_REGION: 'nowhere' });
    await once(child, 'close');
    expect(child.exitCode).to.equal(1);
    for (const name of ['AWS_REGION', 'SPOTLEARN_BUCKET', 'TELEGRAM_TOKEN']) expect(out.stderr).to.contain(name);
    expect(out.stderr).to.not.contain('    at ');
    expect(out.stdout).to.equal('');
  });

  it('says that it is ready, serves, never logs its token, and ends at SIGTERM', async () => {
    const { child, out, line } = await start();
    expect(line).to.deep.include({ ready: true, bot: '@spotlearn_bot' });
    expect((await fetch(`${line.url}/healthz`)).status).to.equal(200);
    const ada = await stand.user(6001);
    await ada.untilData();
    await ada.upload('houses.csv', CSV, 'Which column');
    child.kill('SIGTERM');
    await once(child, 'close');
    expect(child.exitCode).to.equal(0);
    expect(out.stdout.trim().split('\n')).to.have.length(1);
    expect(out.stderr).to.not.contain(stand.telegram.token);
    expect(out.stderr).to.not.contain('X-Amz-Signature');
  });

  it('goes on after kill -9 in the middle of a conversation', async () => {
    const first = await start();
    const ada = await stand.user(6002);
    await ada.untilData();
    first.child.kill('SIGKILL');
    await once(first.child, 'close');
    await ada.user.upload({ name: 'houses.csv', data: CSV });
    const second = await start();
    await ada.sees('Which column');
    second.child.kill('SIGKILL');
    await once(second.child, 'close');
    await start();
    await ada.say('price', 'All other columns');
    const questions = ada
      .heard()
      .filter((message) => (message.text ?? '').includes('Which column shall be predicted')).length;
    expect(questions).to.be.within(1, 2);
  });
});
