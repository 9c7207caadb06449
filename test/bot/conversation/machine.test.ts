import { expect } from 'chai';
import fc from 'fast-check';
import { reduce, wanted } from '../../../bot/conversation/machine.ts';
import { previewOf } from '../../../bot/inspection.ts';
import { IDLE, type Conversation } from '../../../bot/conversation/state.ts';
import type { Input } from '../../../bot/conversation/input.ts';
import {
  account,
  buttons,
  command,
  doing,
  facts,
  prediction,
  press,
  said,
  table,
  toasts,
  training,
  type,
  walk,
  words,
} from './setting.ts';

const read = (token: string, more = {}): Input => ({ kind: 'tableRead', token, table: { ...table, ...more } });
const file = (bytes = 100): Input => ({ kind: 'document', fileId: 'f', name: 'houses.csv', bytes });

const toData = [command('train'), '>☁️ Cloud (Spot)'] as const;
const toTarget = [...toData, file(), read('token1')] as const;
const toFeatures = [...toTarget, type('price')] as const;
const toModel = [...toFeatures, '>All other columns'] as const;
const toConfirm = [...toModel, '>Automatic'] as const;

describe('The training conversation', () => {
  it('asks where, for the data, the target, the features, the model and for confirmation', () => {
    const turn = walk(IDLE, toConfirm);
    expect(turn.next.step).to.equal('trainConfirm');
    expect(words(turn)).to.contain('Estimated cost').and.contain('m5.large').and.contain('At most $5.00');
    expect(buttons(said(turn)[0])).to.deep.equal(['🚀 Start training', '✖️ Cancel']);
  });

  it('says all fixed labels', () => {
    expect(buttons(said(walk(IDLE, [command('train')]))[0])).to.deep.equal(['☁️ Cloud (Spot)', '🏠 On the cluster']);
    expect(buttons(said(walk(IDLE, toFeatures))[0])).to.deep.equal(['All other columns']);
    expect(buttons(said(walk(IDLE, toModel))[0])).to.deep.equal([
      'Automatic',
      'Linear regression',
      'Ridge regression',
      'Random forest',
      'Gradient boosting',
      'XGBoost',
      'LightGBM',
      'More models…',
    ]);
    expect(words(walk(IDLE, toData))).to.contain('Send me a CSV file');
  });

  it('launches with what was chosen and turns the confirmation into the card', () => {
    const turn = walk(IDLE, [...toConfirm, '>🚀 Start training']);
    expect(turn.next.step).to.equal('trainLaunch');
    expect(doing(turn, 'edit')?.messageId).to.equal(77);
    const effect = doing(turn, 'train');
    expect(effect).to.include({ cardId: 77, token: 'token6' });
    expect(effect?.choice).to.include({ target: 'price', model: 'auto', place: 'Cloud' });
    expect(reduce(turn.next, { kind: 'launched', token: 'token6', name: 'x' }, facts()).next).to.equal(IDLE);
  });

  it('comes back to the confirmation, with new buttons, when the API refuses', () => {
    const turn = walk(IDLE, [
      ...toConfirm,
      '>🚀 Start training',
      { kind: 'launchRefused', token: 'token6', message: 'the <target> cannot be one of the features' },
    ]);
    expect(turn.next.step).to.equal('trainConfirm');
    expect(words(turn)).to.contain('the &lt;target&gt; cannot').and.contain('nothing was charged');
    expect('token' in turn.next && turn.next.token).to.equal('token8');
  });

  it('takes settings for a model and shows them', () => {
    const path = [...toModel, '>Random forest', '>⚙️ Adjust settings'] as const;
    const wrong = walk(IDLE, [...path, type('many trees')]);
    expect(wrong.next.step).to.equal('trainSettings');
    expect(words(wrong)).to.contain('name=value');
    const turn = walk(IDLE, [...path, type('n_estimators=50 bootstrap=false')]);
    expect(turn.next.step).to.equal('trainSettings');
    expect(words(turn)).to.contain('has no hyperparameter bootstrap').and.contain('n_estimators: a whole number');
    const shown = walk(IDLE, [...path, type('n_estimators=50 max_features=sqrt')]);
    expect(words(shown)).to.contain('n_estimators=50 max_features=sqrt');
    expect(words(walk(IDLE, [...path, type('n_estimators=1000000000')]))).to.contain('cannot be 1000000000');
    const launched = walk(IDLE, [...path, type('n_estimators=50'), '>🚀 Start training']);
    expect(doing(launched, 'train')?.choice.settings).to.deep.equal({ n_estimators: 50 });
    expect(walk(IDLE, [...path, '>↩️ Keep the defaults']).next).to.deep.include({ step: 'trainConfirm', settings: {} });
    expect(words(walk(IDLE, [...path, file()]))).to.contain('Type those to change as name=value');
  });

  it('offers only models that can do the task, the rest of them on a second page, in place', () => {
    const classes = [...toTarget, type('town'), '>All other columns'] as const;
    const first = buttons(said(walk(IDLE, classes))[0]);
    expect(first).to.include.members(['Automatic', 'Logistic regression', 'More models…']);
    expect(first.length).to.be.at.most(9);
    const turn = walk(IDLE, [...classes, '>More models…']);
    const more = doing(turn, 'edit')?.message;
    expect(turn.next).to.include({ step: 'trainModel', page: 1 });
    const all = [...first, ...buttons(more)];
    expect(all).to.include.members(['Decision tree', 'Extra trees', '◀️ Back']);
    expect(all).not.to.include('Ridge regression');
    expect(new Set(all)).to.have.length(all.length);
    for (const text of all) expect(text.length).to.be.at.most(40);
    const token = 'token' in turn.next ? turn.next.token : '';
    const tree = reduce(turn.next, press(`${token}:decision_tree`), facts());
    expect(tree.next).to.include({ step: 'trainConfirm', model: 'decision_tree' });
    expect(tree.next).not.to.have.property('page');
    expect(doing(reduce(turn.next, press(`${token}:often`), facts()), 'edit')?.message).to.deep.equal(
      said(walk(IDLE, classes))[0],
    );
    for (const data of ['linear', 'task', 'nope', '__proto__'])
      expect(words(reduce(turn.next, press(`${token}:${data}`), facts()))).to.contain('Press one of the buttons');
  });

  it('lets the user say that classes are a number, and passes that on', () => {
    const stars = Array.from({ length: 100 }, (_, at) => [String(at % 5), String(at)]);
    const preview = previewOf({ columns: ['stars', 'x'], rows: stars });
    const rated = read('token1', { columns: ['stars', 'x'], classes: [0], preview });
    const path = [...toData, file(), rated, type('stars'), '>All other columns'] as const;
    const more = walk(IDLE, [...path, '>More models…']);
    const token = 'token' in more.next ? more.next.token : '';
    const turn = reduce(more.next, press(`${token}:task`), facts());
    expect(turn.next).to.include({ task: 'regression', page: 0 });
    const message = doing(turn, 'edit')?.message;
    expect(message?.html).to.contain('is taken for a number');
    expect(buttons(message)).to.include('Ridge regression');
    const confirm = reduce(turn.next, press(`${token}:ridge`), facts());
    expect(words(confirm)).to.contain('Predicted as a number, as you said');
    expect(confirm.next).to.include({ step: 'trainConfirm', task: 'regression' });
    const again = reduce(reduce(turn.next, press(`${token}:more`), facts()).next, press(`${token}:task`), facts());
    expect(again.next).to.include({ task: 'classification' });
  });

  it('shows what the first rows look like, and what to be careful about before the start', () => {
    const rows = Array.from({ length: 40 }, (_, at) => [
      String(at + 1),
      at % 5 ? '<yes>' : 'no',
      String(at % 7),
      at % 5 ? 'good & kind' : 'bad',
    ]);
    const columns = ['n', 'copy', 'x', 'class'];
    const looked = read('token1', { columns, classes: [1, 3], preview: previewOf({ columns, rows }) });
    const asked = walk(IDLE, [...toData, file(), looked]);
    expect(words(asked)).to.contain('Its first 40 rows: 1 number, 2 categories, 1 id.');
    expect(words(asked)).to.contain('Likely target: <b>class</b> (by its name): 2 classes, 80 : 20 %.');
    expect(words(asked)).to.contain('Of little use: <code>n</code> looks like an id.');
    expect(buttons(said(asked)[0])[0]).to.equal('class');
    const confirm = walk(IDLE, [...toData, file(), looked, '>class', '>All other columns', '>Automatic']);
    expect(words(confirm))
      .to.contain('In the first 40 rows: 2 classes, 80 : 20 %')
      .and.contain('⚠️ 80 % are <code>good &amp; kind</code>')
      .and.contain('⚠️ <code>copy</code> alone tells class there.')
      .and.contain('All rows are checked when the training starts.');
    const without = walk(IDLE, [...toData, file(), looked, '>class', type('x, n'), '>Automatic']);
    expect(words(without)).not.to.contain('alone tells');
  });

  it('takes a typed target where the columns cannot be seen, and all the others as features', () => {
    const parquet = read('token1', { name: 'a.parquet', columns: [], rows: 0, classes: [], tableBytes: 16_000 });
    const asked = walk(IDLE, [...toData, file(), parquet]);
    expect(words(asked)).to.contain('Its columns cannot be listed here').and.contain('Type its name, exactly');
    expect(buttons(said(asked)[0])).to.deep.equal([]);
    expect(walk(IDLE, [...toData, file(), parquet, type('  ')]).next.step).to.equal('trainTarget');
    const models = walk(IDLE, [...toData, file(), parquet, type(' Preis in € ')]);
    expect(models.next).to.deep.include({ step: 'trainModel', target: 'Preis in €', features: [] });
    expect(buttons(said(models)[0])).to.include.members(['Ridge regression', 'Logistic regression']);
    const confirm = walk(IDLE, [...toData, file(), parquet, type('y'), '>Automatic']);
    expect(words(confirm)).to.contain('From: all other columns').and.contain('Data: a.parquet (4.0 kB)');
  });

  it('takes named features, and refuses the target and unknown names among them', () => {
    const named = walk(IDLE, [...toFeatures, type('rooms, AREA')]);
    expect(named.next).to.deep.include({ step: 'trainModel', features: ['rooms', 'area'] });
    expect(words(walk(IDLE, [...toFeatures, type('rooms, price')]))).to.contain('cannot be one of those');
    expect(words(walk(IDLE, [...toFeatures, type('rooms, <b>')]))).to.contain('&lt;b&gt;');
    expect(walk(IDLE, [...toFeatures, type(' , ')]).next.step).to.equal('trainFeatures');
    expect(walk(IDLE, [...toFeatures, file()]).next.step).to.equal('trainFeatures');
  });

  it('pages through many columns with the last one first, and takes a pressed or typed name', () => {
    const columns = Array.from({ length: 20 }, (_, at) => `c${at}`);
    const many = [...toData, file(), read('token1', { columns })] as const;
    const first = walk(IDLE, many);
    expect(buttons(said(first)[0])).to.deep.equal(['c19', 'c0', 'c1', 'c2', 'c3', 'c4', 'c5', 'c6', '▶️']);
    const second = walk(IDLE, [...many, '>▶️']);
    expect(buttons(doing(second, 'edit')?.message)).to.include.members(['c7', '◀️', '▶️']);
    expect(second.next).to.deep.include({ page: 1 });
    expect(walk(IDLE, [...many, '>c19']).next).to.deep.include({ step: 'trainFeatures', target: 'c19' });
    expect(walk(IDLE, [...many, type('C12')]).next).to.deep.include({ target: 'c12' });
    expect(words(walk(IDLE, [...many, type('nope')]))).to.contain('There is no column');
    expect(toasts(reduce(first.next, press('token3:c99'), facts()))).to.deep.equal(['There is no such column.']);
    expect(toasts(reduce(first.next, press('token3:p9'), facts()))).to.deep.equal(['There is no such column.']);
    expect(walk(IDLE, [...many, file()]).next.step).to.equal('trainTarget');
  });

  it('refuses a target whose name the API would refuse', () => {
    const long = 'x'.repeat(301);
    const turn = walk(IDLE, [...toData, file(), read('token1', { columns: ['a', long] }), type(long)]);
    expect(turn.next.step).to.equal('trainTarget');
    expect(words(turn)).to.contain('300 characters');
    const features = walk(IDLE, [...toData, file(), read('token1', { columns: ['a', long] }), type('a'), type(long)]);
    expect(words(features)).to.contain('300 characters');
  });

  it('runs on the cluster for nothing', () => {
    const path = [
      command('train'),
      '>🏠 On the cluster',
      file(),
      read('token1'),
      type('town'),
      '>All other columns',
      '>Random forest',
    ] as const;
    expect(words(walk(IDLE, path))).to.contain('Estimated cost: $0.00');
    expect(words(walk(IDLE, path.slice(0, 6)))).to.contain('looks like classes');
  });

  it('does not offer the cloud where it is switched off', () => {
    const world = facts({ cloudEnabled: false });
    const turn = walk(IDLE, [...toData], world);
    expect(turn.next.step).to.equal('trainPlace');
    expect(toasts(turn)[0]).to.contain('switched off');
  });

  it('lets go at the confirmation', () => {
    const turn = walk(IDLE, [...toConfirm, '>✖️ Cancel']);
    expect(turn.next).to.equal(IDLE);
    expect(words(turn)).to.contain('Nothing was charged');
  });
});

