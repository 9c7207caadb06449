// Does what an administrator asked for with an account. Each change is written into the audit trail first, then made under the optimistic
// lock, so that two administrators at once add up and a repeated effect changes nothing twice.
import type { Clock } from '../cloud/clock.ts';
import { CloudError } from '../cloud/errors.ts';
import { addUsd } from '../cloud/money.ts';
import { periodOf } from '../cloud/ledger/entries.ts';
import type { Account } from '../crds/crds.generated.ts';
import { accountName, GROUP } from '../crds/objects.ts';
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
  asksToBeLetIn,
  confirmRemoval,
  decidedBefore,
  done,
  letIn,
  noAccount,
  refusedToYou,
  toppedUp,
  trailAway,
} from './wording/accounts.ts';
import { unknownCommand } from './wording/general.ts';

/** When administrators were last asked about an account. */
const ASKED_ANNOTATION = `${GROUP}/asked-at`;
/** The administrator who let somebody in, or did not. */
const DECIDED_ANNOTATION = `${GROUP}/decided-by`;
/** The step whose top-up was added last: a repeated one is not added again. */
const TOPPED_UP_ANNOTATION = `${GROUP}/topped-up-by`;
const ASK_AGAIN_MS = 86_400_000;
const MOST_CONFLICTS = 5;

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

export class Administration {
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
        await this.#written(adminId, action);
        return done[action.is](await this.#change(account, () => ({ spec: { suspend: action.is === 'suspend' } })));
      case 'topUp':
        return this.#topUp(adminId, token, action, account);
      case 'remove':
        await this.#written(adminId, action);
        await this.#options.kubernetes.delete('Account', accountName(action.userId));
        return done.remove(account);
      case 'letIn':
      case 'refuse':
        return this.#decide(adminId, action.is, account);
    }
  }

  /** Asks all administrators about an account, once a day at most, whatever restarts in between. */
  async ask(account: Account): Promise<void> {
    const { clock, outbox, logger } = this.#options;
    const last = Date.parse(account.metadata?.annotations?.[ASKED_ANNOTATION] ?? '');
    if (clock.now() - last < ASK_AGAIN_MS) return;
    const { name = '', resourceVersion } = account.metadata ?? {};
    const annotations = { [ASKED_ANNOTATION]: new Date(clock.now()).toISOString() };
    try {
      await this.#options.kubernetes.patch('Account', name, { metadata: { resourceVersion, annotations } });
    } catch (error) {
      if (failed(error, 'Conflict')) return;
      throw error;
    }
    for (const chatId of await this.#admins())
      await outbox.send(chatId, asksToBeLetIn(account)).catch((error: unknown) => {
        logger.warn({ chat: chatId, ...told(error) }, 'administrator not asked');
      });
  }

  async #admins(): Promise<Set<number>> {
    const accounts = await this.#options.kubernetes.list<Account>('Account');
    const chats = accounts.filter(isAdmin).map(({ spec }) => Number(spec.chatId ?? spec.userId));
    return new Set([...chats, ...this.#options.adminUsers.map(Number)]);
  }

  async #topUp(adminId: string, token: string, action: TopUp, account: Account): Promise<Message> {
    const { clock, outbox } = this.#options;
    if (!(action.usd > 0 && action.usd <= MOST_TOP_UP_USD)) return amountAsked(action.userId);
    await this.#written(adminId, action, `${action.usd} USD`);
    let added = false;
    const changed = await this.#change(account, ({ spec, metadata }) => {
      added = metadata?.annotations?.[TOPPED_UP_ANNOTATION] !== token;
      if (!added) return undefined;
      const period = periodOf(clock.now());
      const before = spec.topUp?.period === period ? spec.topUp.usd : 0;
      const usd = Math.min(MOST_TOP_UP_USD, addUsd(before, action.usd));
      return { metadata: { annotations: { [TOPPED_UP_ANNOTATION]: token } }, spec: { topUp: { period, usd } } };
    });
    if (added && adminId !== action.userId) await outbox.send(chatOf(account), toppedUp(action.usd));
    return done.topUp(changed);
  }

  async #decide(adminId: string, is: 'letIn' | 'refuse', account: Account): Promise<Message> {
    const { outbox } = this.#options;
    const approval = is === 'letIn' ? 'Approved' : 'Refused';
    // Who was refused may still be let in later, from his card.
    const open = (one: Account): boolean =>
      one.spec.approval === 'Pending' || (one.spec.approval === 'Refused' && is === 'letIn');
    if (!open(account)) return decidedBefore(account, account.metadata?.annotations?.[DECIDED_ANNOTATION]);
    await this.#written(adminId, { is, userId: account.spec.userId });
    let decided = false;
    const changed = await this.#change(account, (one) => {
      decided = open(one);
      return decided ? { metadata: { annotations: { [DECIDED_ANNOTATION]: adminId } }, spec: { approval } } : undefined;
    });
    if (!decided) return decidedBefore(changed, changed.metadata?.annotations?.[DECIDED_ANNOTATION]);
    await outbox.send(chatOf(account), is === 'letIn' ? letIn() : refusedToYou());
    return done[is](changed);
  }

  #written(adminId: string, action: AccountAction, detail?: string): Promise<void> {
    const deed = { what: deedOf(action), resource: resourceOf(action) };
    return this.#options.trail.write(adminId, detail === undefined ? deed : { ...deed, detail });
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
    change: (account: Account) => { metadata?: object; spec: object } | undefined,
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
