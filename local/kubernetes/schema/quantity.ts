// resource.Quantity as CEL's quantity() and the kubelet's memory limits need it: exact decimal arithmetic on a BigInt of
// billionths ("1.5Gi", "100m", "2e3").

const NANOS = 1_000_000_000n;
const SUFFIXES: Record<string, bigint | 'n' | 'u' | 'm'> = {
  n: 'n',
  u: 'u',
  m: 'm',
  '': 1n,
  k: 1000n,
  M: 1000n ** 2n,
  G: 1000n ** 3n,
  T: 1000n ** 4n,
  P: 1000n ** 5n,
  E: 1000n ** 6n,
  Ki: 1024n,
  Mi: 1024n ** 2n,
  Gi: 1024n ** 3n,
  Ti: 1024n ** 4n,
  Pi: 1024n ** 5n,
  Ei: 1024n ** 6n,
};
const DIVISORS = { n: 1n, u: 1000n, m: 1_000_000n };
const PATTERN = /^([+-]?)(\d+(?:\.\d*)?|\.\d+)(?:[eE]([+-]?\d{1,3})|(n|u|m|k|M|G|T|P|E|Ki|Mi|Gi|Ti|Pi|Ei)?)$/;

export class Quantity {
  /** Billionths. */
  readonly nanos: bigint;

  constructor(nanos: bigint) {
    this.nanos = nanos;
  }

  get isInteger(): boolean {
    return this.nanos % NANOS === 0n;
  }

  /** Rounded up, as Kubernetes rounds quantities. */
  get value(): bigint {
    const whole = this.nanos / NANOS;
    return this.nanos > 0n && !this.isInteger ? whole + 1n : whole;
  }

  get approximate(): number {
    return Number(this.nanos) / 1e9;
  }

  compareTo(other: Quantity): -1 | 0 | 1 {
    return this.nanos < other.nanos ? -1 : this.nanos > other.nanos ? 1 : 0;
  }
}

/** Undefined when it isn't a quantity. */
export function parseQuantity(text: string): Quantity | undefined {
  const match = PATTERN.exec(text);
  if (match === null) return undefined;
  const [, sign, digits = '', exponent, suffix = ''] = match;
  const [whole = '', fraction = ''] = digits.split('.');
  const scale = 10n ** BigInt(fraction.length);
  let numerator = BigInt(`${whole}${fraction}` || '0') * NANOS;
  let denominator = scale;
  if (exponent !== undefined) {
    const power = 10n ** BigInt(Math.abs(Number(exponent)));
    if (Number(exponent) < 0) denominator *= power;
    else numerator *= power;
  } else {
    const factor = SUFFIXES[suffix];
    if (typeof factor === 'bigint') numerator *= factor;
    else if (factor !== undefined) denominator *= NANOS / DIVISORS[factor];
  }
  const rounded = (numerator + denominator - 1n) / denominator;
  return new Quantity(sign === '-' ? -rounded : rounded);
}
