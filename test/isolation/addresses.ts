// Addresses by which a user tries to reach what is another's, for spec.dataset.uri, spec.data.uri and the chat. `me` is the attacker, `you` the
// other; `you` may begin with `me`, as user 12 with user 1.
export interface Address {
  readonly what: string;
  readonly uri: (me: string, you: string) => string;
  /** Who says no: the schema of the CRD, or whoever asks the access rule. Default: the rule. */
  readonly by?: 'schema' | 'missing';
}

const s3 = (key: string) => `s3://bucket/${key}`;
const inData = (what: string, path: (me: string, you: string) => string, by?: Address['by']): Address => ({
  what,
  uri: (me, you) => s3(`datasets/${path(me, you)}`),
  ...(by ? { by } : {}),
});
const whole = (what: string, uri: Address['uri'], by?: Address['by']): Address => ({
  what,
  uri,
  ...(by ? { by } : {}),
});

export const ADDRESSES: readonly Address[] = [
  inData('the other’s file, plainly', (_, you) => `user_${you}/a.csv`),
  inData('the file of one whose id begins with mine', (me) => `user_${me}2/a.csv`),
  inData('my folder without its slash', (me) => `user_${me}`),
  inData('my folder alone', (me) => `user_${me}/`),
  inData('an id with a zero before it', (me) => `user_0${me}/a.csv`),
  inData('an id with a plus', (me) => `user_+${me}/a.csv`),
  inData('an id with a space after it', (_, you) => `user_${you} /a.csv`),
  inData('an id with a dot after it', (_, you) => `user_${you}./a.csv`),
  inData('dots', (me, you) => `user_${me}/../user_${you}/a.csv`),
  inData('dots and a dot', (me, you) => `user_${me}/./../user_${you}/a.csv`),
  inData('dots after two slashes', (me, you) => `user_${me}//../user_${you}/a.csv`),
  inData('dots to the very top', (me, you) => `user_${me}/../../../datasets/user_${you}/a.csv`),
  inData('dots at the end', (me) => `user_${me}/..`),
  inData('an empty part', (me) => `user_${me}//a.csv`),
  inData('encoded dots', (me, you) => `user_${me}/%2e%2e/user_${you}/a.csv`),
  inData('encoded dots and slash, in capitals', (me, you) => `user_${me}/%2E%2E%2Fuser_${you}/a.csv`),
  inData('twice encoded dots', (me, you) => `user_${me}/%252e%252e%252fuser_${you}/a.csv`),
  inData('an encoded slash after my id', (me, you) => `user_${me}%2f..%2fuser_${you}/a.csv`),
  inData('an encoded slash that is too long', (me, you) => `user_${me}/..%c0%afuser_${you}/a.csv`),
  inData('an encoded letter of the other’s id', (_, you) => `user_%3${you[0]}${you.slice(1)}/a.csv`),
  inData('an encoded NUL', (me, you) => `user_${me}/%00/../user_${you}/a.csv`),
  inData('backslashes', (me, you) => `user_${me}\\..\\user_${you}\\a.csv`),
  inData('a backslash in my folder', (me, you) => `user_${me}/..\\user_${you}\\a.csv`),
  inData('a NUL', (me, you) => `user_${me}/\u0000/../user_${you}/a.csv`),
  inData('a NUL after the name', (me) => `user_${me}/a.csv\u0000.gz`),
  inData('a tab', (me) => `user_${me}/\ta.csv`),
  inData('a DEL', (me) => `user_${me}/\u007fa.csv`),
  inData(
    'a line break with a second address',
    (me, you) => `user_${me}/a.csv\ns3://bucket/datasets/user_${you}/a.csv`,
    'schema',
  ),
  inData('wide slashes', (me, you) => `user_${me}／..／user_${you}／a.csv`),
  inData('wide slashes in my folder', (me, you) => `user_${me}/x／..／..／user_${you}／a.csv`, 'missing'),
  inData('wide dots', (me, you) => `user_${me}/．．/user_${you}/a.csv`, 'missing'),
  inData('one character of two dots', (me, you) => `user_${me}/‥/user_${you}/a.csv`, 'missing'),
  inData(
    'wide digits',
    (_, you) => `user_${[...you].map((digit) => String.fromCodePoint(0xff10 + Number(digit))).join('')}/a.csv`,
  ),
  inData(
    'Arabic digits',
    (_, you) => `user_${[...you].map((digit) => String.fromCodePoint(0x660 + Number(digit))).join('')}/a.csv`,
  ),
  inData('a name taken apart (NFD)', (me) => `user_${me}/${'é'.normalize('NFD')}.csv`),
  inData('a Kelvin sign, which NFC makes a K', (me) => `user_${me}/\u212a.csv`),
  inData('an invisible character in the other’s id', (_, you) => `user_\u200b${you}/a.csv`),
  inData('text turned around', (_, you) => `\u202euser_${you}/a.csv`),
  inData('a question mark with a version', (_, you) => `user_${you}/a.csv?versionId=1`),
  inData('a question mark with dots after it', (me, you) => `user_${me}/a.csv?x=/../../user_${you}/a.csv`),
  inData('a question mark in my folder', (me) => `user_${me}/a.csv?acl`, 'missing'),
  inData('a hash with dots after it', (me, you) => `user_${me}/a.csv#/../../user_${you}/a.csv`),
  inData('a star for the id', () => 'user_*/a.csv'),
  inData('a star in my folder', (me) => `user_${me}/*`, 'missing'),
  inData('a placeholder', () => 'user_${aws:userid}/a.csv'),
  whole('my address in another bucket', (me) => `s3://bucket2/datasets/user_${me}/a.csv`),
  whole('a bucket with dots', (_, you) => `s3://bucket.s3.amazonaws.com/datasets/user_${you}/a.csv`),
  whole('a bucket in capitals', (me) => `s3://BUCKET/datasets/user_${me}/a.csv`, 'schema'),
  whole('a scheme in capitals', (_, you) => `S3://bucket/datasets/user_${you}/a.csv`, 'schema'),
  whole('the scheme of Hadoop', (_, you) => `s3a://bucket/datasets/user_${you}/a.csv`, 'schema'),
  whole('a web address', (_, you) => `https://bucket.s3.amazonaws.com/datasets/user_${you}/a.csv`, 'schema'),
  whole('a file of the machine', () => 'file:///etc/passwd', 'schema'),
  whole('instance metadata', () => 'http://169.254.169.254/latest/meta-data/', 'schema'),
  whole('an ARN', (_, you) => `arn:aws:s3:::bucket/datasets/user_${you}/a.csv`, 'schema'),
  whole(
    'an access point',
    (_, you) => `s3://arn:aws:s3:eu-central-1:000000000000:accesspoint/x/datasets/user_${you}/a.csv`,
    'schema',
  ),
  whole('credentials before the bucket', (_, you) => `s3://me@bucket/datasets/user_${you}/a.csv`, 'schema'),
  whole('no bucket', (_, you) => `s3:///datasets/user_${you}/a.csv`, 'schema'),
  whole('a space before it', (_, you) => ` s3://bucket/datasets/user_${you}/a.csv`, 'schema'),
  whole('an endless address', (me) => s3(`datasets/user_${me}/${'a'.repeat(1300)}`), 'schema'),
  whole('two slashes after the bucket', (_, you) => `s3://bucket//datasets/user_${you}/a.csv`),
  whole('dots after the bucket', (_, you) => s3(`../bucket/datasets/user_${you}/a.csv`)),
  whole('the prefix in capitals', (me) => s3(`Datasets/user_${me}/a.csv`)),
  whole('the other’s model', (_, you) => s3(`models/user_${you}/secret/model.onnx`)),
  whole('my model as a table', (me) => s3(`models/user_${me}/model/model.onnx`)),
  whole('the other’s predictions', (_, you) => s3(`predictions/user_${you}/uid/predictions.csv`)),
  whole('the ticket of an instance', () => s3('instances/AROAEXAMPLEEXAMPLE01:i-00000000000000001/ticket.json')),
  whole('the other’s bill', (_, you) => s3(`ledger/user_${you}/2026-11/x.json`)),
  whole('the audit trail', () => s3('audit/2026-11-27/x.json')),
  whole('a deleted account’s export', (_, you) => s3(`exports/user_${you}/uid/datasets/a.csv`)),
  whole('another job’s checkpoint', () => s3('checkpoints/uid/5.joblib')),
  whole('the worker’s code', () => s3('artefacts/worker/x.tar.gz')),
];
