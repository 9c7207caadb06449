import { expect } from 'chai';
import { ACCOUNT_REASONS, EVENT_REASONS, PREDICTION_REASONS, TRAINING_REASONS } from '../../crds/reasons.ts';

describe('The reasons', () => {
  it('are stable names with a sentence each', () => {
    for (const table of [TRAINING_REASONS, PREDICTION_REASONS, ACCOUNT_REASONS, EVENT_REASONS])
      for (const [reason, { means, todo }] of Object.entries(table)) {
        expect(reason).to.match(/^[A-Z][A-Za-z]+$/);
        expect(means, reason).to.match(/[.…)]$/);
        if (todo !== '') expect(todo, reason).to.match(/[.)]$/);
      }
  });
});
