// How much of N workers' time a split table gets out of them: recorded chunk times, replayed by a simulated Lambda that the operator's own code
// leads (issue: at least 0.9 of N for 1, 10, 100 and 1,000).
import { alone, type BenchmarkOptions, type Measurement, median } from '../measurement.ts';
import { randomNumbers } from './credit.ts';
import type { Artefact } from './model.ts';
import { record } from './recording.ts';
import { fit, SimulatedLambda, type Simulated } from './simulated-lambda.ts';

const WORKERS = [1, 10, 100, 1000];
const RECORDED = 21;
/** Work for each worker: what a table of so many seconds times N takes. */
const WORK_SECONDS = 120;
const ROW_BYTES = 78;
/** Of a sandbox, before the program's own start: AWS's share, not measurable here; a cautious figure. */
const SANDBOX_MS = 300;

export async function fanOut(artefact: Artefact, { rounds, say }: BenchmarkOptions): Promise<Measurement[]> {
  say(`fan-out: recording ${RECORDED} chunks`);
  const chunks = await record(artefact, RECORDED);
  const { msPerByte, overheadMs } = fit(chunks);
  const measured = [
    alone('fan-out: recorded speed of a worker', 1000 / msPerByte / 1e6, 'MB/s'),
    alone('fan-out: recorded overhead of an invocation', overheadMs, 'ms'),
  ];
  for (const workers of WORKERS) {
    const bytes = Math.round((workers * WORK_SECONDS * 1000) / msPerByte);
    say(`fan-out: ${workers} workers, ${Math.round(bytes / 1e9)} GB`);
    const played = Array.from({ length: rounds }, (_, round) =>
      new SimulatedLambda({
        workers,
        bytes,
        rowBytes: ROW_BYTES,
        chunks,
        coldMs: SANDBOX_MS + overheadMs,
        slowShare: 0.02,
        slowTimes: 2,
        shortage: { at: 20_000, ms: 3_000, share: 0.8 },
        random: randomNumbers(round + 1),
      }).run(),
    );
    const middle = (of: (one: Simulated) => number) => median(played.map(of));
    const add = (what: string, of: (one: Simulated) => number, unit: string) =>
      measured.push(alone(`fan-out to ${workers}: ${what}`, middle(of), unit));
    add('efficiency', ({ efficiency }) => efficiency, `of ${workers}`);
    add('table', () => bytes / 1e9, 'GB');
    add('time', ({ seconds }) => seconds, 's');
    add('invocations', ({ invocations }) => invocations, 'invocations');
    add('throttles', ({ throttles }) => throttles, 'throttles');
    add('largest part', ({ partBytes }) => partBytes / 1024 / 1024, 'MiB');
  }
  return measured;
}
