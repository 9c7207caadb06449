// Sums over users, days, services and operations: exact, and the same from cubes and from entries.
import { expect } from 'chai';
import { ledgerRow, ledgerRows } from '../../../cloud/ledger/folders.ts';
import { type Filter, sums, type UserRow } from '../../../cloud/ledger/queries.ts';
import { entryOf } from './world.ts';

const rows: UserRow[] = Array.from({ length: 12 }, (_, at) => ({
  ...ledgerRow(entryOf(at + 1)),
  userId: at % 2 === 0 ? '42' : '7',
}));
const total = (filter: Filter) => sums(rows, [], filter).map(({ usd, count }) => [usd, count]);

describe('Questions to the ledger', () => {
  it('are answered for everything at once', () => {
    expect(sums(rows, [])).to.deep.equal([{ names: [], usd: 1.200000078, onDemandUsd: 3.6, seconds: 79.5, count: 12 }]);
    expect(sums([], [])).to.deep.equal([]);
  });

  it('are answered by user, day, month, service and operation', () => {
    expect(sums(rows, ['user', 'service']).map(({ names, count }) => [...names, count])).to.deep.equal([
      ['42', 'ec2', 4],
      ['42', 'lambda', 2],
      ['7', 'ec2', 4],
      ['7', 'lambda', 2],
    ]);
    expect(sums(rows, ['operation']).map(({ names, usd }) => [...names, usd])).to.deep.equal([
      ['prediction', 0.40000003],
      ['training', 0.800000048],
    ]);
    expect(sums(rows, ['month', 'day'])).to.have.length(12);
  });

  it('leave out what does not match: user, both ends of the days, service, operation', () => {
    expect(total({ userId: '7' })).to.deep.equal([[0.600000042, 6]]);
    expect(total({ from: '2026-11-03', to: '2026-11-04' })).to.deep.equal([[0.200000007, 2]]);
    expect(total({ service: 'lambda', from: '2026-11-09' })).to.deep.equal([[0.200000021, 2]]);
    expect(total({ operation: 'training', to: '2026-11-01' })).to.deep.equal([[0.100000001, 1]]);
    expect(total({ userId: '1' })).to.deep.equal([]);
  });

  it('have the same answer from cubes as from entries', () => {
    const ofUser = (userId: string) => rows.filter((row) => row.userId === userId);
    const cubes = ['42', '7'].flatMap((userId) => ledgerRows(ofUser(userId)).map((row) => ({ ...row, userId })));
    expect(sums(cubes, ['user', 'day', 'operation'])).to.deep.equal(sums(rows, ['user', 'day', 'operation']));
  });
});