describe('The step that asks for data', () => {
  const at = walk(IDLE, toData).next;
  it('uploads a file, and waits for it', () => {
    const turn = reduce(at, file(), facts());
    expect(doing(turn, 'upload')).to.include({ token: 'token1', fileId: 'f', bytes: 100 });
    expect(words(reduce(turn.next, type('hello'), facts()))).to.contain('still reading');
    expect(words(reduce(turn.next, file(), facts()))).to.contain('still reading');
    expect(toasts(reduce(turn.next, press('token1:link'), facts()))).to.deep.equal(['A moment, please.']);
    expect(words(reduce(at, file(3_000_000), facts()))).to.contain('Receiving');
  });

  it('answers a file above 20 MB with an upload link and looks for it when told', () => {
    const turn = reduce(at, file(30_000_000), facts());
    const link = doing(turn, 'uploadLink');
    expect(link?.uri).to.equal('s3://spot/datasets/user_12/20260102T000000Z_houses.csv');
    expect(turn.next).to.deep.include({ awaited: { uri: link?.uri, name: 'houses.csv' } });
    expect(doing(reduce(turn.next, press('token1:done'), facts()), 'inspect')).to.include({
      uri: link?.uri,
      discard: true,
    });
    expect(toasts(reduce(at, press('token1:done'), facts()))[0]).to.contain('no upload');
    expect(doing(reduce(at, press('token1:link'), facts()), 'uploadLink')?.name).to.equal('data.csv');
  });

  it('offers recent files and takes a pressed one', () => {
    const datasets = [{ uri: table.uri, name: 'houses.csv', bytes: 4000, at: Date.UTC(2026, 0, 1) }];
    const asked = walk(IDLE, toData, facts({ datasets }));
    const label = buttons(said(asked)[0]).find((one) => one.startsWith('houses.csv')) ?? '';
    const turn = walk(IDLE, [...toData, `>${label}`], facts({ datasets }));
    expect(doing(turn, 'inspect')).to.include({ uri: table.uri, discard: false });
    expect(toasts(reduce(asked.next, press('token1:dzzz'), facts({ datasets })))[0]).to.contain('not there any more');
  });

  const addresses: readonly (readonly [string, string])[] = [
    ['s3://spot/datasets/user_123/a.csv', 'not yours'],
    ['s3://spot/datasets/user_12/../user_13/a.csv', 'not a plain address'],
    ['s3://spot/datasets/user_12/%2e%2e/a.csv', 'not a plain address'],
    ['s3://other/datasets/user_12/a.csv', 'another bucket'],
    ['s3://spot/models/user_12/m/model.onnx', 'not yours'],
    ['S3://spot/datasets/user_12/a.csv', 'not an S3 address'],
    ['s3://spot/datasets/user_12/<b>.csv/..', '&lt;b&gt;'],
    ['hello', 'Send me a CSV file'],
    ['https://example.com/a.csv', 'Send me a CSV file'],
  ];
  for (const [address, answer] of addresses)
    it(`answers ${address} with “${answer}”`, () => {
      const turn = reduce(at, type(address), facts());
      expect(turn.next).to.equal(at);
      expect(words(turn)).to.contain(answer);
      // What is nobody's or another's is told to the audit trail; other words are no address.
      const told = /^s3:/i.test(address);
      expect(turn.effects.map((effect) => effect.do)).to.deep.equal(told ? ['refusal', 'say'] : ['say']);
      if (told) expect(doing(turn, 'refusal')).to.include({ what: 'UseDataset', resource: address });
    });

  it('reads an address of one’s own', () => {
    const turn = reduce(at, type(` ${table.uri} `), facts());
    expect(doing(turn, 'inspect')).to.include({ uri: table.uri, name: 'houses.csv', discard: false });
  });

  for (const what of ['photo', 'voice', 'video', 'sticker', 'other'] as const)
    it(`asks for a file when a ${what} comes`, () => {
      expect(words(reduce(at, { kind: 'foreign', what }, facts()))).to.contain('CSV file');
    });

  it('says why a table will not do and stays', () => {
    const busy = reduce(at, file(), facts()).next;
    const turn = reduce(busy, { kind: 'tableRefused', token: 'token1', message: 'The file is empty.' }, facts());
    expect(turn.next).to.deep.include({ step: 'trainData', busy: undefined });
    expect(words(turn)).to.contain('The file is empty.').and.contain('houses.csv');
  });

  it('forgets a result that came after the step was left', () => {
    const turn = reduce(at, read('anothertok'), facts());
    expect(turn).to.deep.equal({ next: at, effects: [] });
    expect(reduce(IDLE, read('token1'), facts())).to.deep.equal({ next: IDLE, effects: [] });
  });
});

