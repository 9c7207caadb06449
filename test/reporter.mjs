// Mocha reporter of `npm test`: the spec tree's failures and pending tests in full, one line a file otherwise, and the counts as
// JSON for test/run.mjs.
import { writeFileSync } from 'node:fs';
import Mocha from 'mocha';

const { EVENT_RUN_END, EVENT_TEST_PENDING, EVENT_SUITE_BEGIN, EVENT_SUITE_END } = Mocha.Runner.constants;

export default class Counting extends Mocha.reporters.Base {
  constructor(runner, options) {
    super(runner, options);
    runner.on(EVENT_TEST_PENDING, (test) => console.log(`  skipped: ${test.fullTitle()}`));
    const begun = new Map();
    runner.on(EVENT_SUITE_BEGIN, (suite) => begun.set(suite, Date.now()));
    runner.on(EVENT_SUITE_END, (suite) => {
      const seconds = ((Date.now() - begun.get(suite)) / 1000).toFixed(1);
      if (suite.parent?.root) console.log(`  ${suite.title}: ${count(suite)} tests, ${seconds} s`);
    });
    runner.once(EVENT_RUN_END, () => {
      this.epilogue();
      const { passes, failures, pending } = this.stats;
      const output = options.reporterOptions?.output ?? options.reporterOption?.output;
      if (output) writeFileSync(output, JSON.stringify({ passed: passes, failed: failures, skipped: pending }));
    });
  }
}

function count(suite) {
  return suite.tests.length + suite.suites.reduce((total, child) => total + count(child), 0);
}
