// The operator as a process: configuration, connection, start; one line on stdout when ready; SIGTERM or SIGINT ends it gracefully,
// lost leadership with a failure, so that Kubernetes starts it anew as a standby.
import { readConfiguration } from '../cloud/configuration/configuration.ts';
import { ConfigurationError } from '../cloud/errors.ts';
import { connect } from './runtime/connection.ts';
import { createLogger } from './runtime/logging.ts';
import { startOperator } from './start.ts';

try {
  const configuration = readConfiguration('operator', process.env);
  const logger = createLogger(configuration.logLevel);
  const operator = await startOperator({ configuration, connection: await connect(process.env), logger });
  process.stdout.write(`${JSON.stringify({ ready: true, url: operator.url })}\n`);
  const end = (code: number) => void operator.close().then(() => process.exit(code));
  process.once('SIGTERM', () => end(0));
  process.once('SIGINT', () => end(0));
  void operator.lost.then(() => end(1));
} catch (error) {
  if (!(error instanceof ConfigurationError)) throw error;
  process.stderr.write(`${error.message}\n`);
  process.exitCode = 1;
}