describe('The prediction conversation', () => {
  const world = facts({ trainings: [training('Succeeded'), training('Failed', {}, 'u-2')], predictions: [] });
  const label = 'price · job-u-1 · R² 0.9';
  const toFile = [command('predict'), '>☁️ Cloud (Lambda)', `>${label}`] as const;
  const toColumn = [...toFile, file(), read('token2')] as const;

  it('asks where, with which model, for the data, the column and for confirmation', () => {
    const models = walk(IDLE, toFile.slice(0, 2), world);
    expect(buttons(said(models)[0])).to.deep.equal([label]);
    expect(words(walk(IDLE, toFile, world))).to.contain('Send me a CSV file');
    expect(buttons(said(walk(IDLE, toColumn, world))[0])).to.deep.equal(['Use “prediction”']);
    const confirm = walk(IDLE, [...toColumn, '>Use “prediction”'], world);
    expect(buttons(said(confirm)[0])).to.deep.equal(['🚀 Start predicting', '✖️ Cancel']);
    const launch = walk(IDLE, [...toColumn, '>Use “prediction”', '>🚀 Start predicting'], world);
    expect(doing(launch, 'predict')?.choice).to.deep.include({ column: 'prediction', place: 'Cloud' });
    expect(doing(launch, 'predict')?.choice.model.ref).to.equal('job-u-1');
    const token = 'token' in launch.next ? launch.next.token : '';
    expect(reduce(launch.next, { kind: 'launched', token, name: 'p' }, world).next).to.equal(IDLE);
    const refused = reduce(launch.next, { kind: 'launchRefused', token, message: 'no' }, world);
    expect(refused.next.step).to.equal('predictConfirm');
    expect(walk(IDLE, [...toColumn, '>Use “prediction”', '>✖️ Cancel'], world).next).to.equal(IDLE);
  });

  it('begins at the data from the button under a finished training', () => {
    const turn = reduce(IDLE, press('job:predict:u-1'), world);
    expect(turn.next).to.deep.include({ step: 'predictData', place: 'Cloud' });
    const cluster = facts({ trainings: [training('Succeeded', { placement: 'Cluster' })], predictions: [] });
    expect(reduce(IDLE, press('job:predict:u-1'), cluster).next).to.deep.include({ place: 'Cluster' });
    for (const [more, place] of [
      [{ cloudEnabled: false }, 'Cluster'],
      [{ clusterPredictions: false }, 'Cloud'],
      [{ cloudEnabled: false, clusterPredictions: false }, 'Cloud'],
    ] as const)
      expect(reduce(IDLE, press('job:predict:u-1'), { ...world, ...more }).next).to.deep.include({ place });
    expect(toasts(reduce(IDLE, press('job:predict:u-2'), world))).to.have.length(1);
  });

  it('offers the cluster where the installation predicts on it, and says what it costs', () => {
    const offered = walk(IDLE, [command('predict')], world);
    expect(buttons(said(offered)[0])).to.deep.equal(['☁️ Cloud (Lambda)', '🏠 On the cluster']);
    const chosen = [command('predict'), '>🏠 On the cluster', ...toFile.slice(2), file(), read('token2')];
    const confirm = walk(IDLE, [...chosen, '>Use “prediction”'], world);
    expect(words(confirm)).to.contain('🏠 on the cluster').and.to.contain('Cost: $0.00');
    const launch = walk(IDLE, [...chosen, '>Use “prediction”', '>🚀 Start predicting'], world);
    expect(doing(launch, 'predict')?.choice).to.deep.include({ place: 'Cluster' });
    const without = { ...world, clusterPredictions: false };
    const cloudOnly = walk(IDLE, [command('predict')], without);
    expect(buttons(said(cloudOnly)[0])).to.deep.equal(['☁️ Cloud (Lambda)']);
    expect(words(cloudOnly)).to.not.contain('cluster');
    // From a message of before the image was taken away.
    const pressed = walk(IDLE, [command('predict'), press('token0:cluster')], without);
    expect(pressed.next.step).to.equal('predictPlace');
    expect(toasts(pressed)[0]).to.contain('choose the cloud');
  });

  it('takes a table whose columns only the operator can read', () => {
    const unread = walk(IDLE, [...toFile, file(), read('token2', { columns: [], rows: 0 })], world);
    expect(unread.next.step).to.equal('predictColumn');
    expect(words(unread)).to.not.contain('rows');
  });

  it('takes a typed model, and says when there is none', () => {
    expect(walk(IDLE, [...toFile.slice(0, 2), type('job-u-1')], world).next.step).to.equal('predictData');
    expect(walk(IDLE, [...toFile.slice(0, 2), type('nope')], world).next.step).to.equal('predictModel');
    expect(toasts(walk(IDLE, [...toFile.slice(0, 2), press('token1:mzzz')], world))[0]).to.contain(
      'not there any more',
    );
    expect(words(walk(IDLE, toFile.slice(0, 2), facts({ trainings: [] })))).to.contain('no trained model');
    expect(walk(IDLE, [command('predict'), '>☁️ Cloud (Lambda)'], facts({ cloudEnabled: false })).next.step).to.equal(
      'predictPlace',
    );
    expect(words(walk(IDLE, [command('predict'), type('cloud')], world))).to.contain('Press one of the buttons');
  });

  it('refuses a table without the columns the model needs', () => {
    const turn = walk(IDLE, [...toFile, file(), read('token2', { columns: ['rooms', 'garden'] })], world);
    expect(turn.next.step).to.equal('predictData');
    expect(words(turn)).to.contain('needs the column &quot;area&quot;').and.not.contain('rename');
    const misspelt = walk(IDLE, [...toFile, file(), read('token2', { columns: ['rooms', 'Areas'] })], world);
    expect(words(misspelt)).to.contain('rename &quot;Areas&quot; to &quot;area&quot;');
  });

  it('suggests a free column name, takes a typed one and refuses a taken or unfit one', () => {
    const taken = read('token2', { columns: ['rooms', 'area', 'prediction'] });
    expect(buttons(said(walk(IDLE, [...toFile, file(), taken], world))[0])).to.deep.equal(['Use “prediction_2”']);
    expect(walk(IDLE, [...toColumn, type('Preis in €')], world).next).to.deep.include({ column: 'Preis in €' });
    expect(words(walk(IDLE, [...toColumn, type('rooms')], world))).to.contain('already has a column');
    expect(words(walk(IDLE, [...toColumn, type('a\nb')], world))).to.contain('on one line');
    expect(words(walk(IDLE, [...toColumn, type('x'.repeat(301))], world))).to.contain('1 to 300');
    expect(walk(IDLE, [...toColumn, file()], world).next.step).to.equal('predictColumn');
    expect(words(walk(IDLE, [...toColumn, '>Use “prediction”', type('go')], world))).to.contain(
      'Press one of the buttons',
    );
  });
});

