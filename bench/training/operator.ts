// The operator as the benchmark runs it: a process of its own, started as operator/main.ts starts it, on a clock that may run fast.
// Its parent (operator-process.ts) asks over the channel between them for memory and processor time.
import { setTimeout as pause } from 'node:timers/promises';
import { readConfiguration } from '../../cloud/configuration/configuration.ts';
import { connect } from '../../operator/runtime/connection.ts';
import { createLogger } from '../../operator/runtime/logging.ts';
import { startOperator } from '../../operator/start.ts';
import { fastClock, type Pace } from './clock.ts';
import { notHere } from './memory-aws.ts';
import type { Question, Said } from './operator-process.ts';

const say = (said: Said) => process.send?.(said);
const pace = JSON.parse(process.env.SPOTLEARN_BENCH_PACE ?? '') as Pace;
const configuration = readConfiguration('operator', process.env);
const operator = await startOperator({
  configuration,
  connection: await connect(process.env),
  logger: createLogger(configuration.logLevel),
  clock: fastClock(pace),
  // Nothing is predicted here.
  aws: { functions: { check: async () => undefined, invoke: notHere, invokeLater: notHere } },
});
await operator.leading;

process.on('message', (question: Question) => {
  if (question === 'memory') void memory().then((about) => say({ memory: about }));
  else if (question === 'processor') say({ processorMs: (process.cpuUsage().user + process.cpuUsage().system) / 1000 });
  else void operator.close().then(() => process.exit(0));
});
process.on('disconnect', () => process.exit(1));
say({ url: operator.url });

/** After garbage was collected, several times, since what finalizers free goes with the next. */
async function memory() {
  const asIs = process.memoryUsage.rss();
  for (let turn = 0; turn < 4; turn += 1) {
    await globalThis.gc?.({ type: 'major', execution: 'async', flavor: 'last-resort' });
    await pause(50);
  }
  const { rss, heapUsed } = process.memoryUsage();
  return { asIsMb: asIs / 1e6, rssMb: rss / 1e6, heapMb: heapUsed / 1e6 };
}
