import { expect } from 'chai';
import { ConfigurationError } from '../../../cloud/errors.ts';
import { readRequest } from '../../../operator/logs/arguments.ts';

const PLAIN = { namespace: 'ml-user-1', job: 'credit', follow: true, attempt: undefined, sinceMs: undefined };

const FIT: [words: string, request: object][] = [
  ['ml-user-1/credit', PLAIN],
  ['credit -n ml-user-1', PLAIN],
  ['--namespace ml-user-1 credit', PLAIN],
  ['ml-user-1/credit -n ml-user-1', PLAIN],
  ['ml-user-1/credit --no-follow', { ...PLAIN, follow: false }],
  ['ml-user-1/credit --attempt 12', { ...PLAIN, attempt: 12 }],
  ['ml-user-1/credit --since 10m', { ...PLAIN, sinceMs: 600_000 }],
  ['ml-user-1/credit --since 1d1h1m1s', { ...PLAIN, sinceMs: 90_061_000 }],
];

const UNFIT: [words: string, problem: RegExp][] = [
  ['', /Which job/],
  ['-n ml-user-1', /Which job/],
  ['credit', /In which namespace is “credit”/],
  ['a/b c', /One job at a time: what is “c”/],
  ['a/b/c', /“a\/b\/c” is not <namespace>\/<job>/],
  ['a/b -n c', /“a\/b” and -n c name two namespaces/],
  ['a/', /“” is no name/],
  ['/b', /“” is no name/],
  ['a/B_', /“B_” is no name/],
  ['../x/y -n b', /is not <namespace>/],
  ['a/b --attempt 0', /--attempt is a number from 1 on, not “0”/],
  ['a/b --attempt one', /“one”/],
  ['a/b --attempt 1e3', /“1e3”/],
  ['a/b --since 10', /--since is a time such as .* not “10”/],
  ['a/b --since m10', /“m10”/],
  ['a/b --since', /argument missing/],
  ['a/b --tail 5', /Unknown option '--tail'/],
];

const words = (text: string) => text.split(' ').filter((word) => word !== '');

describe('The command line of npm run logs', () => {
  for (const [text, request] of FIT)
    it(`reads “${text}”`, () => expect(readRequest(words(text))).to.deep.equal(request));
  for (const [text, problem] of UNFIT)
    it(`refuses “${text}”, says why and how to ask`, () => {
      expect(() => readRequest(words(text)))
        .to.throw(ConfigurationError, problem)
        .with.property('message')
        .that.matches(/Usage: npm run logs/);
    });
  it('gives nothing to do when asked for help', () => {
    expect(readRequest(['--help'])).to.equal(undefined);
    expect(readRequest(['a/b', '-h'])).to.equal(undefined);
  });
});
