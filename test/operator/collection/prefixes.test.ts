import { expect } from 'chai';
import { keyOwners } from '../../../operator/collection/owners.ts';
import { collectPrefix, MOST_KEYS, orphanedKeys, type CollectedPrefix } from '../../../operator/collection/prefixes.ts';
import { SILENT } from '../../../operator/runtime/logging.ts';
import { FakeBucket } from '../aws.ts';
import { ManualClock } from '../clock.ts';
import { attempt, FOLDERS, HOUR, instance, NOW, prediction, training } from './jobs.ts';

const DAY = 24 * HOUR;
const alive = {
  owners: keyOwners(
    [
      training('live', 'Running', [
        attempt({ instanceId: 'i-before', endedAt: '2026-11-20T00:00:00Z', batch: 'b-before' }),
        attempt({ number: 2, instanceId: 'i-now', batch: 'b-now' }),
      ]),
      training('done', 'Succeeded', [attempt({ instanceId: 'i-done', batch: 'b-done' })]),
    ],
    [prediction('p', 'Running')],
    FOLDERS,
  ),
  running: [instance('i-stray', { batch: 'b-stray' })],
};
const object = (key: string, age = DAY) => ({ key, bytes: 1, etag: '""', modifiedAt: NOW - age });

describe('Orphaned folders in the bucket', () => {
  const rows: [deleted: boolean, prefix: CollectedPrefix, key: string, age?: number][] = [
    [true, 'instances/', 'instances/AROA:i-done/ticket.json'],
    [true, 'instances/', 'instances/AROA:i-unheard/checkpoints/3.joblib'],
    [false, 'instances/', 'instances/AROA:i-unheard/heartbeat.json', DAY - 1],
    [false, 'instances/', 'instances/AROA:i-now/heartbeat.json'],
    [false, 'instances/', 'instances/AROA:i-before/checkpoints/3.joblib'],
    [false, 'instances/', 'instances/AROA:i-stray/heartbeat.json'],
    [false, 'instances/', 'instances/OTHER:i-done/ticket.json'],
    [false, 'instances/', 'instances/AROA:odd'],
    [false, 'checkpoints/', 'checkpoints/live/3.joblib'],
    [false, 'checkpoints/', 'checkpoints/done/3.joblib'],
    [true, 'checkpoints/', 'checkpoints/deleted/3.joblib'],
    [false, 'checkpoints/', 'checkpoints/deleted/3.joblib', DAY - 1],
    [false, 'checkpoints/', 'checkpoints/loose.joblib'],
    [true, 'batches/', 'batches/b-old.json'],
    [true, 'batches/', 'batches/b-before.json'],
    [true, 'batches/', 'batches/b-done.json'],
    [false, 'batches/', 'batches/b-old.json', DAY - 1],
    [false, 'batches/', 'batches/b-now.json'],
    [false, 'batches/', 'batches/b-stray.json'],
    [false, 'batches/', 'batches/readme.txt'],
  ];
  for (const [deleted, prefix, key, age = DAY] of rows)
    it(`${deleted ? 'include' : 'do not include'} ${key}, written ${age === DAY ? 'a day' : 'less than a day'} ago`, () => {
      expect(orphanedKeys(prefix, [object(key, age)], alive, 'AROA', NOW)).to.deep.equal(deleted ? [key] : []);
    });

  it('are kept whole while any file in them is young', () => {
    const files = [object('checkpoints/x/1.joblib', 9 * DAY), object('checkpoints/x/2.joblib', HOUR)];
    expect(orphanedKeys('checkpoints/', files, alive, 'AROA', NOW)).to.deep.equal([]);
  });

  it('go the oldest first and at most a thousand keys a pass, until none is left', async () => {
    let now = NOW - 3 * DAY;
    const bucket = new FakeBucket(() => now);
    for (let at = 0; at < 700; at += 1) bucket.set(`instances/AROA:i-2/checkpoints/${at}.joblib`, 'x');
    now -= DAY;
    for (let at = 0; at < 700; at += 1) bucket.set(`instances/AROA:i-1/checkpoints/${at}.joblib`, 'x');
    bucket.set('instances/AROA:i-now/ticket.json', 'x');
    now = NOW;
    const counted: number[] = [];
    const collect = () =>
      collectPrefix('instances/', {
        bucket,
        workerRoleId: 'AROA',
        alive: () => alive,
        clock: new ManualClock(NOW),
        logger: SILENT,
        onCollected: (count) => counted.push(count),
      });
    expect(await collect()).to.have.length(MOST_KEYS);
    expect(bucket.keys('instances/AROA:i-1/')).to.deep.equal([]);
    expect(await collect()).to.have.length(400);
    expect(await collect()).to.deep.equal([]);
    expect(counted).to.deep.equal([1000, 400]);
    expect(bucket.keys()).to.deep.equal(['instances/AROA:i-now/ticket.json']);
    bucket.objects.clear();
    expect(await collect()).to.deep.equal([]);
  });
});
