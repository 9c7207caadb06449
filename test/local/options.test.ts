import { expect } from 'chai';
import { HELP, readOptions, UsageError, type StartOptions } from '../../local/options.ts';

const read = (line: string, interactive = true) =>
  readOptions(line.split(' ').filter(Boolean), interactive) as StartOptions;

describe('npm start’s options', () => {
  it('stay up in a terminal and stop without one', () => {
    expect(read('')).to.include({ once: false, idle: false, fresh: false, json: false, state: '.spotlearn' });
    expect(read('', false).once).to.equal(true);
    expect(read('--idle', false).once).to.equal(false);
    expect(read('--once').once).to.equal(true);
  });

  it('take one’s own table', () => {
    expect(read('--data a.csv --target y').job).to.deep.equal({ data: 'a.csv', target: 'y', predict: undefined });
    expect(read('--data a.csv --target y --predict b.csv').job?.predict).to.equal('b.csv');
  });

  it('take instances away so often', () => {
    expect(read('--once --interruptions 3').interruptions).to.equal(3);
    expect(read('--once').interruptions).to.equal(undefined);
  });

  it('are all shown by --help', () => {
    expect(readOptions(['--help'], true)).to.equal('help');
    for (const option of [
      '--once',
      '--idle',
      '--fresh',
      '--state',
      '--data',
      '--target',
      '--predict',
      '--json',
      '--kubeconfig',
      '--interruptions',
    ])
      expect(HELP).to.include(option);
  });

  for (const line of [
    '--nope',
    '--once --idle',
    '--data a.csv',
    '--target y',
    '--predict b.csv',
    'stray',
    '--interruptions 0',
    '--interruptions 6',
    '--interruptions 1.5',
    '--interruptions many',
    '--interruptions 1 --idle',
    '--interruptions 1 --data a.csv --target y',
  ])
    it(`are refused in one sentence: ${line}`, () => {
      expect(() => read(line))
        .to.throw(UsageError)
        .and.not.match(/\n/);
    });
});
