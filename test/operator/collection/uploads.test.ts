import { expect } from 'chai';
import { keyOwners } from '../../../operator/collection/owners.ts';
import { collectUploads, orphanedUploads } from '../../../operator/collection/uploads.ts';
import { SILENT } from '../../../operator/runtime/logging.ts';
import { failure, FakeBucket } from '../aws.ts';
import { ManualClock } from '../clock.ts';
import { attempt, FOLDERS, HOUR, NOW, prediction, training } from './jobs.ts';

const DAY = 24 * HOUR;
const owners = keyOwners(
  [
    training('live', 'Running', [attempt({ instanceId: 'i-up' }), attempt({ number: 2, instanceId: 'i-down' })]),
    training('done', 'Succeeded'),
  ],
  [prediction('merging', 'Merging'), prediction('new', ''), prediction('cancelled', 'Cancelled')],
  FOLDERS,
);
const running = new Set(['i-up']);

describe('Orphaned multipart uploads', () => {
  const rows: [orphan: boolean, key: string, age?: number][] = [
    [false, 'instances/AROA:i-up/checkpoints/9.joblib'],
    [true, 'instances/AROA:i-down/checkpoints/9.joblib'],
    [true, 'instances/AROA:i-unheard/result/model.onnx'],
    [false, 'instances/AROA:i-unheard/result/model.onnx', DAY - 1],
    [false, 'instances/OTHER:i-unheard/result/model.onnx'],
    [false, 'predictions/user_7/merging/result.csv'],
    [false, 'predictions/user_7/new/result.csv'],
    [true, 'predictions/user_7/cancelled/result.csv'],
    [true, 'predictions/user_7/deleted/result.csv'],
    [false, 'predictions/user_7/deleted/result.csv', DAY - 1],
    [false, 'predictions/user_7'],
    [false, 'checkpoints/live/5.joblib'],
    [true, 'checkpoints/done/5.joblib'],
    [true, 'checkpoints/deleted/5.joblib'],
    [false, 'models/user_7/model-live/model.onnx'],
    [true, 'models/user_7/model-done/model.onnx'],
    [true, 'models/user_8/model-live/model.onnx'],
    [false, 'datasets/user_7/20261101T000000Z_big.csv'],
    [false, 'artefacts/worker/abc.tar.gz'],
  ];
  for (const [orphan, key, age = DAY] of rows)
    it(`${orphan ? 'include' : 'do not include'} ${key}, begun ${age === DAY ? 'a day' : 'less than a day'} ago`, () => {
      const found = orphanedUploads([{ key, id: 'u', startedAt: NOW - age }], owners, running, FOLDERS, NOW);
      expect(found).to.have.length(orphan ? 1 : 0);
    });

  it('are aborted one by one; those of a live PredictionJob stay, and one refusal holds up no other', async () => {
    const bucket = new FakeBucket(() => NOW);
    for (const uid of ['gone-1', 'merging', 'gone-2'])
      bucket.open.set(uid, { key: `predictions/user_7/${uid}/result.csv`, id: uid, startedAt: NOW - DAY });
    const counted: number[] = [];
    const collect = () =>
      collectUploads({
        bucket,
        folders: FOLDERS,
        owners: () => owners,
        running: () => running,
        clock: new ManualClock(NOW),
        logger: SILENT,
        onCollected: (count) => counted.push(count),
      });
    bucket.before('abortUpload', failure('throttled'));
    expect(await collect()).to.deep.equal(['predictions/user_7/gone-2/result.csv']);
    expect(await collect()).to.deep.equal(['predictions/user_7/gone-1/result.csv']);
    expect(await collect()).to.deep.equal([]);
    expect(counted).to.deep.equal([1, 1]);
    expect([...bucket.open.keys()]).to.deep.equal(['merging']);
  });
});
