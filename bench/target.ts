// A measurement beside the target of the issue it answers. `most`: the value may not be above; `least`: not below.
import { compared, type Measurement } from './measurement.ts';

export const TARGET = 'the target';

export const most = (name: string, value: number, unit: string, target: number): Measurement =>
  value === 0 || target === 0
    ? // A count of none, or a target of none, has no ratio.
      { name, value, unit, peer: TARGET, peerValue: target, ratio: null }
    : compared(name, value, unit, TARGET, target, 'less');

export const least = (name: string, value: number, unit: string, target: number): Measurement =>
  compared(name, value, unit, TARGET, target, 'more');

/** In words, the rows that miss their target. */
export function misses(measured: readonly Measurement[]): string[] {
  return measured.flatMap(({ name, value, unit, peer, peerValue, ratio }) => {
    if (peer !== TARGET || peerValue === null) return [];
    const met = ratio === null ? value <= peerValue : ratio >= 1;
    return met ? [] : [`${name}: ${Number(value.toPrecision(4))} ${unit} instead of ${peerValue}`];
  });
}
