import { expect } from 'chai';
import * as fc from 'fast-check';
import { mayRead, readableKey, type Bucket } from '../../cloud/access.ts';
import { AccessError } from '../../cloud/errors.ts';
import { DEFAULT_PREFIXES } from '../../cloud/keys.ts';

const bucket: Bucket = { bucket: 'ours', ...DEFAULT_PREFIXES };

describe('The access rule', () => {
  it('gives the key of a user’s own data set', () => {
    expect(readableKey(bucket, '12', 'dataset', 's3://ours/datasets/user_12/20260101T000000Z_a.csv')).to.equal(
      'datasets/user_12/20260101T000000Z_a.csv',
    );
  });

  const attacks: Record<string, string> = {
    'another user': 's3://ours/datasets/user_13/a.csv',
    'a prefix twin': 's3://ours/datasets/user_123/a.csv',
    'another bucket': 's3://theirs/datasets/user_12/a.csv',
    'a bucket twin': 's3://ours.evil/datasets/user_12/a.csv',
    'the folder itself': 's3://ours/datasets/user_12/',
    'dots upwards': 's3://ours/datasets/user_12/../user_13/a.csv',
    'a single dot': 's3://ours/datasets/user_12/./a.csv',
    'an empty segment': 's3://ours/datasets/user_12//a.csv',
    'a leading slash': 's3://ours//datasets/user_12/a.csv',
    'an encoded slash': 's3://ours/datasets/user_12%2f..%2fuser_13/a.csv',
    'encoded dots': 's3://ours/datasets/user_12/%2e%2e/user_13/a.csv',
    'a backslash': 's3://ours/datasets/user_12\\..\\user_13\\a.csv',
    'a NUL byte': 's3://ours/datasets/user_12/a\u0000.csv',
    'a newline': 's3://ours/datasets/user_12/a\n.csv',
    'another scheme': 'https://ours/datasets/user_12/a.csv',
    'no scheme': 'datasets/user_12/a.csv',
    'upper case': 's3://OURS/datasets/user_12/a.csv',
    'another place': 's3://ours/instances/AROA:i-1/ticket.json',
    'the ledger': 's3://ours/ledger/user_12/x.json',
    'a model as a data set': 's3://ours/models/user_12/m/model.onnx',
    'a decomposed character': 's3://ours/datasets/user_12/cafe\u0301.csv',
    'a key of 1,100 characters': `s3://ours/datasets/user_12/${'a'.repeat(1100)}`,
    nothing: '',
  };
  for (const [name, uri] of Object.entries(attacks))
    it(`refuses ${name}`, () => {
      expect(() => readableKey(bucket, '12', 'dataset', uri)).to.throw(AccessError);
      expect(mayRead(bucket, '12', 'dataset', uri)).to.equal(false);
    });

  it('refuses a user id that is not digits', () => {
    expect(() => readableKey(bucket, '12/../13', 'dataset', 's3://ours/datasets/user_12/../13/a.csv')).to.throw(
      AccessError,
    );
  });

  it('says what is wrong and where one’s own files are', () => {
    expect(() => readableKey(bucket, '12', 'dataset', 's3://ours/datasets/user_13/a.csv')).to.throw(
      'is not yours; your datasets are under s3://ours/datasets/user_12/',
    );
  });

  it('never lets any text reach another user’s folder', () => {
    fc.assert(
      fc.property(fc.string(), fc.constantFrom('dataset', 'model', 'prediction'), (tail, what) => {
        const uri = `s3://ours/${what === 'dataset' ? 'datasets' : what === 'model' ? 'models' : 'predictions'}/user_1${tail}`;
        if (!mayRead(bucket, '1', what, uri)) return;
        expect(readableKey(bucket, '1', what, uri)).to.match(/^(datasets|models|predictions)\/user_1\/./);
      }),
    );
  });
});
