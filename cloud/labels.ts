// Foreign text (names of columns, classes, files) as a label: one line, no longer than there is room for, and nothing in it that turns
// the direction of writing. Chat and pictures show it; markup is escaped where it is put into markup.
const NAME_LIMIT = 64;

const segmenter = new Intl.Segmenter('en', { granularity: 'grapheme' });

/** Control characters, line breaks and characters that turn the direction of writing become spaces. */
const plain = (value: string): string =>
  value.replace(/[\p{Cc}\u2028\u2029\u202a-\u202e\u2066-\u2069\u200e\u200f\ufeff\ufffe]+/gu, ' ').trim();

/** At most `limit` UTF-16 units, cut between whole characters (an emoji of several is one). */
export function short(value: string, limit = NAME_LIMIT): string {
  const clean = plain(value);
  if (clean.length <= limit) return clean;
  let kept = '';
  for (const { segment } of segmenter.segment(clean.slice(0, limit + 64))) {
    if (kept.length + segment.length > limit - 1) break;
    kept += segment;
  }
  return `${kept.trimEnd()}…`;
}

/** As a reader counts them: an emoji of several code points, or a letter with its accents, is one. */
export const characters = (value: string): string[] => [...segmenter.segment(value)].map(({ segment }) => segment);

/** For HTML, XML and their attributes in double quotes. */
export const escape = (value: string): string =>
  value.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;');
