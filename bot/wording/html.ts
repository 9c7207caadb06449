// Text for Telegram's HTML: everything foreign goes through `text` (escaped, shortened, without control characters), messages are
// put together from lines, and what is too long for Telegram is cut between lines, where no tag is open.

import { escape, short } from '../../cloud/labels.ts';

export { escape, short };

/** Telegram counts after parsing; counting the source is on the safe side. */
export const MESSAGE_LIMIT = 4096;
export const CAPTION_LIMIT = 1024;
const BUTTON_LIMIT = 60;

/** A foreign name inside a message. */
export const text = (value: string, limit?: number): string => escape(short(value, limit));
export const bold = (value: string, limit?: number): string => `<b>${text(value, limit)}</b>`;
export const code = (value: string, limit = 200): string => `<code>${text(value, limit)}</code>`;
export const italic = (value: string, limit = 300): string => `<i>${text(value, limit)}</i>`;

/** A label of a button: plain text. */
export const label = (value: string): string => short(value, BUTTON_LIMIT) || '(no name)';

/** Lines of a message; undefined ones are left out. Lines are balanced HTML, so the message may be cut between them. */
export function message(lines: readonly (string | undefined)[], limit = MESSAGE_LIMIT): string {
  const kept: string[] = [];
  let length = 0;
  for (const line of lines.filter((one) => one !== undefined)) {
    if (length + line.length + 1 > limit - 2) {
      kept.push('…');
      break;
    }
    kept.push(line);
    length += line.length + 1;
  }
  return kept.join('\n');
}

/** A long list of names in one line. */
export function names(values: readonly string[], most = 12): string {
  const shown = values.slice(0, most).map((value) => code(value, 40));
  return `${shown.join(', ')}${values.length > most ? ` and ${values.length - most} more` : ''}`;
}
