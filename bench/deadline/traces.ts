// When Spot can be had: on and off spells of one pool. Generated ones are a two-state Markov process (exponential spells) whose means are
// those of three zones in the recording behind the paper (skypilot-org/spot-traces on GitHub: p3.2xlarge, 45.5 days from 2023-02-15, a
// look every 195 s), computed from it by us; it has no licence to ship it under. Recorded spells are burstier: half of them are shorter
// than 0.3 to 1.4 h. SPOTLEARN_BENCH_TRACES names a folder of such recordings, to play them as well.
import { readdirSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';

export interface Trace {
  /** Whether Spot can be had, for each step of STEP_SECONDS. */
  readonly available: Uint8Array;
}

export interface Regime {
  readonly name: string;
  /** Another trace for another seed. */
  trace(seed: number, seconds: number): Trace;
}

export const STEP_SECONDS = 60;
const HOUR = 3600;

/** Mean hours with and without Spot: us-west-2b, us-east-1f, us-east-1a. */
const ZONES = [
  { name: 'high availability, 90 %', on: 10.4, off: 1.1 },
  { name: 'medium availability, 59 %', on: 2.26, off: 1.56 },
  { name: 'low availability, 17 %', on: 0.72, off: 3.58 },
] as const;

export const GENERATED: readonly Regime[] = ZONES.map(({ name, on, off }) => ({
  name,
  trace: (seed, seconds) => markov(randomNumbers(seed), on * HOUR, off * HOUR, seconds),
}));

/** Spells with the mean lengths (seconds); begins as a look at a random moment would find it. */
export function markov(random: () => number, on: number, off: number, seconds: number): Trace {
  const available = new Uint8Array(Math.ceil(seconds / STEP_SECONDS));
  let is = random() < on / (on + off);
  let end = 0;
  for (let step = 0; step < available.length; step += 1) {
    while (step * STEP_SECONDS >= end) {
      if (step > 0) is = !is;
      end = Math.max(end, step * STEP_SECONDS) - Math.log(1 - random()) * (is ? on : off);
    }
    available[step] = is ? 1 : 0;
  }
  return { available };
}

/** One regime a file; a trace begins at a random moment of it and goes on at its beginning after its end. */
export function recorded(folder: string): Regime[] {
  const files = readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((name) => name.endsWith('.json'));
  return files.sort().map((file) => {
    const { metadata, data } = JSON.parse(readFileSync(join(folder, file), 'utf8')) as Recording;
    const share = data.filter((nodes) => nodes > 0).length / data.length;
    return {
      name: `${basename(file, '.json')} (recorded), ${Math.round(share * 100)} %`,
      trace: (seed, seconds) => {
        const first = Math.floor(randomNumbers(seed)() * data.length);
        const available = Uint8Array.from({ length: Math.ceil(seconds / STEP_SECONDS) }, (_, step) => {
          const at = first + Math.floor((step * STEP_SECONDS) / metadata.gap_seconds);
          return (data[at % data.length] ?? 0) > 0 ? 1 : 0;
        });
        return { available };
      },
    };
  });
}

interface Recording {
  readonly metadata: { readonly gap_seconds: number };
  /** Instances to be had at each look. */
  readonly data: readonly number[];
}

/** Mulberry32: the same seed, the same numbers in [0, 1). */
export function randomNumbers(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
