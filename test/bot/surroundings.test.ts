// What a user does in chat is on the audit trail, with how it came out: files, jobs, downloads, and what is not his.
import { expect } from 'chai';
import type { Effect } from '../../bot/conversation/effect.ts';
import type { TrainingChoice } from '../../bot/conversation/state.ts';
import { JobRefused } from '../../bot/jobs.ts';
import { KubernetesError } from '../../bot/kubernetes/client.ts';
import { SILENT } from '../../bot/logging.ts';
import { World, type SurroundingsOptions } from '../../bot/surroundings.ts';
import type { AuditEntry } from '../../cloud/audit.ts';
import { namespaceOf } from '../../crds/objects.ts';
import { BUCKET, CSV, Stand, type Person } from './stand.ts';

describe('What a user does', function () {
  this.timeout(60_000);
  let stand: Stand;
  let ada: Person;
  before(async () => {
    stand = await Stand.start();
    stand.startOperator();
    await stand.startBot();
    ada = await stand.user();
  });
  after(() => stand.close());

  async function trail(): Promise<string[]> {
    const keys = await stand.keys('audit/');
    const entries = await Promise.all(keys.map(async (key) => JSON.parse(await stand.text(key)) as AuditEntry));
    return entries.map(({ who, from, what, resource, outcome }) => `${from} ${who} ${what} ${resource} ${outcome}`);
  }

  it('is on the trail: an account, a file, a job, its download, its end', async () => {
    await ada.untilConfirmation();
    await ada.press('🚀 Start training', '');
    const job = await stand.training();
    const namespace = namespaceOf('1001');
    const name = job.metadata?.name ?? '';
    const uri = `s3://${BUCKET}/models/user_1001/m/`;
    await stand.put('models/user_1001/m/model.onnx', 'x');
    await stand.status('TrainingJob', name, { phase: 'Succeeded', model: { id: 'm', uri } }, namespace);
    await ada.sees('Model ready');
    await ada.press('📦 Download the model', 'each link is valid');
    await stand.status('TrainingJob', name, { phase: 'Running' }, namespace);
    await ada.say('/cancel', 'These jobs run');
    await ada.press(`⏹ Cancel ${name}`, 'Yes, cancel it');
    await ada.press('⏹ Yes, cancel it', 'is cancelled');
    const resource = `TrainingJob/${namespace}/${name}`;
    expect(await trail()).to.include.members([
      'chat 1001 OpenAccount Account/user-1001 Allowed',
      `chat 1001 UploadDataset ${job.spec.dataset.uri} Allowed`,
      `chat 1001 CreateTrainingJob ${resource} Allowed`,
      `chat 1001 DownloadModel ${resource} Allowed`,
      `chat 1001 DeleteTrainingJob ${resource} Allowed`,
    ]);
  });

  it('and what the API refuses, and an address that is another’s, whoever wrote it into the status', async () => {
    await ada.say('/train', 'Where');
    await ada.press('☁️ Cloud (Spot)', 'Send me a CSV file');
    await ada.say(`s3://${BUCKET}/datasets/user_1002/a.csv`, 'is not yours');
    await ada.upload('more.csv', CSV, 'Which column');
    await ada.say('price', 'All other columns');
    await ada.press('All other columns', 'Automatic');
    await ada.press('Automatic', 'Estimated cost');
    await ada.press('🚀 Start training', '');
    const job = await stand.training();
    const namespace = namespaceOf('1001');
    const name = job.metadata?.name ?? '';
    const uri = `s3://${BUCKET}/models/user_1002/m/`;
    await stand.status('TrainingJob', name, { phase: 'Succeeded', model: { id: 'm', uri } }, namespace);
    const ready = await ada.sees('Model ready', ada.mark() - 1);
    const after = ada.mark();
    await ada.user.press(ready.message_id, '📦 Download the model');
    await ada.sees('cannot be reached', after);
    const entries = await trail();
    expect(entries.filter((one) => one.includes('user_1002'))).to.have.length(1);
    expect(entries).to.include(`chat 1001 DownloadModel TrainingJob/${namespace}/${name} Refused`);
  });
});

describe('What goes wrong on the way', () => {
  const choice = { table: { name: 'a.csv', uri: 's3://b/x' } } as unknown as TrainingChoice;
  async function performed(effect: Effect, failure: Error) {
    const told: object[] = [];
    const said: string[] = [];
    const fail = () => Promise.reject(failure);
    const world = new World({
      configuration: { bucket: 'b', datasetPrefix: 'datasets', modelPrefix: 'models', predictionPrefix: 'predictions' },
      jobs: { train: fail, predict: fail, delete: fail, trainings: fail, predictions: fail },
      outbox: { send: async (_: number, { html }: { html: string }) => said.push(html) },
      trail: { note: async (_: string, deed: object) => void told.push(deed) },
      downloads: { ofModel: fail, ofPrediction: fail },
      accounts: { find: fail },
      logger: SILENT,
      clock: { now: () => 0 },
    } as unknown as SurroundingsOptions);
    return { result: await world.perform(12, 'Ada', effect, new AbortController().signal), told, said };
  }

  it('is on the trail when the API refuses a job, and told to the user', async () => {
    for (const [what, kind] of [
      ['train', 'TrainingJob'],
      ['predict', 'PredictionJob'],
    ] as const) {
      const effect = { do: what, token: 't', cardId: 1, choice } as unknown as Effect;
      const { result, told } = await performed(effect, new JobRefused('the target is no column'));
      expect(result).to.deep.equal({ kind: 'launchRefused', token: 't', message: 'the target is no column' });
      const resource = `${kind}/ml-user-12`;
      expect(told).to.deep.equal([
        { what: `Create${kind}`, resource, outcome: 'Refused', detail: 'the target is no column' },
      ]);
    }
  });

  it('is a matter of trying again when the cluster is away', async () => {
    const away = new KubernetesError('Unreachable', 'away');
    const launch = { do: 'train', token: 't', cardId: 1, choice } as unknown as Effect;
    expect((await performed(launch, away)).result)
      .to.have.property('message')
      .that.contains('cannot reach');
    const job = { kind: 'TrainingJob', name: 'a' } as const;
    expect((await performed({ do: 'deleteJob', job }, away)).said[0]).to.contain('cannot reach');
    expect((await performed({ do: 'monthPicture' }, away)).said).to.deep.equal([]);
    const links = await performed({ do: 'resultLinks', name: 'a' }, away);
    expect(links.said[0]).to.contain('result cannot be reached');
    expect(links.told).to.deep.equal([
      { what: 'DownloadPrediction', resource: 'PredictionJob/ml-user-12/a', outcome: 'Failed', detail: 'away' },
    ]);
  });

  it('is not hidden when it is a mistake of ours', async () => {
    const job = { kind: 'TrainingJob', name: 'a' } as const;
    for (const effect of [{ do: 'deleteJob', job }, { do: 'monthPicture' }, { do: 'modelLinks', name: 'a' }] as const)
      expect(await performed(effect, new TypeError('odd')).catch((error: unknown) => error)).to.be.an.instanceOf(
        TypeError,
      );
  });
});
