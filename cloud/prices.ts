// What things cost, with the unit in the type: a price per 1,000 requests can't be multiplied by a count of requests by
// mistake (the plan did). The table is dated; live Spot prices come from DescribeSpotPriceHistory (operator).
import catalogue from './catalogue.json' with { type: 'json' };
import type { Catalogue } from './catalogue/catalogue.ts';

declare const unit: unique symbol;
type Price<U extends string> = number & { readonly [unit]: U };

export type UsdPerHour = Price<'USD/h'>;
export type UsdPerGbSecond = Price<'USD/GB-s'>;
export type UsdPerRequest = Price<'USD/request'>;
export type UsdPerThousandRequests = Price<'USD/1000 requests'>;
export type UsdPerGbMonth = Price<'USD/GB-month'>;

export const usdPerHour = (value: number): UsdPerHour => value as UsdPerHour;

/** Dated list prices (us-east-1, Linux); Spot figures are the plan's, starting values where it has none. */
export const PRICES = {
  date: catalogue.date,
  lambda: { gbSecond: 0.0000166667 as UsdPerGbSecond, request: 0.0000002 as UsdPerRequest },
  s3: {
    storage: 0.023 as UsdPerGbMonth,
    put: 0.005 as UsdPerThousandRequests,
    get: 0.0004 as UsdPerThousandRequests,
  },
  ebs: { gp3: 0.08 as UsdPerGbMonth },
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
  return (price * Math.max(MINIMUM_BILLED_SECONDS, Math.ceil(seconds))) / 3600;
}

/** USD for a volume of `gb` that existed `seconds`. */
export function volumeCost(price: UsdPerGbMonth, gb: number, seconds: number): number {
  return (price * gb * Math.max(MINIMUM_BILLED_SECONDS, seconds)) / (HOURS_PER_MONTH * 3600);
}

/** USD of one invocation from its REPORT line: billed milliseconds and configured memory in MiB. */
export function invocationCost(billedMs: number, memoryMib: number): number {
  return PRICES.lambda.gbSecond * (memoryMib / 1024) * (billedMs / 1000) + PRICES.lambda.request;
}

/** USD for `count` requests. */
export const requestsCost = (price: UsdPerThousandRequests, count: number): number => (price * count) / 1000;
/** USD a month for `bytes`. S3 bills GB of 2^30 bytes. */
export const storageCost = (price: UsdPerGbMonth, bytes: number): number => (price * bytes) / 2 ** 30;

/** For people: `$0.0123`; two decimals from one dollar on, `<$0.0001` below that. */
export function showUsd(usd: number): string {
  if (usd > 0 && usd < 0.0001) return '<$0.0001';
  return `$${usd.toFixed(usd >= 1 || usd === 0 ? 2 : 4)}`;
}
