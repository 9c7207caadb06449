// What predictions cost: REPORT lines through our reader and prices (cloud/functions.ts, cloud/prices.ts) and through the independent bill.
// The figures of the first lines are from logs that people published; the others are drawn, in Lambda's own form.
import { readReport } from '../../cloud/functions.ts';
import { invocationCost } from '../../cloud/prices.ts';
import { randomNumbers } from '../deadline/traces.ts';
import { alone, median, type Measurement } from '../measurement.ts';
import { most } from '../target.ts';
import { lambdaBill, type Processor } from './bill.ts';
import { apart, LIMIT } from './comparison.ts';

interface Figures {
  readonly durationMs: number;
  readonly billedMs: number;
  readonly memoryMb: number;
  readonly usedMb: number;
  readonly initMs?: number;
  readonly status?: string;
}

/** Of three accounts, 2025 and 2026: initialisation is billed. */
export const RECORDED: readonly Figures[] = [
  { durationMs: 31_414.74, billedMs: 31_964, memoryMb: 2048, usedMb: 273, initMs: 548.72 },
  { durationMs: 138_999.2, billedMs: 139_711, memoryMb: 512, usedMb: 102, initMs: 711.04 },
  { durationMs: 76_358, billedMs: 76_999, memoryMb: 512, usedMb: 100, initMs: 640.46 },
];

const MEMORY = [128, 512, 1024, 1769, 3008, 10_240];
const LONGEST_MS = 900_000;

export function drawn(count: number, seed: number): Figures[] {
  const random = randomNumbers(seed);
  return Array.from({ length: count }, () => {
    const memoryMb = MEMORY[Math.floor(random() * MEMORY.length)] as number;
    const durationMs = Math.min(LONGEST_MS, LONGEST_MS ** random());
    const initMs = random() < 0.2 ? 100 + 900 * random() : undefined;
    return {
      durationMs,
      billedMs: Math.ceil(durationMs + (initMs ?? 0)),
      memoryMb,
      usedMb: Math.ceil(memoryMb * random()),
      ...(initMs === undefined ? {} : { initMs }),
      ...(durationMs === LONGEST_MS ? { status: 'timeout' } : {}),
    };
  });
}

export const lineOf = ({ durationMs, billedMs, memoryMb, usedMb, initMs, status }: Figures, at: number): string =>
  [
    `REPORT RequestId: 00000000-0000-4000-8000-${String(at).padStart(12, '0')}`,
    `Duration: ${durationMs.toFixed(2)} ms`,
    `Billed Duration: ${billedMs} ms`,
    `Memory Size: ${memoryMb} MB`,
    `Max Memory Used: ${usedMb} MB`,
    ...(initMs === undefined ? [] : [`Init Duration: ${initMs.toFixed(2)} ms`]),
    ...(status === undefined ? [] : [`Status: ${status}`]),
    '',
  ].join('\t');

/** USD by our own meter, which is given the end of the invocation's log. */
export function meteredLine(line: string, processor: Processor): number {
  const report = readReport(`START RequestId: x\nread 3 rows\nEND RequestId: x\n${line}\n`);
  if (!report) throw new Error(`no REPORT line: ${line}`);
  return invocationCost(report.billedMs, report.memoryMib, processor);
}

export function lambda(count: number, seed: number): Measurement[] {
  const figures = [...RECORDED, ...drawn(count, seed)];
  return (['x86_64', 'arm64'] as const).flatMap((processor) => linesOf(figures, processor));
}

function linesOf(figures: readonly Figures[], processor: Processor): Measurement[] {
  const lines = figures.map(lineOf);
  const each = lines.map((line) => apart(meteredLine(line, processor), lambdaBill(line, processor)));
  const sum = (price: (line: string) => number): number => lines.reduce((usd, line) => usd + price(line), 0);
  const all = apart(
    sum((line) => meteredLine(line, processor)),
    sum((line) => lambdaBill(line, processor)),
  );
  const name = `predictions on ${processor} (${lines.length} REPORT lines)`;
  return [
    most(`${name}: largest difference to AWS's rule`, Math.max(...each), '%', LIMIT),
    alone(`${name}: difference to AWS's rule in the median`, median(each), '%'),
    most(`${name}: all together`, all, '%', LIMIT),
  ];
}
