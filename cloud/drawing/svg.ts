// The few shapes our pictures are made of, as SVG. Text goes through here: one line, cut to the room it has, escaped. The font is DejaVu
// Sans: its widths are estimated, on the wide side, and a character of a script that it lacks becomes one empty box.
import { characters, escape, short } from '../labels.ts';

/** Okabe and Ito, "Color universal design" (2008), as in the pictures of the training: told apart by colour-blind people, too. */
export const BLUE = '#0072B2';
export const ORANGE = '#E69F00';
export const VERMILION = '#D55E00';
export const INK = '#222222';
export const FAINT = '#666666';
export const GRID = '#DDDDDD';

export interface TextStyle {
  readonly size?: number;
  readonly bold?: boolean;
  readonly fill?: string;
  readonly anchor?: 'start' | 'middle' | 'end';
  /** Pixels it may be wide. */
  readonly room?: number;
}

const SIZE = 22;

export function text(x: number, y: number, words: string, style: TextStyle = {}): string {
  const { size = SIZE, bold = false, fill = INK, anchor = 'start', room } = style;
  const letters = drawable(words);
  const shown = escape((room === undefined ? letters : fitted(letters, room / size, bold)).join(''));
  const weight = bold ? ' font-weight="bold"' : '';
  return `<text x="${round(x)}" y="${round(y)}" font-size="${size}"${weight} fill="${fill}" text-anchor="${anchor}">${shown}</text>`;
}

/** The same with a white edge, where it stands on lines. */
export const haloed = (words: string): string =>
  words.replace('<text ', '<text stroke="#FFFFFF" stroke-width="8" stroke-linejoin="round" paint-order="stroke" ');

export const bar = (x: number, y: number, width: number, height: number, fill: string): string =>
  `<rect x="${round(x)}" y="${round(y)}" width="${round(Math.max(0, width))}" height="${round(Math.max(0, height))}" fill="${fill}"/>`;

export function line(x1: number, y1: number, x2: number, y2: number, stroke: string, dashed = false): string {
  const dashes = dashed ? ' stroke-dasharray="8 6"' : '';
  return `<line x1="${round(x1)}" y1="${round(y1)}" x2="${round(x2)}" y2="${round(y2)}" stroke="${stroke}" stroke-width="2"${dashes}/>`;
}

/** Through all `points`, with round corners. */
export function curve(points: readonly (readonly [x: number, y: number])[], stroke: string, dashed = false): string {
  const dashes = dashed ? ' stroke-dasharray="14 10"' : '';
  const through = points.map(([x, y]) => `${round(x)},${round(y)}`).join(' ');
  return `<polyline points="${through}" fill="none" stroke="${stroke}" stroke-width="5" stroke-linejoin="round"${dashes}/>`;
}

/** About `about` round numbers from `low` to `high`. */
export function ticks(low: number, high: number, about = 5): number[] {
  const rough = (high - low) / about;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = power * ([1, 2, 5, 10].find((factor) => factor * power >= rough) ?? 10);
  if (!(step > 0)) return []; // the smallest numbers there are have no tenth
  const first = Math.ceil(low / step);
  const last = Math.floor(high / step);
  return Array.from({ length: Math.max(0, last - first + 1) }, (_, at) =>
    Number(((first + at) * step).toPrecision(12)),
  );
}

export const document = (width: number, height: number, shapes: readonly string[]): string =>
  `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${round(height)}" font-family="DejaVu Sans">\n${[bar(0, 0, width, height, '#FFFFFF'), ...shapes].join('\n')}\n</svg>\n`;

const round = (value: number): number => Math.round(value * 10) / 10;

const BOX = '□';
const LACKED =
  /[^\p{Script=Latin}\p{Script=Greek}\p{Script=Cyrillic}\p{Script=Armenian}\p{Script=Georgian}\p{Script=Arabic}\p{Script=Hebrew}\p{Script=Common}\p{Script=Inherited}]|[\u200d\ufe0f\p{Cs}\p{Cn}\p{Co}\p{Emoji_Modifier}\p{Regional_Indicator}]/u;

/** Character by character; U+FFFF and lone surrogates, which XML cannot hold, are among those lacked. */
const drawable = (words: string): string[] =>
  characters(short(words, Infinity)).map((one) => (LACKED.test(one) ? BOX : one));

/** Cut in the middle, for names often differ at their ends. `room` in units of the font's size. */
function fitted(letters: readonly string[], room: number, bold: boolean): readonly string[] {
  if (widthOf(letters, bold) <= room) return letters;
  const tail = takenWhile([...letters].reverse(), room / 3, bold).reverse();
  return [...takenWhile(letters, room - widthOf(['…', ...tail], bold), bold), '…', ...tail];
}

function takenWhile(letters: readonly string[], room: number, bold: boolean): string[] {
  let left = room;
  const end = letters.findIndex((letter) => (left -= widthOf([letter], bold)) < 0);
  return letters.slice(0, end < 0 ? letters.length : end);
}

const NARROW = /[ijlIft.,:;'|!()[\] ]/;
const WIDE = /[mwMWOQ@%&—…]|[^\u0000-\u04ff]/u;

function widthOf(letters: readonly string[], bold: boolean): number {
  const width = letters.reduce((sum, one) => sum + (NARROW.test(one) ? 0.4 : WIDE.test(one) ? 1 : 0.65), 0);
  return bold ? width * 1.1 : width;
}
