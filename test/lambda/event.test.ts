// What no schema says of an event: which of its fields contradict each other.
import { expect } from 'chai';
import type { PredictionEvent } from '../../cloud/contract/contract.generated.ts';
import { answerUrl, validated } from '../../lambda/event.ts';

const sha256 = 'a'.repeat(64);
const event: PredictionEvent = {
  version: 1,
  job: { namespace: 'n', name: 'j', uid: 'u', chunk: 0 },
  model: { uri: 's3://b/m/', url: 'http://h/m', sha256, manifestUrl: 'http://h/n', manifestSha256: sha256 },
  data: { uri: 's3://b/d', url: 'https://h/d', bytes: 30, etag: '"e"' },
  output: { uri: 's3://b/o', url: 'http://h/o' },
  prediction_column_name: 'p',
};
const parts = [{ number: 1, url: 'http://h/1' }];
const data = (rest: object) => ({ ...event, data: { ...event.data, ...rest } });
const output = (rest: object) => ({ ...event, output: { ...event.output, ...rest } });
const inParts = (rest: object) => ({ ...event, output: { uri: 's3://b/o', parts, ...rest } });

describe('an event', () => {
  const good: [string, unknown][] = [
    ['for a whole table', event],
    ['for a chunk', data({ range: { start: 10, end: 20 }, quotes: 'inside' })],
    ['for the first chunk', data({ range: { start: 0, end: 20 }, quotes: 'outside' })],
    ['for row groups', data({ rowGroups: { start: 3, end: 4 } })],
    ['into parts', inParts({ partBytes: 5242880, header: false })],
    ['for Parquet', data({ range: { start: 0, end: 30 } })],
  ];
  for (const [name, value] of good) {
    it(`${name} is taken as it is`, () => {
      expect(validated(value)).to.equal(value);
    });
  }

  const bad: [string, unknown, RegExp][] = [
    ['whose range is empty', data({ range: { start: 3, end: 3 } }), /data\.range must end after its start/],
    ['whose range goes beyond the data', data({ range: { start: 0, end: 99 } }), /within data\.bytes/],
    ['with quotes for no range', data({ quotes: 'inside' }), /data\.quotes needs a data\.range/],
    ['that begins in quotes', data({ range: { start: 0, end: 3 }, quotes: 'inside' }), /outside at the start/],
    ['for both', data({ range: { start: 0, end: 3 }, rowGroups: { start: 0, end: 1 } }), /exclude each other/],
    ['for no row group', data({ rowGroups: { start: 1, end: 1 } }), /rowGroups must end after/],
    ['without output', { ...event, output: { uri: 's3://b/o' } }, /either url or parts/],
    ['with output to two places', output({ parts }), /either url or parts/],
    ['with the size of no parts', output({ partBytes: 5242880 }), /partBytes needs output\.parts/],
    ['with parts that are too small', inParts({ partBytes: 5 }), /partBytes must be at least 5242880/],
    ['with a part twice', inParts({ parts: [...parts, ...parts] }), /in the order of their numbers/],
    ['with a part that is no URL', inParts({ parts: [{ number: 1, url: 'x' }] }), /output\.parts\[0\]\.url must be/],
    ['with an answer that is no URL', { ...event, answer: { url: 'ftp://h/' } }, /answer\.url must be an http/],
    [
      'for a part of a table as Parquet',
      { ...data({ range: { start: 10, end: 20 } }), output: { ...event.output, format: 'parquet' } },
      /needs the whole table/,
    ],
  ];
  for (const [name, value, message] of bad) {
    it(`${name} is refused`, () => {
      expect(() => validated(value))
        .to.throw(message)
        .with.property('type', 'InvalidEvent');
    });
  }

  it('names where its answer goes, however wrong it is', () => {
    expect(answerUrl({ answer: { url: 'https://h/a?s' }, version: 9 })).to.equal('https://h/a?s');
    for (const wrong of [
      undefined,
      null,
      1,
      {},
      { answer: null },
      { answer: { url: 7 } },
      { answer: { url: 'file:///x' } },
    ])
      expect(answerUrl(wrong)).to.equal(undefined);
  });
});
