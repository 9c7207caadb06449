// Opens a user's Account by the installation's policy and waits until the operator has made its namespace.
import { type Clock, sleep } from '../cloud/clock.ts';
import type { BotConfiguration } from '../cloud/configuration/configuration.ts';
import type { Account } from '../crds/crds.generated.ts';
import { accountName, API_VERSION } from '../crds/objects.ts';
import { failed, KubernetesError, type Kubernetes } from './kubernetes/client.ts';
import { notLetIn } from './wording/accounts.ts';
import { short } from './wording/html.ts';

const NAMESPACE_WAIT_MS = 15_000;
const AGAIN_MS = 200;

export type Policy = Pick<
  BotConfiguration,
  | 'accountPolicy'
  | 'allowedUsers'
  | 'adminUsers'
  | 'maxTrainingCostUsd'
  | 'maxPredictionCostUsd'
  | 'monthlyBudgetUsd'
  | 'warnPercent'
>;

/** The policy or the API server says no; the message is for the user. */
export class AccountRefused extends Error {}

export class Accounts {
  readonly #kubernetes: Kubernetes;
  readonly #policy: Policy;
  readonly #clock: Clock;

  readonly #ask: (account: Account) => Promise<void>;

  /** `ask`: asks the administrators about an account that waits to be let in. */
  constructor(kubernetes: Kubernetes, policy: Policy, clock: Clock, ask: (account: Account) => Promise<void>) {
    this.#kubernetes = kubernetes;
    this.#policy = policy;
    this.#clock = clock;
    this.#ask = ask;
  }

  async find(userId: string): Promise<Account | undefined> {
    try {
      return await this.#kubernetes.get<Account>('Account', accountName(userId));
    } catch (error) {
      if (failed(error, 'NotFound')) return undefined;
      throw error;
    }
  }

  /** Resolves with whether the namespace is there; rejects with AccountRefused. */
  async open(userId: string, chatId: number, userName: string, signal: AbortSignal): Promise<boolean> {
    let account = await this.#patiently(() => this.find(userId), signal);
    if (!account) {
      const { accountPolicy, allowedUsers, adminUsers } = this.#policy;
      if (accountPolicy === 'allowlist' && ![...allowedUsers, ...adminUsers].includes(userId))
        throw new AccountRefused(
          `This installation is open to invited people only. Ask the administrator to add your id, ${userId}, then send /start again.`,
        );
      account = await this.#patiently(() => this.#create(userId, chatId, userName), signal);
    }
    account = await this.#patiently(() => this.#raised(userId, account as Account), signal);
    if (account.spec.approval === 'Pending') await this.#ask(account);
    if (account.spec.approval !== 'Approved') throw new AccountRefused(notLetIn(account.spec.approval));
    const until = this.#clock.now() + NAMESPACE_WAIT_MS;
    while (!account?.status?.namespace && this.#clock.now() < until && !signal.aborted) {
      await sleep(this.#clock, AGAIN_MS, signal);
      account = await this.#patiently(() => this.find(userId), signal);
    }
    return account?.status?.namespace !== undefined;
  }

  /** Who is named as an administrator is one, also with an account of before. */
  async #raised(userId: string, account: Account): Promise<Account> {
    const { role, approval } = account.spec;
    if (!this.#policy.adminUsers.includes(userId) || (role === 'admin' && approval === 'Approved')) return account;
    const spec = { role: 'admin', approval: 'Approved' };
    return this.#kubernetes.patch<Account>('Account', accountName(userId), { spec });
  }

  #approvalOf(userId: string): Account['spec']['approval'] {
    const { accountPolicy, allowedUsers, adminUsers } = this.#policy;
    return accountPolicy === 'approval' && ![...allowedUsers, ...adminUsers].includes(userId) ? 'Pending' : 'Approved';
  }

  async #create(userId: string, chatId: number, userName: string): Promise<Account> {
    const { maxTrainingCostUsd, maxPredictionCostUsd, monthlyBudgetUsd, warnPercent } = this.#policy;
    const account = {
      apiVersion: API_VERSION,
      kind: 'Account',
      metadata: { name: accountName(userId) },
      spec: {
        userId,
        chatId: String(chatId),
        ...(userName ? { displayName: short(userName, 100) } : {}),
        role: this.#policy.adminUsers.includes(userId) ? ('admin' as const) : ('user' as const),
        suspend: false,
        approval: this.#approvalOf(userId),
        limits: { trainingUsd: maxTrainingCostUsd, predictionUsd: maxPredictionCostUsd, monthlyUsd: monthlyBudgetUsd },
        warnPercent,
      },
    };
    try {
      return await this.#kubernetes.create<Account>('Account', account);
    } catch (error) {
      if (failed(error, 'AlreadyExists')) return this.#kubernetes.get<Account>('Account', accountName(userId));
      if (failed(error, 'Invalid', 'Forbidden'))
        throw new AccountRefused(`Your account cannot be opened: ${(error as Error).message}`);
      throw error;
    }
  }

  async #patiently<T>(call: () => Promise<T>, signal: AbortSignal): Promise<T> {
    for (let tries = 1; ; tries += 1) {
      try {
        return await call();
      } catch (error) {
        if (!(error instanceof KubernetesError && error.transient) || signal.aborted) throw error;
        await sleep(this.#clock, Math.min(5000, AGAIN_MS * 2 ** Math.min(10, tries)), signal);
      }
    }
  }
}
