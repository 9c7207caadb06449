// Wires the bot from its parts and starts them in order: health, what a killed bot left undone, notifications, polling. The same for
// the process (main.ts) and for tests; telegraf is handed in from outside.
import type { Clients } from '../cloud/clients.ts';
import { bucketOf } from '../cloud/bucket.ts';
import { type Clock, sleep, systemClock } from '../cloud/clock.ts';
import type { BotConfiguration } from '../cloud/configuration/configuration.ts';
import { ConfigurationError } from '../cloud/errors.ts';
import { Accounts } from './accounts.ts';
import { Administration } from './administration.ts';
import { Chats } from './chats.ts';
import type { Hands } from './commands.ts';
import { Downloads } from './downloads.ts';
import { createMetrics, startHealth } from './health.ts';
import { Jobs } from './jobs.ts';
import { kubernetes as connectTo } from './kubernetes/client.ts';
import type { Connection } from './kubernetes/connection.ts';
import { told, type Logger } from './logging.ts';
import { Notifications } from './notifications.ts';
import { Outbox, type Pace } from './outbox.ts';
import { Pictures } from './pictures.ts';
import { poll } from './polling.ts';
import { resultsOf } from './results.ts';
import { Sessions } from './sessions.ts';
import { World } from './surroundings.ts';
import { Trail } from './trail.ts';
import { Warnings } from './warnings.ts';
import { calling, TelegramRefused, telegramFiles, type Call } from './telegram.ts';
import { COMMANDS, privateOnly } from './wording/general.ts';

const RESUME_AGAIN_MS = 5_000;

/** telegraf, as far as it is used. */
export interface TelegramSide {
  readonly call: Call;
  /** Turns an update into inputs and puts them into our hands. */
  readonly dispatch: (update: { update_id: number }, hands: Hands) => Promise<void>;
}

export interface BotOptions {
  readonly configuration: BotConfiguration;
  readonly connection: Connection;
  readonly clients: Clients;
  readonly telegram: TelegramSide;
  readonly logger: Logger;
  readonly clock?: Clock;
  /** Default: Telegram's. */
  readonly pace?: Pace;
}

export interface Bot {
  /** Of health and metrics. */
  readonly url: string;
  readonly username: string;
  /** Rejects when polling ended for good (the token was revoked). */
  readonly ended: Promise<void>;
  close(): Promise<void>;
}

/** Rejects with ConfigurationError when Telegram does not know the token or the port is taken. */
export async function startBot(options: BotOptions): Promise<Bot> {
  const { configuration, clients, telegram, logger, clock = systemClock() } = options;
  const stopping = new AbortController();
  const metrics = createMetrics();
  const kubernetes = connectTo(options.connection);
  const outbox = new Outbox({
    call: telegram.call,
    clock,
    logger,
    pace: options.pace,
    onSent: (method, outcome) => metrics.sent(method, outcome),
  });
  const bucket = bucketOf(clients, configuration.bucket);
  const trail = new Trail({ bucket, clock, logger, onLost: () => metrics.untold() });
  const { adminUsers } = configuration;
  const administration = new Administration({ kubernetes, outbox, trail, adminUsers, clock, logger });
  const accounts = new Accounts(kubernetes, configuration, clock, administration);
  const jobs = new Jobs(kubernetes, clock);
  const files = telegramFiles(telegram.call, configuration.telegramApiRoot, configuration.telegramToken);
  const pictures = new Pictures({ bucket, names: configuration, outbox, logger });
  const surroundings = new World({
    configuration,
    accounts,
    jobs,
    outbox,
    files,
    pictures,
    downloads: new Downloads({ bucket, names: configuration, clients }),
    administration,
    trail,
    bucket,
    clients,
    clock,
    logger,
  });
  const chats = new Chats({
    sessions: new Sessions(kubernetes, configuration.operatorNamespace),
    surroundings,
    clock,
    logger,
  });
  const notifications = new Notifications({
    kubernetes,
    outbox,
    results: resultsOf(clients, bucket),
    pictures,
    names: configuration,
    clock,
    logger,
  });

  const warnings = new Warnings({ kubernetes, outbox, clock, logger });

  const username = await introduce(telegram.call);
  let answered = true;
  const health = await startHealth({
    host: configuration.listenHost,
    port: configuration.botPort,
    needed: () => ({ jobs: notifications.synced, telegram: answered }),
    registry: metrics.registry,
  }).catch((error: Error) => {
    throw new ConfigurationError(
      `The port ${configuration.botPort} (SPOTLEARN_BOT_PORT) cannot be used: ${error.message}`,
    );
  });
  notifications.start();
  warnings.start();
  // Before anything new: what a killed bot left undone comes first in each chat.
  const resumed = async () => {
    while (!stopping.signal.aborted) {
      try {
        return await chats.resume();
      } catch (error) {
        logger.warn(told(error), 'unfinished effects not read yet');
        await sleep(clock, RESUME_AGAIN_MS, stopping.signal);
      }
    }
  };
  const hands: Hands = {
    take: (sender, updateId, input) => {
      metrics.update(input.kind);
      return chats.take(sender, updateId, input);
    },
    decline: (chatId, queryId) =>
      void (queryId === undefined
        ? outbox.send(chatId, { html: privateOnly }).catch((error: unknown) => logger.debug(told(error), 'not said'))
        : outbox.toast(queryId, privateOnly)),
  };
  const ended = resumed().then(() =>
    poll<{ update_id: number }>(
      {
        call: telegram.call,
        take: (update) => telegram.dispatch(update, hands),
        clock,
        logger,
        onAnswer: (ok) => {
          answered = ok;
          metrics.up('telegram', ok);
        },
      },
      stopping.signal,
    ),
  );
  return {
    url: health.url,
    username,
    ended,
    async close() {
      stopping.abort();
      await chats.stop();
      await Promise.allSettled([ended, notifications.stop(), warnings.stop()]);
      await outbox.close();
      await health.close();
      kubernetes.close();
      clients.close();
    },
  };
}

async function introduce(call: Call): Promise<string> {
  try {
    const me = await calling<{ username?: string }>(() => call('getMe', {}));
    await calling(() => call('deleteWebhook', { drop_pending_updates: false }));
    const list = Object.entries(COMMANDS).map(([command, description]) => ({ command, description }));
    await calling(() => call('setMyCommands', { commands: list }));
    return me.username ?? '';
  } catch (error) {
    if (error instanceof TelegramRefused && (error.code === 401 || error.code === 404))
      throw new ConfigurationError('Telegram does not know this TELEGRAM_TOKEN. Get a valid one from @BotFather.');
    throw error;
  }
}
