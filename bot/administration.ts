// Does what an administrator asked for with an account. Each change is written into the audit trail first, then made under the optimistic
// lock, so that two administrators at once add up and a repeated effect changes nothing twice.
import type { Clock } from '../cloud/clock.ts';
import { CloudError } from '../cloud/errors.ts';
import { addUsd } from '../cloud/money.ts';
import { periodOf } from '../cloud/ledger/entries.ts';
import type { Account } from '../crds/crds.generated.ts';
import { accountName, GROUP } from '../crds/objects.ts';
import { AccountRefused, type AccountHands } from './accounts.ts';
import { isAdmin, MOST_TOP_UP_USD, type AccountAction } from './conversation/administration.ts';
import type { Message } from './conversation/effect.ts';
import { failed, type Kubernetes } from './kubernetes/client.ts';
import type { Outbox } from './outbox.ts';
import { told, type Logger } from './logging.ts';
import type { Trail } from './trail.ts';
import {
  accountCard,
  accountsList,
  amountAsked,
  anotherNow,
  asksToBeLetIn,
  confirmRemoval,
  decidedBefore,
  done,
  letIn,
  markOf,
  noAccount,
  refusedToYou,
  removedForYou,
  resumedForYou,
  suspendedForYou,
  toppedUp,
  trailAway,
  trailAwayWords,
} from './wording/accounts.ts';
import { unknownCommand } from './wording/general.ts';

/** When administrators were last asked about an account. */
const ASKED_ANNOTATION = `${GROUP}/asked-at`;
/** The administrator who let somebody in, or did not. */
const DECIDED_ANNOTATION = `${GROUP}/decided-by`;
/** The latest steps whose top-up was added, between commas: a repeated one is not added again. */
const TOPPED_UP_ANNOTATION = `${GROUP}/topped-up-by`;
const ASK_AGAIN_MS = 86_400_000;
const MOST_CONFLICTS = 20;
const TOP_UPS_KEPT = 10;

export interface AdministrationOptions {
  readonly kubernetes: Kubernetes;
  readonly outbox: Pick<Outbox, 'send'>;
  readonly trail: Trail;
  /** Asked too, although they may have no account yet. */
  readonly adminUsers: readonly string[];
  readonly clock: Clock;
  readonly logger: Logger;
}

type TopUp = Extract<AccountAction, { is: 'topUp' }>;
type Removal = Extract<AccountAction, { is: 'remove' }>;

export class Administration implements AccountHands {
  readonly #options: AdministrationOptions;

  constructor(options: AdministrationOptions) {
    this.#options = options;
  }

