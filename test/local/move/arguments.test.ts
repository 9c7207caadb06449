import { expect } from 'chai';
import { HELP, readMove } from '../../../local/move/arguments.ts';
import { UsageError } from '../../../local/options.ts';

describe('The command line of npm run move', () => {
  it('only rehearses unless told to', () => {
    expect(readMove(['--to', 'k'])).to.deep.equal({ to: 'k', from: '.spotlearn', yes: false, undo: false });
    expect(readMove(['--to', 'k', '--from', 'f', '--yes'])).to.include({ from: 'f', yes: true });
    expect(readMove(['--help'])).to.equal('help');
    for (const option of ['--to', '--from', '--yes', '--undo']) expect(HELP).to.include(option);
  });

  it('says what is wrong with it', () => {
    for (const [args, sentence] of [
      [[], '--to KUBECONFIG is missing'],
      [['--to', ''], '--to KUBECONFIG is missing'],
      [['--to', 'k', '--yes', '--undo'], 'choose one'],
      [['--to', 'k', '--force'], 'npm run move -- --help'],
      [['k'], 'npm run move -- --help'],
    ] as const)
      expect(() => readMove(args)).to.throw(UsageError, sentence);
  });
});
