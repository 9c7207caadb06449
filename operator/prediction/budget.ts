// What a job may still begin without ever passing what it may spend: each invocation may cost as much as the function's time-out allows.
import { showUsd } from '../../cloud/prices.ts';
import type { Refusal } from './refusals.ts';

export interface Money {
  readonly limitUsd: number;
  readonly spentUsd: number;
  /** Of one invocation. */
  readonly worstUsd: number;
}

/** Invocations in flight at once, at most. */
export function affordable({ limitUsd, spentUsd, worstUsd }: Money): number {
  // A millionth of one more: sums of cents are not exact.
  return worstUsd === 0 ? Infinity : Math.max(0, Math.floor((limitUsd - spentUsd) / worstUsd + 1e-6));
}

export const spentUp = ({ limitUsd, spentUsd, worstUsd }: Money, percent: number): Refusal => ({
  reason: 'BudgetExhausted',
  message: `${percent} % of the table is done for ${showUsd(spentUsd)}; another invocation may cost up to ${showUsd(worstUsd)}, which could pass the ${showUsd(limitUsd)} this job may spend. Create the job again with a higher spec.budget.maxCostUsd.`,
});
