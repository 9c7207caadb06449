// The local Telegram as a program of its own: `node local/telegram/main.ts --state DIR [--port N]`.
// Prints one line of JSON when it is ready, logs to stderr, ends with 0 on SIGTERM or SIGINT.
import { parseArgs } from 'node:util';
import pino from 'pino';
import { stderr } from '../../cloud/log.ts';
import { startTelegram } from './server.ts';

const { values } = parseArgs({
  options: { state: { type: 'string', default: '.spotlearn/telegram' }, port: { type: 'string', default: '0' } },
});
const logger = pino({ name: 'telegram' }, stderr());
try {
  const telegram = await startTelegram({ stateDir: values.state, port: Number(values.port), logger });
  const { url, apiRoot, token, userUrl: page } = telegram;
  process.stdout.write(`${JSON.stringify({ ready: true, url, apiRoot, token, page })}\n`);
  const stop = () => void telegram.close().then(() => process.exit(0));
  process.once('SIGTERM', stop);
  process.once('SIGINT', stop);
} catch (error) {
  logger.fatal({ err: error }, 'The local Telegram could not start');
  process.exitCode = 1;
}
