// The lines Lambda itself writes round an invocation, to the letter: cost accounting reads them.

export interface Usage {
  readonly requestId: string;
  readonly version: string;
  readonly durationMs: number;
  /** Set for a cold start. */
  readonly initMs: number | undefined;
  readonly memoryMb: number;
  readonly maxMemoryMb: number;
  readonly status?: 'timeout' | 'error';
  readonly errorType?: string;
}

export const startLine = (requestId: string, version: string) => `START RequestId: ${requestId} Version: ${version}`;
export const endLine = (requestId: string) => `END RequestId: ${requestId}`;

/** Billed by the millisecond, rounded up; since August 2025 initialisation is billed too. */
export function billedMs(usage: Pick<Usage, 'durationMs' | 'initMs'>): number {
  return Math.max(1, Math.ceil(usage.durationMs + (usage.initMs ?? 0)));
}

export function reportLine(usage: Usage): string {
  const fields = [
    `REPORT RequestId: ${usage.requestId}`,
    `Duration: ${usage.durationMs.toFixed(2)} ms`,
    `Billed Duration: ${billedMs(usage)} ms`,
    `Memory Size: ${usage.memoryMb} MB`,
    `Max Memory Used: ${usage.maxMemoryMb} MB`,
  ];
  if (usage.initMs !== undefined) fields.push(`Init Duration: ${usage.initMs.toFixed(2)} ms`);
  if (usage.status !== undefined) fields.push(`Status: ${usage.status}`);
  if (usage.status === 'error' && usage.errorType !== undefined) fields.push(`Error Type: ${usage.errorType}`);
  return `${fields.join('\t')}\t`;
}
