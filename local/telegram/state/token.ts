// The bot's token: made once, kept in the state folder, readable by its owner alone.
import { randomBytes, randomInt } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** Shaped like Telegram's: the bot's id, a colon, 35 characters. */
export function keptToken(stateDir: string): string {
  const path = join(stateDir, 'token');
  try {
    const kept = readFileSync(path, 'utf8').trim();
    if (/^\d+:[\w-]{35}$/.test(kept)) return kept;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
  }
  const secret = `AA${randomBytes(32).toString('base64url')}`.slice(0, 35);
  const token = `${randomInt(1_000_000_000, 9_000_000_000)}:${secret}`;
  writeFileSync(path, `${token}\n`, { mode: 0o600 });
  return token;
}
