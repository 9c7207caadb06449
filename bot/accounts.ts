// Opens a user's Account by the installation's policy and waits until the operator has made its namespace.
import { type Clock, sleep } from '../cloud/clock.ts';
import type { BotConfiguration } from '../cloud/configuration/configuration.ts';
import type { Account } from '../crds/crds.generated.ts';
import { accountName, API_VERSION } from '../crds/objects.ts';
import { failed, KubernetesError, type Kubernetes, type KubernetesFailure } from './kubernetes/client.ts';
import { notLetIn } from './wording/accounts.ts';
import { BEING_REMOVED } from './wording/general.ts';
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

export interface AccountHands {
  /** Asks the administrators about an account that waits to be let in. */
  readonly ask: (account: Account) => Promise<void>;
  /** Writes into the audit trail that the configuration gives an account more rights; rejects when it can't. */
  readonly raising: (userId: string, detail: string) => Promise<void>;
}

export class Accounts {
  readonly #kubernetes: Kubernetes;
  readonly #policy: Policy;
  readonly #clock: Clock;
  readonly #hands: AccountHands;

  constructor(kubernetes: Kubernetes, policy: Policy, clock: Clock, hands: AccountHands) {
    this.#kubernetes = kubernetes;
    this.#policy = policy;
    this.#clock = clock;
    this.#hands = hands;
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
      if (this.#policy.accountPolicy === 'allowlist' && !this.#isListed(userId))
        throw new AccountRefused(
          `This installation is open to invited people only. Ask the administrator to add your id, ${userId}, then send /start again.`,
        );
      account = await this.#patiently(() => this.#create(userId, chatId, userName), signal);
    }
    if (account.metadata?.deletionTimestamp) throw new AccountRefused(BEING_REMOVED);
    if (this.#granted(account)) account = await this.#patiently(() => this.#raised(userId), signal, 'Conflict');
    if (account.spec.approval === 'Pending') await this.#hands.ask(account);
    if (account.spec.approval !== 'Approved') throw new AccountRefused(notLetIn(account.spec.approval));
    const until = this.#clock.now() + NAMESPACE_WAIT_MS;
    while (!account?.status?.namespace && this.#clock.now() < until && !signal.aborted) {
      await sleep(this.#clock, AGAIN_MS, signal);
      account = await this.#patiently(() => this.find(userId), signal);
    }
    return account?.status?.namespace !== undefined;
  }

  /** Who is named in the configuration gets what it says, also with an account of before. Whom an administrator refused, only as one himself. */
  #granted({ spec: { userId, role, approval } }: Account): object | undefined {
    const admin = this.#policy.adminUsers.includes(userId);
    const raise = admin && role !== 'admin';
    const admit = admin ? approval !== 'Approved' : approval === 'Pending' && this.#approvalOf(userId) === 'Approved';
    if (!raise && !admit) return undefined;
    return { ...(raise ? { role: 'admin' } : {}), ...(admit ? { approval: 'Approved' } : {}) };
  }

  async #raised(userId: string): Promise<Account> {
    const account = await this.#kubernetes.get<Account>('Account', accountName(userId));
    const spec = this.#granted(account);
    if (!spec) return account;
    const { resourceVersion } = account.metadata ?? {};
    await this.#hands.raising(userId, `By the configuration: ${JSON.stringify(spec)}`);
    return this.#kubernetes.patch<Account>('Account', accountName(userId), { metadata: { resourceVersion }, spec });
  }

  #isListed(userId: string): boolean {
    const { allowedUsers, adminUsers } = this.#policy;
    return allowedUsers.includes(userId) || adminUsers.includes(userId);
  }

  #approvalOf(userId: string): Account['spec']['approval'] {
    return this.#policy.accountPolicy === 'open' || this.#isListed(userId) ? 'Approved' : 'Pending';
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

  async #patiently<T>(call: () => Promise<T>, signal: AbortSignal, ...also: KubernetesFailure[]): Promise<T> {
    for (let tries = 1; ; tries += 1) {
      try {
        return await call();
      } catch (error) {
        const again = failed(error, ...also) || (error instanceof KubernetesError && error.transient);
        if (!again || signal.aborted) throw error;
        await sleep(this.#clock, Math.min(5000, AGAIN_MS * 2 ** Math.min(10, tries)), signal);
      }
    }
  }
}
