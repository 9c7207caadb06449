// `npm run bench -- training [--rounds N]`: trainings by the thousand (issue 4, SPEED). Calls and memory are counted over HTTP against the
// embedded API server, S3, EC2 with its published limits and SQS, the operator in a process of its own; lives a second and reconciles
// without anything to do are timed in this process against stand-ins in memory. N × 6 samples of each latency. Sections: training/.
import type { Benchmark, Measurement } from './measurement.ts';
import { misses } from './target.ts';
import { active } from './training/active.ts';
import { burst, spread } from './training/burst.ts';
import { latency } from './training/latency.ts';
import { lifecycles } from './training/lifecycles.ts';
import { noop } from './training/noop.ts';
import { peers } from './training/peers.ts';
import { scaleOf, type Scale, type Section } from './training/scale.ts';
import { steady } from './training/steady.ts';

type Run = (scale: Scale, say: (text: string) => void) => Promise<Measurement[]>;

const RUNS: Readonly<Record<Section, Run>> = { latency, burst, spread, steady, active, lifecycles, noop };

export const benchmark: Benchmark = {
  description: 'calls, latency and memory of the operator with trainings by the thousand',
  run: ({ rounds, say }) => measure(scaleOf(rounds, process.env), say),
};

export async function measure(scale: Scale, say: (text: string) => void): Promise<Measurement[]> {
  const measured: Measurement[] = [];
  for (const section of scale.sections) {
    say(`— ${section}`);
    const rows = await RUNS[section](scale, say);
    // A full run takes long: what is known is told at once.
    for (const { name, value, unit } of rows) say(`  ${name}: ${Number(value.toPrecision(4))} ${unit}`);
    measured.push(...rows);
  }
  const missed = misses(measured);
  say(missed.length === 0 ? 'every target is met' : `short of a target:\n  ${missed.join('\n  ')}`);
  return [...measured, ...peers(measured)];
}
