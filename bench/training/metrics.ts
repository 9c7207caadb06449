// Figures from the operator's own /metrics page.

/** Value by series, as on the page: `name{label="value"}`. */
export type Samples = ReadonlyMap<string, number>;

export async function readMetrics(url: string): Promise<Samples> {
  const text = await (await fetch(`${url}/metrics`)).text();
  const samples = new Map<string, number>();
  for (const line of text.split('\n')) {
    const space = line.lastIndexOf(' ');
    if (space > 0 && !line.startsWith('#')) samples.set(line.slice(0, space), Number(line.slice(space + 1)));
  }
  return samples;
}

/** Sum over the series whose name and labels contain every one of the texts. */
export function sumOf(samples: Samples, ...texts: readonly string[]): number {
  let sum = 0;
  for (const [series, value] of samples) if (texts.every((text) => series.includes(text))) sum += value;
  return sum;
}

export const reconcilesOf = (samples: Samples): number =>
  sumOf(samples, 'controller_runtime_reconcile_total', '"trainingjob"');
