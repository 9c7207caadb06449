import { expect } from 'chai';
import fc from 'fast-check';
import { bold, code, label, message, names, short, text } from '../../../bot/wording/html.ts';
import { bar, bytes, duration, figure, usd, when } from '../../../bot/wording/figures.ts';
import { uploadLink } from '../../../bot/wording/data.ts';

describe('Text for Telegram', () => {
  it('escapes what would be markup', () => {
    expect(bold('<script>&"{braces}')).to.equal('<b>&lt;script&gt;&amp;&quot;{braces}</b>');
    expect(code('a</code><b>')).to.equal('<code>a&lt;/code&gt;&lt;b&gt;</code>');
  });

  it('shortens between whole characters and keeps no control or direction characters', () => {
    expect(short('👩‍👩‍👧‍👦'.repeat(10), 30)).to.equal(`${'👩‍👩‍👧‍👦'.repeat(2)}…`);
    expect(short('a\nb\u202ec\u0000d')).to.equal('a b c d');
    expect(short('x'.repeat(300))).to.have.length(64);
  });

  it('keeps labels of buttons within 60 characters and never empty', () => {
    expect(label('é'.repeat(300)).length).to.be.at.most(60);
    expect(label(' \n ')).to.equal('(no name)');
  });

  it('is balanced and short enough for any foreign text (property)', () => {
    fc.assert(
      fc.property(fc.array(fc.string({ unit: 'binary', maxLength: 300 }), { maxLength: 60 }), (foreign) => {
        const html = message(foreign.map((one) => `${bold(one)} ${code(one)}`));
        expect(html.length).to.be.at.most(4096);
        expect(html.replace(/<\/?(b|code)>/g, '')).to.not.match(/[<>]/);
        for (const tag of ['b', 'code']) expect(html.split(`<${tag}>`).length).to.equal(html.split(`</${tag}>`).length);
      }),
    );
  });

  it('names some of many columns', () => {
    expect(names(['a', 'b', 'c'], 2)).to.equal('<code>a</code>, <code>b</code> and 1 more');
  });
  it('gives foreign text its limit', () => {
    expect(text('abcdef', 4)).to.equal('abc…');
  });
});

describe('Figures', () => {
  it('are read at a glance', () => {
    expect([bytes(5), bytes(1500), bytes(20e6), bytes(123e6), bytes(5e9), bytes(2e12), bytes(9e15)]).to.deep.equal([
      '5 bytes',
      '1.5 kB',
      '20.0 MB',
      '123 MB',
      '5.0 GB',
      '2.0 TB',
      '9000 TB',
    ]);
    expect([duration(5), duration(60), duration(90), duration(3700), duration(-1)]).to.deep.equal([
      '5 s',
      '1 min',
      '1 min 30 s',
      '1 h 1 min',
      '0 s',
    ]);
    expect([figure(0.123456), figure(12345.6), figure(-2)]).to.deep.equal(['0.1235', '12,346', '-2']);
    expect(when(Date.UTC(2026, 1, 3, 4, 5))).to.equal('2026-02-03 04:05');
    expect([bar(0), bar(50), bar(120)]).to.deep.equal(['▱▱▱▱▱▱▱▱▱▱▱▱ 0 %', '▰▰▰▰▰▰▱▱▱▱▱▱ 50 %', '▰▰▰▰▰▰▰▰▰▰▰▰ 120 %']);
    expect([usd(0.00001), usd(1.5), usd(0.0123)]).to.deep.equal(['under $0.0001', '$1.50', '$0.0123']);
  });
});

describe('The upload line', () => {
  it('is safe to paste for any file name', () => {
    expect(uploadLink('t', 'a.csv', 'http://x/?a=1&b=2').html).to.contain(
      "<pre>curl -T a.csv 'http://x/?a=1&amp;b=2'</pre>",
    );
    expect(uploadLink('t', "-x'; rm *.csv", 'u').html).to.contain(`curl -T './-x'\\''; rm *.csv' 'u'`);
  });
});
