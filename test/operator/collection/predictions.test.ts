import { expect } from 'chai';
import { orphanedPredictionKeys } from '../../../operator/collection/predictions.ts';
import { FOLDER_ORPHAN_AFTER_MS, MOST_KEYS } from '../../../operator/collection/prefixes.ts';

const PREFIXES = { predictionPrefix: 'predictions' };
const NOW = FOLDER_ORPHAN_AFTER_MS * 2;
const at = (key: string, ageMs = FOLDER_ORPHAN_AFTER_MS) => ({ key, bytes: 1, etag: '"e"', modifiedAt: NOW - ageMs });
const orphans = (keys: ReturnType<typeof at>[], live: string[] = []) =>
  orphanedPredictionKeys(keys, { live: new Set(live) }, PREFIXES, NOW);

describe('What predictions leave behind', () => {
  const answer = 'predictions/user_1/u1/.job/0-9.answer.json';
  const result = 'predictions/user_1/u1/predictions.csv';
  const summary = 'predictions/user_1/u1/summary.json';

  it('is collected a day after the last write, and never of a job that lives', () => {
    expect(orphans([at(answer)])).to.deep.equal([answer]);
    expect(orphans([at(answer, FOLDER_ORPHAN_AFTER_MS - 1)])).to.deep.equal([]);
    expect(orphans([at(answer), at(result, 1)])).to.deep.equal([]);
    expect(orphans([at(answer)], ['u1'])).to.deep.equal([]);
  });

  it('includes the result of a job that never succeeded, and never one that did', () => {
    expect(orphans([at(answer), at(result)])).to.deep.equal([answer, result]);
    expect(orphans([at(answer), at(result), at(summary)])).to.deep.equal([answer]);
    expect(orphans([at(result)])).to.deep.equal([]);
    expect(orphans([at(result), at(summary)])).to.deep.equal([]);
  });

  it('is told apart by folder, and a thousand keys a pass', () => {
    const other = 'predictions/user_2/u2/.job/plan.json';
    expect(orphans([at(answer), at(other)], ['u1'])).to.deep.equal([other]);
    expect(orphans([at('predictions/user_1/readme.txt'), at('predictions/odd')])).to.deep.equal([]);
    const many = Array.from({ length: MOST_KEYS + 5 }, (_, one) => at(`predictions/user_1/u${one}/.job/plan.json`));
    expect(orphans(many)).to.have.length(MOST_KEYS);
  });
});
