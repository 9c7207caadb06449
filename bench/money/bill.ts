// What AWS bills for a run, by AWS's own words and nothing of ours: shares no code and no number with the meter it is held against. Linux
// instances by the second, a minute at least, each hour since the launch at the Spot price in force when it began; the gp3 volume by the
// second, a minute at least, a GB-month being as long as its month; a prediction by the billed milliseconds of its REPORT line. What the
// free tier gives is not taken off. Beside it the plain sum over seconds, each at the price of that second, which is not what AWS bills.

export interface Price {
  /** Milliseconds since the epoch. */
  readonly at: number;
  /** USD per hour from then on. */
  readonly usd: number;
}

export interface Run {
  /** Milliseconds since the epoch. */
  readonly launched: number;
  readonly ended: number;
  /** Oldest first. */
  readonly prices: readonly Price[];
  readonly volumeGb: number;
  /** Its subnet gives it a public IPv4 address, which is billed beside it. */
  readonly publicAddress?: boolean;
}

/** USD by month (`yyyy-MM`, UTC). */
export type Months = ReadonlyMap<string, number>;

const HOUR = 3600;
const LEAST_SECONDS = 60;
/** USD per GB and month, us-east-1. */
const GP3 = 0.08;
/** USD per hour of a public IPv4 address, billed like the instance. */
const PUBLIC_ADDRESS = 0.005;
const LAMBDA_GB_SECOND = { x86_64: 0.0000166667, arm64: 0.0000133334 };
const LAMBDA_REQUEST = 0.2 / 1_000_000;

export type Processor = keyof typeof LAMBDA_GB_SECOND;

/** Whose hours: those since the launch, as AWS says, or those of the clock, as its hourly reports are cut. */
export type Hours = 'launch' | 'clock';

export function awsBill(run: Run, hours: Hours = 'launch'): Months {
  const seconds = billedSeconds(run);
  const months = new Sums();
  let price = 0;
  for (let second = 0; second < seconds; second += 1) {
    const at = run.launched + second * 1000;
    const begins = hours === 'launch' ? second % HOUR === 0 : second === 0 || Math.floor(at / 1000) % HOUR === 0;
    if (begins) price = priceAt(run.prices, at);
    months.add(at, price / HOUR);
  }
  return addOthers(months, run).sums;
}

/** Each second at the price of that second. */
export function perSecond(run: Run): Months {
  const seconds = billedSeconds(run);
  const months = new Sums();
  let next = 0;
  let price = priceAt(run.prices, run.launched);
  for (let second = 0; second < seconds; second += 1) {
    const at = run.launched + second * 1000;
    for (let change = run.prices[next]; change && change.at <= at; change = run.prices[next]) {
      price = change.usd;
      next += 1;
    }
    months.add(at, price / HOUR);
  }
  return addOthers(months, run).sums;
}

export const total = (months: Months): number => [...months.values()].reduce((sum, usd) => sum + usd, 0);

export const billedSeconds = ({ launched, ended }: Run): number =>
  Math.max(LEAST_SECONDS, Math.ceil((ended - launched) / 1000));

/** What is billed beside the instance: its volume, and its address where it has one. */
function addOthers(months: Sums, run: Run): Sums {
  const seconds = billedSeconds(run);
  for (let second = 0; second < seconds; second += 1) {
    const at = run.launched + second * 1000;
    months.add(at, (GP3 * run.volumeGb) / months.seconds(at));
    if (run.publicAddress) months.add(at, PUBLIC_ADDRESS / HOUR);
  }
  return months;
}

/** In force then; before the first that is known, that one. */
function priceAt(prices: readonly Price[], at: number): number {
  let [low, high] = [0, prices.length - 1];
  while (low < high) {
    const middle = Math.ceil((low + high) / 2);
    if ((prices[middle]?.at ?? Infinity) <= at) low = middle;
    else high = middle - 1;
  }
  return prices[low]?.usd ?? Number.NaN;
}

/** Sums by month that remembers where the last month began and ended. */
class Sums {
  readonly sums = new Map<string, number>();
  #month = '';
  #from = Infinity;
  #to = -Infinity;

  add(at: number, usd: number): void {
    this.#enter(at);
    this.sums.set(this.#month, (this.sums.get(this.#month) ?? 0) + usd);
  }

  /** Length of the month that `at` lies in. */
  seconds(at: number): number {
    this.#enter(at);
    return (this.#to - this.#from) / 1000;
  }

  #enter(at: number): void {
    if (at >= this.#from && at < this.#to) return;
    const date = new Date(at);
    this.#month = date.toISOString().slice(0, 7);
    this.#from = Date.UTC(date.getUTCFullYear(), date.getUTCMonth(), 1);
    this.#to = Date.UTC(date.getUTCFullYear(), date.getUTCMonth() + 1, 1);
  }
}

/** Of one invocation, by its REPORT line; the figures are read one by one. */
export function lambdaBill(line: string, processor: Processor): number {
  const fields = new Map(
    line.split('\t').flatMap((field): [string, string][] => {
      const [name, value] = field.split(': ');
      return name && value ? [[name.trim(), value.trim()]] : [];
    }),
  );
  const milliseconds = Number(fields.get('Billed Duration')?.replace(' ms', ''));
  const gb = Number(fields.get('Memory Size')?.replace(' MB', '')) / 1024;
  return LAMBDA_GB_SECOND[processor] * gb * (milliseconds / 1000) + LAMBDA_REQUEST;
}
