// What a benchmark reports, and how it is shown. A benchmark is a file in bench/ that exports `benchmark`.

export interface Measurement {
  name: string;
  value: number;
  unit: string;
  /** What it is compared with; null: nothing, and then so are the other two. */
  peer: string | null;
  peerValue: number | null;
  /** How many times better than the peer: above 1 is better, whether more or less of the unit is. */
  ratio: number | null;
}

export interface BenchmarkOptions {
  rounds: number;
  rows: number;
  /** Says what goes on; never part of the results. */
  say: (text: string) => void;
  /** Words after the benchmark's name. */
  more?: readonly string[];
}

export interface Benchmark {
  description: string;
  run(options: BenchmarkOptions): Promise<Measurement[]>;
}

export type Better = 'more' | 'less';

export function compared(
  name: string,
  value: number,
  unit: string,
  peer: string,
  peerValue: number,
  better: Better,
): Measurement {
  return { name, value, unit, peer, peerValue, ratio: better === 'more' ? value / peerValue : peerValue / value };
}

export function alone(name: string, value: number, unit: string): Measurement {
  return { name, value, unit, peer: null, peerValue: null, ratio: null };
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  if (sorted.length === 0) throw new Error('no values, no median');
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}

/** Columns for people. */
export function table(measurements: readonly Measurement[]): string {
  const head = ['what', 'value', 'unit', 'peer', "peer's value", 'times better'];
  const lines = measurements.map(({ name, value, unit, peer, peerValue, ratio }) => [
    name,
    short(value),
    unit,
    peer ?? '',
    peerValue === null ? '' : short(peerValue),
    ratio === null ? '' : ratio.toFixed(2),
  ]);
  const widths = head.map((_, i) => Math.max(...[head, ...lines].map((line) => line[i]!.length)));
  const right = new Set([1, 4, 5]);
  const pad = (cell: string, i: number) => (right.has(i) ? cell.padStart(widths[i]!) : cell.padEnd(widths[i]!));
  return [head, widths.map((width) => '─'.repeat(width)), ...lines]
    .map((line) => line.map(pad).join('  ').trimEnd())
    .join('\n');
}

function short(value: number): string {
  return value >= 1000 ? Math.round(value).toLocaleString('en-US') : String(Number(value.toPrecision(4)));
}
