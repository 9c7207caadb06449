import { expect } from 'chai';
import fc from 'fast-check';
import { celEnvironment } from '../../../../local/kubernetes/schema/cel-library.ts';
import { escapeField } from '../../../../local/kubernetes/schema/cel-values.ts';
import { goJson, goNumber, goQuote } from '../../../../local/kubernetes/schema/causes.ts';
import { matchesFormat } from '../../../../local/kubernetes/schema/formats.ts';
import { parseQuantity } from '../../../../local/kubernetes/schema/quantity.ts';
import { compileRe2 } from '../../../../local/kubernetes/schema/regexp.ts';

describe('quantities', () => {
  for (const [text, nanos] of [
    ['1', 1_000_000_000n],
    ['100m', 100_000_000n],
    ['1.5Gi', 1_610_612_736_000_000_000n],
    ['2e3', 2_000_000_000_000n],
    ['5E-1', 500_000_000n],
    ['-1k', -1_000_000_000_000n],
    ['.5', 500_000_000n],
    ['1n', 1n],
    ['3u', 3000n],
  ] as const) {
    it(`read ${text}`, () => expect(parseQuantity(text)?.nanos).to.equal(nanos));
  }
  for (const text of ['', 'x', '1 Gi', '1GiB', '--1', '1.2.3'])
    it(`refuse ${JSON.stringify(text)}`, () => expect(parseQuantity(text)).to.equal(undefined));

  it('round up, and compare', () => {
    expect(parseQuantity('1500m')?.value).to.equal(2n);
    expect(parseQuantity('1Ki')?.compareTo(parseQuantity('1k') as never)).to.equal(1);
    expect(parseQuantity('1')?.compareTo(parseQuantity('1000m') as never)).to.equal(0);
  });
});

describe('RE2 patterns', () => {
  for (const [pattern, good, bad] of [
    ['^[a-z]+$', 'abc', 'ABC'],
    ['(?i)^abc$', 'AbC', 'abd'],
    ['^a(?i)b$', 'aB', 'AB'],
    ['^(?P<year>\\d{4})$', '2024', '24'],
    ['^[[:alpha:]]+\\z', 'ab', 'a1'],
    ['^\\Qa.b\\E$', 'a.b', 'axb'],
    ['^\\pL+$', 'é', '1'],
    ['^a{,3}$', 'a{,3}', 'aa'],
    ['^[]a]+$', ']a', 'b'],
    ['^\\x{41}$', 'A', 'B'],
    ['^(a|(?i)b)c$', 'Bc', 'AC'],
    ['^a@b\\@c$', 'a@b@c', 'abc'],
    ['^[^/]+/x}$', 'q/x}', 'x'],
  ] as const) {
    it(`${pattern} matches ${good} and not ${bad}`, () => {
      expect(compileRe2(pattern).test(good)).to.equal(true);
      expect(compileRe2(pattern).test(bad)).to.equal(false);
    });
  }
  for (const pattern of ['(?=a)', '(?<!a)', '(a)\\1', '[[:nope:]]', 'a('])
    it(`refuse ${pattern}`, () => expect(() => compileRe2(pattern)).to.throw(SyntaxError));
});

describe('Go’s way of printing', () => {
  it('quotes', () => {
    expect(goQuote('a"b\\c\n\u0001é\u200b\u00a0')).to.equal('"a\\"b\\\\c\\n\\x01é\\u200b\\u00a0"');
    expect(goQuote('\u{e0001}')).to.equal('"\\U000e0001"');
  });
  it('prints numbers', () =>
    expect([1, 0.5, 1e21, 0.00001, -2].map(goNumber)).to.deep.equal(['1', '0.5', '1e+21', '1e-05', '-2']));
  it('writes JSON with sorted keys', () => {
    expect(goJson({ b: 1, a: '<&>' })).to.equal('{"a":"\\u003c\\u0026\\u003e","b":1}');
    const property = fc.property(
      fc.jsonValue(),
      (value) => JSON.stringify(JSON.parse(goJson(value))).length === JSON.stringify(value).length,
    );
    fc.assert(property);
  });
});

