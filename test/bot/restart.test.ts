// The bot stopped, killed and hindered in the middle of conversations: nothing is lost, nothing is done twice.
import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from 'chai';
import type { ConfigMap } from '../../bot/kubernetes/client.ts';
import { BOT_NAME } from '../../bot/jobs.ts';
import { namespaceOf } from '../../crds/objects.ts';
import type { TelegramSide } from '../../bot/start.ts';
import { contains, CSV, NAMESPACE, Stand, WAIT_MS, type Person } from './stand.ts';

describe('A conversation', function () {
  this.timeout(40_000);
  let stand: Stand;
  let ada: Person;
  let id = 4000;
  before(async () => {
    stand = await Stand.start();
    stand.startOperator();
    await stand.startBot();
  });
  after(() => stand.close());
  beforeEach(async () => {
    id += 1;
    ada = await stand.user(id);
  });
  afterEach(async () => {
    stand.around = (side) => side;
    await stand.stopBot();
    await stand.startBot();
  });
  const restart = async (around: (side: TelegramSide) => TelegramSide = (side) => side) => {
    await stand.stopBot();
    stand.around = around;
    await stand.startBot();
  };
  const session = async () => {
    const map = await stand.api.get<ConfigMap>('ConfigMap', `chat-${id}`, { namespace: NAMESPACE });
    return {
      map,
      session: JSON.parse(map.data?.session ?? '{}') as {
        conversation: { step: string };
        pending: unknown[];
        seen: number[];
      },
    };
  };

  it('goes on after a restart at every step', async () => {
    await ada.say('/start', 'Welcome');
    await restart();
    await ada.say('/train', 'Where');
    await restart();
    await ada.press('☁️ Cloud (Spot)', 'Send me a CSV file');
    await restart();
    await ada.upload('houses.csv', CSV, 'Which column');
    await restart();
    await ada.say('price', 'All other columns');
    await restart();
    await ada.press('All other columns', 'Automatic');
    await restart();
    await ada.press('Automatic', 'Estimated cost');
    await restart();
    await ada.press('🚀 Start training', '');
    expect((await stand.training(id)).spec.target).to.equal('price');
  });

  it('does after a restart what was decided but not yet done', async () => {
    await ada.say('/start', 'Welcome');
    // Everything but polling hangs, as if the machine died between writing and sending.
    await restart((side) => ({
      ...side,
      call: (method, payload, signal) =>
        method === 'sendMessage' ? new Promise(() => undefined) : side.call(method, payload, signal),
    }));
    await ada.user.send('/train');
    for (let tries = 0; (await session()).session.pending.length === 0 && tries < 100; tries += 1) await sleep(20);
    expect((await session()).map.metadata?.labels).to.deep.equal({ 'spotlearn.io/chat-session': 'pending' });
    await stand.stopBot();
    stand.around = (side) => side;
    await stand.startBot();
    await ada.sees('Where');
    for (let tries = 0; (await session()).session.pending.length > 0 && tries < 100; tries += 1) await sleep(20);
    expect((await session()).map.metadata?.labels).to.deep.equal({ 'spotlearn.io/chat-session': 'settled' });
    expect(ada.heard().filter((message) => contains(message, 'Where shall')).length).to.equal(1);
  });

  it('takes an upload up again that was cut', async () => {
    await ada.untilData();
    await restart((side) => ({
      ...side,
      call: (method, payload, signal) =>
        method === 'getFile' ? new Promise(() => undefined) : side.call(method, payload, signal),
    }));
    await ada.user.upload({ name: 'houses.csv', data: CSV });
    for (let tries = 0; (await session()).session.pending.length === 0 && tries < 100; tries += 1) await sleep(20);
    await restart();
    await ada.sees('Which column');
  });

  it('makes one job when the launch is repeated', async () => {
    await ada.untilConfirmation();
    let cut = true;
    await restart((side) => ({
      ...side,
      call: async (method, payload, signal) => {
        if (cut && method === 'editMessageText') return new Promise(() => undefined);
        return side.call(method, payload, signal);
      },
    }));
    await ada.press('🚀 Start training', '');
    for (let tries = 0; (await session()).session.pending.length === 0 && tries < 100; tries += 1) await sleep(20);
    cut = false;
    await restart();
    await stand.training(id);
    await restart();
    await sleep(200);
    const jobs = await stand.api.list('TrainingJob', {}, { namespace: namespaceOf(String(id)) });
    expect(jobs).to.have.length(1);
    expect(jobs[0]?.metadata?.labels?.['app.kubernetes.io/managed-by']).to.equal(BOT_NAME);
  });

  it('answers an update once that is delivered twice', async () => {
    let twice: { update_id: number } | undefined;
    await restart((side) => ({
      ...side,
      dispatch: async (update, hands) => {
        await side.dispatch(update, hands);
        twice = update;
        await side.dispatch(update, hands);
      },
    }));
    await ada.say('/help', 'What I can do');
    await sleep(200);
    expect(twice).to.not.equal(undefined);
    expect(ada.heard().filter((message) => contains(message, 'What I can do')).length).to.equal(1);
  });

  it('keeps two messages sent at once in order', async () => {
    await ada.untilData();
    await ada.user.upload({ name: 'houses.csv', data: CSV });
    await ada.sees('Which column');
    const after = ada.mark();
    await Promise.all([ada.user.send('price'), ada.user.send('rooms')]);
    await ada.sees('Which model?', after);
    const { conversation } = (await session()).session as {
      conversation: { step: string; target?: string; features?: string[] };
    };
    expect(conversation.step).to.equal('trainModel');
    expect([conversation.target, ...(conversation.features ?? [])].sort()).to.deep.equal(['price', 'rooms']);
  });

  it('survives the API server going away for a moment', async () => {
    await ada.say('/start', 'Welcome');
    const port = stand.cluster.port;
    await stand.cluster.close();
    await ada.user.send('/help');
    await sleep(300);
    const { startKubernetes } = await import('../../local/kubernetes/server.ts');
    stand.cluster = await startKubernetes({ stateDir: `${stand.folder}/kubernetes`, port });
    await ada.sees('What I can do');
  });

  it('begins anew when its session cannot be read', async () => {
    await ada.say('/start', 'Welcome');
    for (const broken of ['not json', '{"conversation":7}']) {
      await stand.stopBot();
      await stand.api.patch('ConfigMap', `chat-${id}`, { data: { session: broken } }, { namespace: NAMESPACE });
      await stand.startBot();
      await ada.say('/train', 'Where');
    }
    await ada.say('/help', 'What I can do');
  });

  it('goes on when another bot wrote the session meanwhile', async () => {
    await ada.say('/start', 'Welcome');
    const { map } = await session();
    await stand.api.replace('ConfigMap', { ...map, metadata: { ...map.metadata, resourceVersion: undefined } });
    await ada.say('/train', 'Where');
  });

  it('hears nothing of a chat that blocked the bot, and goes on after', async () => {
    await ada.say('/start', 'Welcome');
    await ada.user.block(true);
    await ada.user.block(false);
    await ada.say('/help', 'What I can do');
    await ada.user.waitFor((message) => contains(message, 'What I can do'), WAIT_MS);
  });
});