  /** Resolves with what the administrator is told. Rejects with KubernetesError when the cluster does not answer. */
  async perform(adminId: string, token: string, action: AccountAction): Promise<Message[]> {
    const { trail } = this.#options;
    if (!isAdmin(await this.#find(adminId))) {
      await trail.note(adminId, { what: deedOf(action), resource: resourceOf(action), outcome: 'Refused' });
      return [unknownCommand('/accounts')];
    }
    if (action.is === 'list') return [accountsList(await this.#options.kubernetes.list<Account>('Account'))];
    const account = await this.#find(action.userId);
    if (!account) return [noAccount(action.userId)];
    try {
      return [await this.#on(adminId, token, action, account)];
    } catch (error) {
      if (!(error instanceof CloudError)) throw error;
      return [trailAway()];
    }
  }

  async #on(
    adminId: string,
    token: string,
    action: Exclude<AccountAction, { is: 'list' }>,
    account: Account,
  ): Promise<Message> {
    switch (action.is) {
      case 'show':
        return accountCard(account);
      case 'offerRemoval':
        return confirmRemoval(account);
      case 'suspend':
      case 'resume':
        return this.#suspend(adminId, action.is, account);
      case 'topUp':
        return this.#topUp(adminId, token, action, account);
      case 'remove':
        return this.#remove(adminId, action, account);
      case 'letIn':
      case 'refuse':
        return this.#decide(adminId, action.is, account);
    }
  }

  /** Before the configuration gives an account more rights; rejects with AccountRefused when it can't be written. */
  async raising(userId: string, detail: string): Promise<void> {
    try {
      const resource = `Account/${accountName(userId)}`;
      await this.#options.trail.write(userId, { what: 'GrantRights', resource, detail });
    } catch (error) {
      throw error instanceof CloudError ? new AccountRefused(trailAwayWords) : error;
    }
  }

  /** Asks all administrators about an account, once a day at most, whatever restarts in between. */
  async ask(account: Account): Promise<void> {
    const at = this.#options.clock.now();
    let asked = false;
    // The operator writes a new account's status at this very moment, so that a conflict says nothing about who asks.
    await this.#change(account, (now) => {
      asked = now.spec.approval === 'Pending' && !this.#askedLately(now);
      return asked ? { metadata: { annotations: { [ASKED_ANNOTATION]: new Date(at).toISOString() } } } : undefined;
    });
    if (asked)
      await Promise.all([...(await this.#admins())].map((chatId) => this.#send(chatId, asksToBeLetIn(account))));
  }

  #askedLately({ metadata }: Account): boolean {
    return this.#options.clock.now() - Date.parse(metadata?.annotations?.[ASKED_ANNOTATION] ?? '') < ASK_AGAIN_MS;
  }

  /** Who does not want to hear (blocked, deleted) is no reason to leave it undone. */
  async #send(chatId: number, message: Message): Promise<void> {
    const { outbox, logger } = this.#options;
    await outbox.send(chatId, message).catch((error: unknown) => {
      logger.warn({ chat: chatId, ...told(error) }, 'news of an account not delivered');
    });
  }

  async #suspend(adminId: string, is: 'suspend' | 'resume', account: Account): Promise<Message> {
    const suspend = is === 'suspend';
    const action = { is, userId: account.spec.userId };
    const changes = account.spec.suspend !== suspend;
    const changed = await this.#audited(adminId, action, () => this.#change(account, () => ({ spec: { suspend } })));
    if (changes) await this.#send(chatOf(account), suspend ? suspendedForYou() : resumedForYou());
    return done[is](changed);
  }

  async #remove(adminId: string, action: Removal, account: Account): Promise<Message> {
    const { uid } = account.metadata ?? {};
    if (markOf(account) !== action.of) return anotherNow(action.userId);
    await this.#audited(adminId, action, () =>
      this.#options.kubernetes.delete('Account', accountName(action.userId), {}, uid),
    );
    await this.#send(chatOf(account), removedForYou());
    return done.remove(account);
  }

  async #admins(): Promise<Set<number>> {
    const accounts = await this.#options.kubernetes.list<Account>('Account');
    const chats = accounts.filter(isAdmin).map(({ spec }) => Number(spec.chatId ?? spec.userId));
    return new Set([...chats, ...this.#options.adminUsers.map(Number)]);
  }

  async #topUp(adminId: string, token: string, action: TopUp, account: Account): Promise<Message> {
    const { clock } = this.#options;
    if (!(action.usd > 0 && action.usd <= MOST_TOP_UP_USD)) return amountAsked(action.userId);
    let added = false;
    const change = ({ spec, metadata }: Account) => {
      const before = metadata?.annotations?.[TOPPED_UP_ANNOTATION]?.split(',') ?? [];
      added = !before.includes(token);
      if (!added) return undefined;
      const period = periodOf(clock.now());
      const onTop = spec.topUp?.period === period ? spec.topUp.usd : 0;
      const usd = Math.min(MOST_TOP_UP_USD, addUsd(onTop, action.usd));
      const annotations = { [TOPPED_UP_ANNOTATION]: [...before, token].slice(-TOP_UPS_KEPT).join(',') };
      return { metadata: { annotations }, spec: { topUp: { period, usd } } };
    };
    const changed = await this.#audited(adminId, action, () => this.#change(account, change), `${action.usd} USD`);
    if (added && adminId !== action.userId) await this.#send(chatOf(account), toppedUp(action.usd));
    return done.topUp(changed);
  }

  async #decide(adminId: string, is: 'letIn' | 'refuse', account: Account): Promise<Message> {
    const approval = is === 'letIn' ? 'Approved' : 'Refused';
    // Who was refused may still be let in later, from his card.
    const open = (one: Account): boolean =>
      one.spec.approval === 'Pending' || (one.spec.approval === 'Refused' && is === 'letIn');
    if (!open(account)) return decidedBefore(account, account.metadata?.annotations?.[DECIDED_ANNOTATION]);
    let decided = false;
    const change = (one: Account) => {
      decided = open(one);
      return decided ? { metadata: { annotations: { [DECIDED_ANNOTATION]: adminId } }, spec: { approval } } : undefined;
    };
    const action = { is, userId: account.spec.userId };
    const changed = await this.#audited(adminId, action, () => this.#change(account, change));
    if (!decided) return decidedBefore(changed, changed.metadata?.annotations?.[DECIDED_ANNOTATION]);
    await this.#send(chatOf(account), is === 'letIn' ? letIn() : refusedToYou());
    return done[is](changed);
  }

  /** Written first, then done; also when it could not be done. */
  async #audited<T>(adminId: string, action: AccountAction, run: () => Promise<T>, detail?: string): Promise<T> {
    const { trail } = this.#options;
    const deed = { what: deedOf(action), resource: resourceOf(action), ...(detail === undefined ? {} : { detail }) };
    await trail.write(adminId, deed);
    try {
      return await run();
    } catch (error) {
      await trail.note(adminId, { ...deed, outcome: 'Failed', detail: (error as Error).message });
      throw error;
    }
  }

  async #find(userId: string): Promise<Account | undefined> {
    try {
      return await this.#options.kubernetes.get<Account>('Account', accountName(userId));
    } catch (error) {
      if (failed(error, 'NotFound')) return undefined;
      throw error;
    }
  }

  /** Under the optimistic lock; `change` undefined: nothing is to be changed any more. */
  async #change(
    account: Account,
    change: (account: Account) => { metadata?: object; spec?: object } | undefined,
  ): Promise<Account> {
    const { kubernetes } = this.#options;
    const { name = '' } = account.metadata ?? {};
    for (let [now, tries] = [account, 1]; ; tries += 1) {
      const patch = change(now);
      if (!patch) return now;
      const { resourceVersion } = now.metadata ?? {};
      try {
        return await kubernetes.patch<Account>('Account', name, {
          ...patch,
          metadata: { ...patch.metadata, resourceVersion },
        });
      } catch (error) {
        if (!failed(error, 'Conflict') || tries >= MOST_CONFLICTS) throw error;
        now = await kubernetes.get<Account>('Account', name);
      }
    }
  }
}

const chatOf = ({ spec }: Account): number => Number(spec.chatId ?? spec.userId);

const DEEDS: Readonly<Record<AccountAction['is'], string>> = {
  list: 'ListAccounts',
  show: 'ShowAccount',
  suspend: 'SuspendAccount',
  resume: 'ResumeAccount',
  topUp: 'TopUp',
  offerRemoval: 'DeleteAccount',
  remove: 'DeleteAccount',
  letIn: 'ApproveAccount',
  refuse: 'RefuseAccount',
};
const deedOf = ({ is }: AccountAction): string => DEEDS[is];
const resourceOf = (action: AccountAction): string =>
  action.is === 'list' ? 'Account' : `Account/${accountName(action.userId)}`;
