import { expect } from 'chai';
import fc from 'fast-check';
import { format } from '../../../local/telegram/text/formatted.ts';
import { imageOf } from '../../../local/telegram/state/image.ts';
import { cleanName } from '../../../local/telegram/state/depot.ts';
import { PNG } from './setting.ts';

describe('local Telegram, formatted text', () => {
  const html = (source: string) => format(source, 'HTML');

  const PARSED: [source: string, text: string, entities: object[]][] = [
    [
      '<b>x<i>y</i></b>',
      'xy',
      [
        { type: 'bold', offset: 0, length: 2 },
        { type: 'italic', offset: 1, length: 1 },
      ],
    ],
    ['😀<b>x</b>', '😀x', [{ type: 'bold', offset: 2, length: 1 }]],
    ['<STRONG>x</STRONG>', 'x', [{ type: 'bold', offset: 0, length: 1 }]],
    [
      '<ins>a</ins><del>b</del>',
      'ab',
      [
        { type: 'underline', offset: 0, length: 1 },
        { type: 'strikethrough', offset: 1, length: 1 },
      ],
    ],
    ['<span class="tg-spoiler">x</span>', 'x', [{ type: 'spoiler', offset: 0, length: 1 }]],
    [
      '<pre><code class="language-json">{}</code></pre>',
      '{}',
      [{ type: 'pre', offset: 0, length: 2, language: 'json' }],
    ],
    ['<code class=language-x>y</code>', 'y', [{ type: 'code', offset: 0, length: 1 }]],
    ['<blockquote expandable>q</blockquote>', 'q', [{ type: 'blockquote', offset: 0, length: 1 }]],
    ['<a href="example.org">x</a>', 'x', [{ type: 'text_link', offset: 0, length: 1, url: 'http://example.org/' }]],
    ['<a href="javascript:alert(1)">x</a>', 'x', []],
    ["<a href='http://['>x</a>", 'x', []],
    ['<b></b>x', 'x', []],
    ['&lt;&#65;&#x42;&amp;&nbsp;&', '<AB&&nbsp;&', []],
    ['  <b> x </b>  ', 'x', [{ type: 'bold', offset: 0, length: 1 }]],
    [
      '<code>/start</code> /help',
      '/start /help',
      [
        { type: 'code', offset: 0, length: 6 },
        { type: 'bot_command', offset: 7, length: 5 },
      ],
    ],
  ];
  for (const [source, text, entities] of PARSED) {
    it(`reads ${source}`, () => {
      expect(html(source)).to.deep.equal({ text, entities });
    });
  }

  const REFUSED: [source: string, reason: string][] = [
    ['x <br>', 'Unsupported start tag "br" at byte offset 2'],
    ['é<table>', 'Unsupported start tag "table" at byte offset 2'],
    ['<b', 'Unclosed start tag at byte offset 0'],
    ['a < b', 'Unsupported start tag "" at byte offset 2'],
    ['<b>x', 'Can\'t find end tag corresponding to start tag "b"'],
    ['<b>x</i>', 'Unmatched end tag at byte offset 4, expected "</b>", found "</i>"'],
    ['x</b>', 'Unexpected end tag at byte offset 1'],
    ['<b>x</b', 'Unclosed end tag at byte offset 4'],
    ['<a href>x</a>', 'Expected equal sign in declaration of an attribute of the tag "a" at byte offset 0'],
    ['<a ="x">x</a>', 'Empty attribute name in the tag "a" at byte offset 0'],
    ['<a href="x', 'Unclosed start tag at byte offset 0'],
    ['<a href=a/b>x</a>', 'Unexpected end of name token at byte offset 8'],
    ['<span class="x">y</span>', 'Tag "span" must have class "tg-spoiler" at byte offset 0'],
  ];
  for (const [source, reason] of REFUSED) {
    it(`refuses ${source}`, () => {
      if (source === 'a < b') expect(() => html(`${source}>`)).to.throw(`Bad Request: can't parse entities: ${reason}`);
      else expect(() => html(source)).to.throw(`Bad Request: can't parse entities: ${reason}`);
    });
  }

  it('gives back any escaped text as it was, with entities inside it', () => {
    const escape = (text: string) => text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme', maxLength: 200 }), (raw) => {
        const text = raw.replaceAll('\r', '').trim();
        const parsed = html(`<b>${escape(text)}</b>`);
        expect(parsed.text).to.equal(text);
        for (const { offset, length } of parsed.entities) {
          expect(offset).to.be.at.least(0);
          expect(offset + length).to.be.at.most(text.length);
        }
      }),
    );
  });

  it('never fails on a plain text, and refuses markdown in plain words', () => {
    fc.assert(fc.property(fc.string({ maxLength: 300 }), (text) => void format(text)));
    expect(() => format('*x*', 'MarkdownV2')).to.throw('use HTML');
  });

  it('drops links that lead nowhere good', () => {
    const link = (url: string) => ({ type: 'text_link', offset: 0, length: 1, url });
    expect(format('x', '', [link('javascript:alert(1)')]).entities).to.deep.equal([]);
    expect(format('x', '', [link('https://x.org/')]).entities).to.have.length(1);
  });

  it('keeps the entities a caller gives', () => {
    const entities = [{ type: 'bold', offset: 2, length: 50 }];
    expect(format('  abc ', '', entities).entities).to.deep.equal([{ type: 'bold', offset: 0, length: 3 }]);
  });
});

describe('local Telegram, images and names', () => {
  it('finds the size of PNG, GIF, JPEG and WebP', () => {
    expect(imageOf(PNG)).to.deep.equal({ mime: 'image/png', width: 3, height: 2 });
    expect(imageOf(Buffer.from('474946383961050007000000', 'hex'))).to.deep.equal({
      mime: 'image/gif',
      width: 5,
      height: 7,
    });
    const jpeg = Buffer.from('ffd8ffe000104a46494600010100000100010000ffc0001108000700050301220002110103110100', 'hex');
    expect(imageOf(jpeg)).to.deep.equal({ mime: 'image/jpeg', width: 5, height: 7 });
    const webp = (kind: string, rest: string) =>
      Buffer.concat([Buffer.from('RIFF\0\0\0\0WEBP'), Buffer.from(kind), Buffer.from(rest.padEnd(36, '0'), 'hex')]);
    expect(imageOf(webp('VP8X', '0a0000000000000004000006'.padEnd(28, '0')))).to.deep.equal({
      mime: 'image/webp',
      width: 5,
      height: 7,
    });
    expect(imageOf(webp('VP8 ', '0000000000000000000005000700'))).to.include({ width: 5, height: 7 });
    expect(imageOf(webp('VP8L', '000000002f04800100'))).to.include({ width: 5, height: 7 });
    expect(imageOf(webp('ALPH', ''))).to.equal(undefined);
  });

  it('takes nothing else for an image, whatever its bytes', () => {
    expect(imageOf(Buffer.from('ffd8ffe0ffff', 'hex'))).to.equal(undefined);
    fc.assert(fc.property(fc.uint8Array({ maxLength: 60 }), (bytes) => void imageOf(Buffer.from(bytes))));
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 60 }), (bytes) => void imageOf(Buffer.from([0xff, 0xd8, ...bytes]))),
    );
  });

  it('cleans file names', () => {
    const names = ['a.csv', '../../x', 'C:\\data\\y.csv', 'a\u0000b\n', '', '..', 'x'.repeat(300)].map(cleanName);
    expect(names).to.deep.equal(['a.csv', 'x', 'y.csv', 'ab', 'file', 'file', 'x'.repeat(255)]);
  });
});
