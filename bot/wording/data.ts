// Asking for a table, by upload, address, link or from the recent ones; and what is said of one that cannot be used.
import type { Button, Message, Purpose } from '../conversation/effect.ts';
import type { Facts } from '../conversation/facts.ts';
import { button, mark } from '../conversation/turn.ts';
import { datasetsOf } from '../../cloud/keys.ts';
import { meantFor } from '../../cloud/spelling.ts';
import { bytes, when } from './figures.ts';
import { bold, code, escape, label, message, short } from './html.ts';

const RECENT = 5;
export const TELEGRAM_DOWNLOAD_BYTES = 20 * 1024 * 1024;

export function askData(token: string, facts: Facts, question: string, purpose: Purpose): Message {
  const recent = (facts.datasets ?? []).slice(0, RECENT);
  const folder = `s3://${facts.bucket.bucket}/${datasetsOf(facts.bucket, facts.userId)}`;
  return {
    html: message([
      `<b>${question}</b>`,
      '',
      'Send me a CSV file with a header line (up to 20 MB here; larger ones by an upload link),',
      purpose === 'train'
        ? 'gzipped is fine, and so are Parquet and Excel (.xlsx),'
        : 'gzipped is fine (predicted in one piece, so slower), and so is Parquet,',
      `or an address such as ${code(`${folder}…`)}${recent.length > 0 ? ',\nor press a recent one:' : '.'}`,
    ]),
    buttons: [
      ...recent.map((one): Button[] => [
        button(
          token,
          `d${mark(one.uri)}`,
          label(`${short(one.name, 34)} · ${bytes(one.bytes)} · ${when(one.at).slice(5)}`),
        ),
      ]),
      [button(token, 'link', '🔗 Upload link')],
    ],
  };
}

export const needFile = (): Message => ({
  html: 'I need a table here. Send me a CSV file, or an s3:// address of one of yours. /datasets lists them, /cancel stops.',
});

export const foreign = (what: string): string =>
  what === 'photo'
    ? 'A photo is no table. Send me a CSV file as a file (📎 → File).'
    : `${what === 'voice' ? 'A voice message' : what === 'video' ? 'A video' : 'This'} is no table. Send me a CSV file.`;

export const receiving = (name: string, size: number): Message => ({
  html: message([`📥 Receiving ${bold(name)} (${bytes(size)}) …`]),
});

export const stillReading = (name: string): Message => ({
  html: message([`I am still reading ${bold(name)}. A moment, or /cancel.`]),
});

export const unfit = (name: string | undefined, reason: string): Message => ({
  html: message([
    `⚠️ ${name === undefined ? 'That' : bold(name)} cannot be used: ${escape(short(reason, 1000))}`,
    '',
    'Send me a CSV file, or /cancel.',
  ]),
});

/** `url` is presigned: shown to its user only, never kept. */
export function uploadLink(token: string, name: string, url: string): Message {
  return {
    html: [
      'Files above 20 MB cannot come through Telegram. Upload it from a terminal, within an hour:',
      '',
      `<pre>curl -T ${escape(shellName(name))} '${escape(url)}'</pre>`,
      '',
      'Then press the button.',
    ].join('\n'),
    buttons: [[button(token, 'done', '✅ I have uploaded it')]],
  };
}

const shellName = (name: string): string =>
  /^[\w.-]+$/.test(name) && !name.startsWith('-') ? name : `'./${name.replace(/'/g, "'\\''").replace(/[\r\n]/g, ' ')}'`;

/** `columns`: of the table. */
export const missingColumns = (missing: readonly string[], columns: readonly string[], target: string): string =>
  `the model needs ${missing.length === 1 ? 'the column' : 'the columns'} ${missing
    .slice(0, 10)
    .map((name) => JSON.stringify(short(name, 60)))
    .join(
      ', ',
    )}${missing.length > 10 ? ` and ${missing.length - 10} more` : ''} to predict ${JSON.stringify(short(target, 60))}.${renamed(missing, columns)}`;

function renamed(missing: readonly string[], columns: readonly string[]): string {
  const meant = missing.slice(0, 10).flatMap((name) => {
    const close = meantFor(name, columns);
    return close === undefined ? [] : [`${JSON.stringify(short(close, 60))} to ${JSON.stringify(short(name, 60))}`];
  });
  return meant.length === 0 ? '' : ` Perhaps you only need to rename ${meant.join(', ')}.`;
}
