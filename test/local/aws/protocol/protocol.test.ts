// The codecs that the services share.
import { expect } from 'chai';
import fc from 'fast-check';
import { jsonAnswer, jsonBody, jsonError, jsonTarget } from '../../../../local/aws/protocol/json.ts';
import { ec2Answer, ec2Error, queryError, readQuery } from '../../../../local/aws/protocol/query.ts';
import {
  child,
  children,
  childText,
  parseXml,
  XmlSyntaxError,
  xmlDocument,
} from '../../../../local/aws/protocol/xml.ts';
import { type AwsResponse, AwsServiceError } from '../../../../local/aws/service.ts';

describe('XML', () => {
  it('gives back any text that was written', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        const element = parseXml(xmlDocument('Root', { Key: text }));
        expect(child(element, 'Key')?.text).to.equal(text);
      }),
    );
  });

  it('repeats arrays, leaves undefined out, writes dates and an namespace', () => {
    const written = xmlDocument('R', { A: [1, { B: true }], C: undefined, D: new Date(0) }, 'urn:x');
    expect(written).to.equal(
      '<?xml version="1.0" encoding="UTF-8"?>\n<R xmlns="urn:x"><A>1</A><A><B>true</B></A><D>1970-01-01T00:00:00.000Z</D></R>',
    );
  });

  it('reads prefixes, attributes, comments, CDATA, empty elements and entities', () => {
    const element = parseXml(
      '<?xml version="1.0"?><s:R xmlns:s="u"><!-- c --><A k="1"/><A><![CDATA[<&>]]></A><B>&lt;&#65;&#x42;&amp;</B></s:R>',
    );
    expect([
      element.name,
      children(element, 'A').map((each) => each.text),
      childText(element, 'B'),
      childText(element, 'C'),
    ]).to.deep.equal(['R', ['', '<&>'], '<AB&', undefined]);
  });

  for (const bad of [
    '',
    'text',
    '<a>',
    '<a></b>',
    '<a/><b/>',
    '<a>&bomb;</a>',
    '<a>& </a>',
    '<!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>',
    '<a>&#x110000;</a>',
    '</a>',
    '<a b=c/>',
  ]) {
    it(`refuses ${bad === '' ? 'nothing' : bad}`, () => expect(() => parseXml(bad)).to.throw(XmlSyntaxError));
  }
});

function text(answer: AwsResponse): string {
  return typeof answer.body === 'string' ? answer.body : '';
}

describe('the query protocol', () => {
  it('makes a tree of dotted names', () => {
    const tree = readQuery(
      new URLSearchParams(
        'Action=X&Filter.1.Name=tag&Filter.1.Value.2=b&Filter.1.Value.1=a&Tags.member.1.Key=k&Spec.Type=t',
      ),
    );
    expect(tree).to.deep.equal({
      Action: 'X',
      Filter: [{ Name: 'tag', Value: ['a', 'b'] }],
      Tags: [{ Key: 'k' }],
      Spec: { Type: 't' },
    });
    expect(readQuery(new URLSearchParams(''))).to.deep.equal({});
  });

  it('sorts numbered members as numbers', () => {
    expect(readQuery(new URLSearchParams('Id.10=j&Id.9=i')).Id).to.deep.equal(['i', 'j']);
  });

  it('writes answers and errors as EC2 and the others do', () => {
    const error = new AwsServiceError('Bad', 'no <way>', 400);
    expect(text(ec2Answer('DescribeX', { xSet: { item: [{ id: 1 }] } }, 'r'))).to.include(
      '<requestId>r</requestId><xSet><item><id>1</id></item></xSet></DescribeXResponse>',
    );
    expect(text(ec2Error(error, 'r'))).to.include(
      '<Response><Errors><Error><Code>Bad</Code><Message>no &lt;way&gt;</Message></Error></Errors><RequestID>r</RequestID></Response>',
    );
    expect(text(queryError(error, 'r', 'urn:x'))).to.include('<Type>Sender</Type><Code>Bad</Code>');
    expect(text(queryError(new AwsServiceError('Oops', '', 500), 'r', 'urn:x'))).to.include('<Type>Receiver</Type>');
  });
});

describe('the JSON protocols', () => {
  const body = (text: string) => ({ body: async () => Buffer.from(text) });

  it('read the operation and the body', async () => {
    expect(jsonTarget({ headers: { 'x-amz-target': 'Logs_20140328.PutLogEvents' } })).to.equal('PutLogEvents');
    expect(() => jsonTarget({ headers: {} })).to.throw('X-Amz-Target');
    expect(await jsonBody(body('{"a":1}'))).to.deep.equal({ a: 1 });
    expect(await jsonBody(body(''))).to.deep.equal({});
    for (const bad of ['[]', '{', 'null', '1']) {
      expect(
        await jsonBody(body(bad)).then(
          () => '',
          (error: AwsServiceError) => error.code,
        ),
        bad,
      ).to.equal('SerializationException');
    }
  });

  it('write answers and errors', () => {
    expect(jsonAnswer({ a: 1 }, '1.0')).to.deep.equal({
      status: 200,
      headers: { 'content-type': 'application/x-amz-json-1.0' },
      body: '{"a":1}',
    });
    const error = jsonError(new AwsServiceError('X', 'm', 429), 'r', 'rest');
    expect([error.status, error.headers?.['x-amzn-errortype'], error.headers?.['content-type']]).to.deep.equal([
      429,
      'X',
      'application/json',
    ]);
  });
});
