// Looks for what an installation left in an account, tells it, and removes it when asked to. Data only when that is asked for, too. The account is
// handed in: account.ts is AWS's.
import { leftOf, namedKinds, ordered, TAG_KEYS, type Left } from './kinds.ts';

export interface Account {
  /** ARNs of what carries the tag. */
  tagged(key: string, value: string): Promise<string[]>;
  exists(type: string, identifier: string): Promise<boolean>;
  /** Resolves when it is gone; rejects with a sentence. */
  remove(type: string, identifier: string): Promise<void>;
}

export interface Sought {
  readonly installation: string;
  readonly region: string;
  readonly accountId: string;
}

export async function find(account: Account, { installation, region, accountId }: Sought): Promise<Left[]> {
  const arns = await Promise.all(TAG_KEYS.map((key) => account.tagged(key, installation)));
  const left = [...new Set(arns.flat())].map(leftOf);
  for (const { what, type, identifier } of namedKinds(installation, region, accountId))
    if (await account.exists(type, identifier))
      left.push({ what, id: identifier, data: false, removal: { type, identifier } });
  return ordered(left);
}

export interface Swept {
  readonly removed: readonly Left[];
  /** With the reason. */
  readonly failed: readonly { readonly left: Left; readonly why: string }[];
  readonly kept: readonly Left[];
}

/** One after the other, since what comes later is often held by what comes before; a failure does not stop the rest. */
export async function remove(
  account: Account,
  left: readonly Left[],
  options: { dataToo: boolean },
  tell: (line: string) => void,
): Promise<Swept> {
  const removed: Left[] = [];
  const failed: { left: Left; why: string }[] = [];
  const kept: Left[] = [];
  for (const one of left) {
    if (!one.removal || (one.data && !options.dataToo)) {
      kept.push(one);
      continue;
    }
    try {
      await account.remove(one.removal.type, one.removal.identifier);
      removed.push(one);
      tell(`removed  ${described(one)}`);
    } catch (error) {
      failed.push({ left: one, why: (error as Error).message });
      tell(`FAILED   ${described(one)}: ${(error as Error).message}`);
    }
  }
  return { removed, failed, kept };
}

export const described = ({ what, id }: Left): string => `${what.padEnd(28)} ${id}`;