describe('Illegal transitions', () => {
  it('answer a button of an older question with a note and change nothing', () => {
    const at = walk(IDLE, toFeatures).next;
    for (const data of ['token0:cloud', 'freshtoken:all', '', ':', 'x', 'token1:all', '../..', '💥:1']) {
      const turn = reduce(at, press(data), facts());
      expect(turn.next).to.equal(at);
      expect(toasts(turn)[0]).to.contain('earlier question');
      expect(turn.effects).to.have.length(2);
      expect(doing(turn, 'refusal')).to.include({ what: 'StepButton', resource: data });
    }
    expect(toasts(reduce(IDLE, press('token1:all'), facts()))[0]).to.contain('earlier question');
  });

  it('answer forged buttons of jobs that are not one’s own', () => {
    const world = facts({ trainings: [training('Running')], predictions: [prediction('Running')] });
    for (const data of ['job:delete:someone-elses', 'job:delete:', 'job:predict', 'job:model:../x'])
      expect(toasts(reduce(IDLE, press(data), world))[0]).to.contain('don’t find that job');
    expect(toasts(reduce(IDLE, press('job:explode:u-1'), world))[0]).to.contain('earlier question');
  });

  it('answer words with what can be done', () => {
    expect(words(reduce(IDLE, type('hi'), facts()))).to.contain('/train');
    expect(words(reduce(IDLE, file(), facts()))).to.contain('/train to learn');
    expect(words(reduce(IDLE, { kind: 'foreign', what: 'photo' }, facts()))).to.contain('photo is no table');
    expect(words(reduce(IDLE, { kind: 'unknownCommand', text: '/<x>' }, facts()))).to.contain('/&lt;x&gt;');
    expect(words(walk(IDLE, [command('train'), type('cloud')]))).to.contain('Press one of the buttons');
    expect(words(walk(IDLE, [...toModel, type('Automatic')]))).to.contain('Press one of the buttons');
    expect(words(walk(IDLE, [...toConfirm, type('go')]))).to.contain('Press one of the buttons');
    const launching = walk(IDLE, [...toConfirm, '>🚀 Start training']).next;
    expect(words(reduce(launching, type('hi'), facts()))).to.contain('being launched');
    expect(toasts(reduce(launching, press('token6:go'), facts()))[0]).to.contain('being launched');
  });

  it('never throw and never leave a step for what no step can use (property)', () => {
    const states: Conversation[] = [
      IDLE,
      ...[toData, toTarget, toFeatures, toModel, toConfirm].map((path) => walk(IDLE, path).next),
    ];
    fc.assert(
      fc.property(fc.constantFrom(...states), fc.string({ maxLength: 80 }), (state, data) => {
        const turn = reduce(state, press(data), facts());
        expect(turn.next).to.equal(state);
        for (const message of said(reduce(state, type(data), facts()))) expect(message.html.length).to.be.at.most(4096);
      }),
    );
  });
});