describe('formats', () => {
  for (const [format, good, bad] of [
    ['date-time', '2024-01-01T00:00:00.5+01:00', '2024-01-01 00:00:00Z'],
    ['date', '2024-02-29', '2023-02-29'],
    ['duration', '1h2m3.5s', 'x'],
    ['uuid4', '123e4567-e89b-42d3-a456-426614174000', '123e4567-e89b-12d3-a456-426614174000'],
    ['uuid5', '123e4567-e89b-52d3-a456-426614174000', 'x'],
    ['uuid3', '123e4567-e89b-32d3-a456-426614174000', 'x'],
    ['mac', '00:00:5e:00:53:01', '00'],
    ['hexcolor', '#fff', '#ffff'],
    ['k8s-short-name', 'a-b', 'a.b'],
    ['k8s-long-name', 'a.b', 'A'],
    ['cidr', '::/8', '1.2.3.4'],
    ['uri', 'https://a/%20', 'https://a/%2'],
  ] as const) {
    it(`${format}: ${good}, not ${bad}`, () => {
      expect(matchesFormat(format, good)).to.equal(true);
      expect(matchesFormat(format, bad)).to.equal(false);
    });
  }
  it('are only words when unknown', () => expect(matchesFormat('int32', 'x')).to.equal(undefined));
});

describe('the CEL library', () => {
  const evaluate = (expression: string) => celEnvironment().parse(expression)() as unknown;
  for (const expression of [
    "'%s is %d, %.2f%%'.format(['x', 5, 1.5]) == 'x is 5, 1.50%'",
    "'%s'.format([[1, 2]]) == '[1, 2]'",
    "'abcabc'.replace('b', 'X', 1) == 'aXcabc'",
    "'abcabc'.replace('b', 'X', -1) == 'aXcaXc'",
    "'abc'.reverse() == 'cba'",
    "'abc'.charAt(1) == 'b'",
    "'a1b22'.findAll('[0-9]+') == ['1', '22']",
    "'a1b22'.findAll('[0-9]+', 1) == ['1']",
    '[1, 2, 2].lastIndexOf(2) == 2',
    '[1.5, 2.5].sum() == 4.0',
    "['b', 'a'].min() == 'a'",
    '![2, 1].isSorted()',
    'sets.equivalent([1, 2], [2, 1, 1])',
    'sets.intersects([1], [1, 2])',
    "url('https://u.example.com:8443/a/b?q=1').getHost() == 'u.example.com:8443'",
    "url('https://u.example.com:8443/a').getPort() == '8443'",
    "url('https://u.example.com:8443/a').getHostname() == 'u.example.com'",
    "url('/a/b').getEscapedPath() == '/a/b'",
    "url('/a/b').getHost() == '' && url('/a').getScheme() == ''",
    "!isURL('not one')",
    "quantity('1Gi').isGreaterThan(quantity('1G'))",
    "quantity('1k').add(quantity('24')).sub(quantity('1')).asInteger() == 1023",
    "quantity('1500m').asApproximateFloat() == 1.5 && !quantity('1500m').isInteger() && quantity('-1').sign() == -1",
    "quantity('1').compareTo(quantity('2')) == -1",
    "isIP('::1') && !isIP('x') && isCIDR('10.0.0.0/8')",
  ]) {
    it(`knows ${expression}`, () => expect(evaluate(expression)).to.equal(true));
  }
  for (const expression of [
    "'a'.charAt(5)",
    "url('x')",
    "quantity('x')",
    "quantity('1m').asInteger()",
    '[].max()',
    "'%s'.format([])",
    "'%q'.format([1])",
  ]) {
    it(`fails on ${expression}`, () => expect(() => evaluate(expression)).to.throw());
  }
});

describe('names of fields in rules', () => {
  it('are escaped where CEL could not read them', () => {
    expect(['a-b', 'in', 'a__b', 'x.y/z', 'plain'].map(escapeField)).to.deep.equal([
      'a__dash__b',
      '__in__',
      'a__underscores__b',
      'x__dot__y__slash__z',
      'plain',
    ]);
    expect(escapeField('1 x')).to.equal(undefined);
  });
});
