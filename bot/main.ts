// The bot as a process: configuration, connections, telegraf, start; one line on stdout when ready; SIGTERM or SIGINT ends it gracefully.
import { Telegraf } from 'telegraf';
import { createClients } from '../cloud/clients.ts';
import { readConfiguration } from '../cloud/configuration/configuration.ts';
import { ConfigurationError } from '../cloud/errors.ts';
import { telegrafSide } from './commands.ts';
import { connect } from './kubernetes/connection.ts';
import { createLogger, told } from './logging.ts';
import { startBot } from './start.ts';

try {
  const configuration = readConfiguration('bot', process.env);
  const logger = createLogger(configuration.logLevel);
  const telegraf = new Telegraf(configuration.telegramToken, {
    handlerTimeout: Infinity,
    telegram: { apiRoot: configuration.telegramApiRoot },
  });
  const bot = await startBot({
    configuration,
    connection: await connect(process.env),
    clients: createClients(configuration.region),
    telegram: telegrafSide(telegraf),
    logger,
  });
  process.stdout.write(`${JSON.stringify({ ready: true, url: bot.url, bot: `@${bot.username}` })}\n`);
  const end = (code: number) => void bot.close().then(() => process.exit(code));
  process.once('SIGTERM', () => end(0));
  process.once('SIGINT', () => end(0));
  bot.ended.catch((error: unknown) => {
    logger.error(told(error), 'polling ended');
    end(1);
  });
} catch (error) {
  if (!(error instanceof ConfigurationError)) throw error;
  process.stderr.write(`${error.message}\n`);
  process.exitCode = 1;
}