describe('Commands', () => {
  it('need an account, but for /start and /help', () => {
    for (const name of ['train', 'predict', 'jobs', 'models', 'datasets', 'cost', 'status', 'cancel'] as const) {
      expect(words(reduce(IDLE, command(name), facts({ account: undefined })))).to.contain('/start');
      expect(words(reduce(IDLE, command(name), facts({ account: 'unknown' })))).to.contain('cannot reach');
    }
    expect(words(reduce(IDLE, command('help'), facts({ account: undefined })))).to.contain('/datasets');
    expect(doing(reduce(IDLE, command('start'), facts({ account: undefined })), 'openAccount')).to.not.equal(undefined);
  });

  it('welcome a new user, or say why not', () => {
    const name = '<b>Ada</b> & Co';
    expect(words(reduce(IDLE, { kind: 'accountOpened', ready: true }, facts({ userName: name })))).to.contain(
      'Welcome, <b>&lt;b&gt;Ada',
    );
    expect(words(reduce(IDLE, { kind: 'accountOpened', ready: false }, facts({ userName: '' })))).to.contain(
      'still being prepared',
    );
    expect(words(reduce(IDLE, { kind: 'accountRefused', message: 'invited <only>' }, facts()))).to.contain(
      '&lt;only&gt;',
    );
  });

  it('start nothing for a suspended account', () => {
    const suspended = facts({ account: { ...account, spec: { ...account.spec, suspend: true } } });
    for (const name of ['train', 'predict'] as const)
      expect(words(reduce(IDLE, command(name), suspended))).to.contain('suspended');
    expect(words(reduce(IDLE, command('status'), { ...suspended, trainings: [], predictions: [] }))).to.contain(
      'suspended',
    );
  });

  it('launch nothing for an account that was suspended on the way', () => {
    const suspended = facts({
      account: { ...account, spec: { ...account.spec, suspend: true } },
      trainings: [training('Succeeded')],
      predictions: [],
    });
    const confirming = walk(IDLE, toConfirm).next;
    const turn = reduce(confirming, press('token6:go'), suspended);
    expect(toasts(turn)).to.deep.equal(['Your account is suspended, so nothing can be started.']);
    expect(turn.next).to.equal(confirming);
    const model = { ref: 'job-u-1', target: 'price', features: ['rooms'] };
    const predicting = { step: 'predictConfirm', token: 'tok', place: 'Cloud', model, table, column: 'p' } as const;
    expect(toasts(reduce(predicting, press('tok:go'), suspended))[0]).to.contain('suspended');
    expect(toasts(reduce(IDLE, press('job:predict:u-1'), suspended))[0]).to.contain('suspended');
  });

  it('leave the conversation at /cancel, from every step, and offer running jobs', () => {
    const world = facts({ trainings: [training('Running')], predictions: [prediction('Succeeded')] });
    for (let length = 1; length <= toConfirm.length; length += 1) {
      const turn = walk(IDLE, [...toConfirm.slice(0, length), command('cancel')], world);
      expect(turn.next).to.equal(IDLE);
      expect(words(turn)).to.contain('nothing was started');
      expect(buttons(said(turn)[0])).to.deep.equal(['⏹ Cancel job-u-1']);
    }
    expect(words(walk(IDLE, [command('cancel')], facts({ trainings: [], predictions: [] })))).to.contain(
      'nothing to cancel',
    );
    const launching = walk(IDLE, [...toConfirm, '>🚀 Start training', command('cancel')], world);
    expect(launching.next.step).to.equal('trainLaunch');
    expect(words(launching)).to.contain('/cancel once more');
  });

  it('delete a running job only after a confirming button', () => {
    const world = facts({ trainings: [training('Running')], predictions: [prediction('Succeeded')] });
    const asked = walk(IDLE, [command('cancel'), '>⏹ Cancel job-u-1'], world);
    expect(doing(asked, 'deleteJob')).to.equal(undefined);
    expect(buttons(said(asked)[0])).to.deep.equal(['⏹ Yes, cancel it', '↩️ Keep it running']);
    const deleted = walk(IDLE, [command('cancel'), '>⏹ Cancel job-u-1', '>⏹ Yes, cancel it'], world);
    expect(doing(deleted, 'deleteJob')?.job).to.deep.equal({ kind: 'TrainingJob', name: 'job-u-1' });
    const kept = walk(IDLE, [command('cancel'), '>⏹ Cancel job-u-1', '>↩️ Keep it running'], world);
    expect(kept.effects.map((effect) => effect.do)).to.deep.equal(['toast', 'strip']);
    for (const action of ['cancel', 'delete'])
      expect(toasts(reduce(IDLE, press(`job:${action}:p-1`), world))[0]).to.contain('over already');
  });

  it('list, and leave a conversation where it is', () => {
    const at = walk(IDLE, toFeatures).next;
    const world = facts({ trainings: [training('Succeeded')], predictions: [prediction('Running')], datasets: [] });
    for (const [name, expected] of [
      ['jobs', 'job-u-1'],
      ['status', 'One job runs'],
      ['models', 'predicts <code>price</code>'],
      ['datasets', 'no data sets'],
      ['cost', '$0.00 of $50.00'],
    ] as const) {
      const turn = reduce(at, command(name), world);
      expect(turn.next).to.equal(at);
      expect(words(turn)).to.contain(expected);
    }
    for (const name of ['jobs', 'status', 'models', 'datasets'] as const)
      expect(words(reduce(at, command(name), facts()))).to.contain('cannot reach');
  });

  it('give the download of a model by its button', () => {
    const world = facts({ trainings: [training('Succeeded')], predictions: [] });
    expect(doing(reduce(IDLE, press('job:model:u-1'), world), 'modelLinks')?.name).to.equal('job-u-1');
  });

  it('give links to the files of a prediction by the buttons of its card and of the list, as often as asked', () => {
    const predictions = [prediction('Succeeded'), prediction('Failed', 'p-2'), prediction('Running', 'p-3')];
    const world = facts({ trainings: [training('Succeeded')], predictions });
    const list = reduce(IDLE, command('jobs'), world);
    expect(buttons(said(list)[0])).to.deep.equal(['⬇️ Result of pred-p-1']);
    const links = walk(IDLE, [command('jobs'), '>⬇️ Result of pred-p-1'], world);
    expect(doing(links, 'resultLinks')).to.deep.equal({ do: 'resultLinks', name: 'pred-p-1' });
    expect(toasts(reduce(IDLE, press('job:result:gone'), world))[0]).to.contain('don’t find');
  });

  it('give the pictures of a model by the buttons of its card and of the list', () => {
    const world = facts({ trainings: [training('Succeeded'), training('Succeeded', {}, 'u-2')], predictions: [] });
    const list = reduce(IDLE, command('models'), world);
    expect(words(list)).to.contain('1. 🧠 <b>job-u-1').and.to.contain('2. 🧠 <b>job-u-2');
    expect(buttons(said(list)[0])).to.deep.equal([
      '🔮 Predict with 1',
      '📊 Pictures of 1',
      '🔮 Predict with 2',
      '📊 Pictures of 2',
    ]);
    const all = walk(IDLE, [command('models'), '>📊 Pictures of 2'], world);
    expect(doing(all, 'pictures')).to.deep.equal({ do: 'pictures', name: 'job-u-2', part: 'all' });
    const rest = reduce(IDLE, press('job:pictures:u-1'), world);
    expect(doing(rest, 'pictures')).to.deep.equal({ do: 'pictures', name: 'job-u-1', part: 'rest' });
    expect(toasts(reduce(IDLE, press('job:pictures:gone'), world))[0]).to.contain('don’t find');
    const predicting = walk(IDLE, [command('models'), '>🔮 Predict with 2'], world);
    expect(predicting.next).to.deep.include({ step: 'predictData' });
  });

  it('ask for no more facts than they need', () => {
    expect(wanted(IDLE, command('help'))).to.deep.equal([]);
    expect(wanted(IDLE, command('datasets'))).to.deep.equal(['datasets']);
    expect(wanted(IDLE, command('models'))).to.deep.equal(['trainings']);
    expect(wanted(IDLE, command('cancel'))).to.deep.equal(['trainings', 'predictions']);
    expect(wanted(IDLE, press('job:cancel:u'))).to.include('trainings');
    expect(wanted(walk(IDLE, toData).next, type('x'))).to.deep.equal([]);
    expect(wanted(walk(IDLE, toData).next, press('x'))).to.deep.equal(['datasets']);
    expect(wanted(walk(IDLE, toModel).next, press('x'))).to.deep.equal([]);
  });
});
