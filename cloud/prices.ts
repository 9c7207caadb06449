// What things cost, with the unit in the type: a price per 1,000 requests can't be multiplied by a count of requests by
// mistake (the plan did), since it is no number; the functions below turn a price and a quantity of its unit into exact money.
// The table is dated; live Spot prices come from DescribeSpotPriceHistory (operator).
import catalogue from './catalogue.json' with { type: 'json' };
import type { Catalogue } from './catalogue/catalogue.ts';
import { nanosOf, plus, scaled, usdOf } from './money.ts';

declare const unit: unique symbol;
/** A price per hour is compared and shown like a number; the others only ever meet a quantity of their unit. */
export type UsdPerHour = number & { readonly [unit]: 'USD/h' };

interface Price<U extends string> {
  readonly unit: U;
  readonly usd: number;
}
export type UsdPerGbSecond = Price<'USD/GB-s'>;
export type UsdPerRequest = Price<'USD/request'>;
export type UsdPerThousandRequests = Price<'USD/1000 requests'>;
export type UsdPerGbMonth = Price<'USD/GB-month'>;

export const usdPerHour = (value: number): UsdPerHour => value as UsdPerHour;
const price = <U extends string>(unit: U, usd: number): Price<U> => ({ unit, usd });
export const usdPerGbMonth = (usd: number): UsdPerGbMonth => price('USD/GB-month', usd);

/** Dated list prices (us-east-1, Linux); Spot figures are the plan's, starting values where it has none. */
export const PRICES = {
  date: catalogue.date,
  lambda: {
    gbSecond: price('USD/GB-s', 0.0000166667),
    gbSecondArm64: price('USD/GB-s', 0.0000133334),
    request: price('USD/request', 0.0000002),
  },
  s3: {
    storage: usdPerGbMonth(0.023),
    put: price('USD/1000 requests', 0.005),
    get: price('USD/1000 requests', 0.0004),
  },
  ebs: { gp3: usdPerGbMonth(0.08) },
  /** Amazon VPC: a public IPv4 address, in use or not. */
  publicAddress: usdPerHour(0.005),
} as const;

/** One EC2 type: what it has and what it costs (catalogue.json; `npm run catalogue` says how it is refreshed). */
export interface InstanceType {
  readonly name: string;
  readonly arch: 'x86_64' | 'arm64';
  readonly vcpu: number;
  readonly memoryGiB: number;
  readonly gpu: number;
  /** CPU by credits: full speed only for a while. */
  readonly burstable: boolean;
  readonly onDemand: UsdPerHour;
  readonly spot: UsdPerHour;
}

export const INSTANCE_TYPES: readonly InstanceType[] = (catalogue as Catalogue).types.map((type) => ({
  ...type,
  arch: type.arch ?? 'x86_64',
  gpu: type.gpu ?? 0,
  burstable: type.burstable ?? false,
  onDemand: usdPerHour(type.onDemand),
  spot: usdPerHour(type.spot),
}));

const byName = new Map(INSTANCE_TYPES.map((type) => [type.name, type]));
export const instanceType = (name: string): InstanceType | undefined => byName.get(name);

/** EC2 bills Linux per second, at least a minute. */
export const MINIMUM_BILLED_SECONDS = 60;
const HOURS_PER_MONTH = 730;

/** USD for an instance that ran `seconds` at a constant price. */
export function instanceCost(price: UsdPerHour, seconds: number): number {
  return hoursCost(price, Math.max(MINIMUM_BILLED_SECONDS, Math.ceil(seconds)));
}

/** USD for `seconds` at a price per hour, whatever the least that is billed. */
export const hoursCost = (price: UsdPerHour, seconds: number): number =>
  usdOf(scaled(nanosOf(price), Math.round(seconds * 1000), 3_600_000));

/** USD for a volume of `gb` that existed `seconds`. */
export function volumeCost(price: UsdPerGbMonth, gb: number, seconds: number): number {
  const billed = Math.max(MINIMUM_BILLED_SECONDS, seconds);
  return usdOf(scaled(nanosOf(price.usd * gb), Math.round(billed * 1000), HOURS_PER_MONTH * 3_600_000));
}

/** A GB-second costs a fraction of a billionth more than 16,666 of them, so that its price is kept in 10^-15 USD. */
const FINER = 1_000_000;

/** USD of one invocation from its REPORT line: billed milliseconds, configured memory in MiB; the processor is not in it. */
export function invocationCost(billedMs: number, memoryMib: number, architecture = 'x86_64'): number {
  const { gbSecond: x86, gbSecondArm64, request } = PRICES.lambda;
  const gbSecond = architecture === 'arm64' ? gbSecondArm64 : x86;
  const memory = scaled(nanosOf(gbSecond.usd * FINER), Math.round(billedMs * memoryMib), 1024 * 1000 * FINER);
  return usdOf(plus(memory, nanosOf(request.usd)));
}

/** USD for `count` requests. */
export const requestsCost = (price: UsdPerThousandRequests, count: number): number =>
  usdOf(scaled(nanosOf(price.usd), count, 1000));
/** USD a month for `bytes`. S3 bills GB of 2^30 bytes. */
export const storageCost = (price: UsdPerGbMonth, bytes: number): number =>
  usdOf(scaled(nanosOf(price.usd), bytes, 2 ** 30));

/** For people: `$0.0123`; two decimals from one dollar on, `<$0.0001` below that. */
export function showUsd(usd: number): string {
  if (usd > 0 && usd < 0.0001) return '<$0.0001';
  return `$${usd.toFixed(usd >= 1 || usd === 0 ? 2 : 4)}`;
}
