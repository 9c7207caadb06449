// A chat's session as a ConfigMap `chat-<id>` in the operator's namespace: where the conversation stands, which updates were taken,
// and which effects are still to be done. Written with the optimistic lock; a restarted bot goes on from here.
import type { Effect } from './conversation/effect.ts';
import { IDLE, type Conversation } from './conversation/state.ts';
import { failed, type ConfigMap, type Kubernetes } from './kubernetes/client.ts';

export const SESSION_LABEL = 'spotlearn.io/chat-session';
const MOST_SEEN = 50;

export interface PendingEffect {
  readonly id: number;
  readonly effect: Effect;
}

export interface Session {
  readonly conversation: Conversation;
  /** Ids of the latest updates taken, so that one delivered again does nothing. */
  readonly seen: readonly number[];
  /** Effects decided but not yet done, in order. */
  readonly pending: readonly PendingEffect[];
  readonly lastEffect: number;
  readonly userName: string;
}

/** A session with the version it was read at; undefined when it was never written. */
export interface Stored {
  readonly chatId: number;
  readonly session: Session;
  readonly resourceVersion: string | undefined;
}

export const NEW_SESSION: Session = { conversation: IDLE, seen: [], pending: [], lastEffect: 0, userName: '' };

export const withSeen = (session: Session, updateId: number | undefined): Session =>
  updateId === undefined ? session : { ...session, seen: [...session.seen, updateId].slice(-MOST_SEEN) };

export class Sessions {
  readonly #kubernetes: Kubernetes;
  readonly #namespace: string;

  constructor(kubernetes: Kubernetes, namespace: string) {
    this.#kubernetes = kubernetes;
    this.#namespace = namespace;
  }

  async load(chatId: number): Promise<Stored> {
    try {
      const map = await this.#kubernetes.get<ConfigMap>('ConfigMap', nameOf(chatId), { namespace: this.#namespace });
      return read(chatId, map);
    } catch (error) {
      if (failed(error, 'NotFound')) return { chatId, session: NEW_SESSION, resourceVersion: undefined };
      throw error;
    }
  }

  /** Rejects with Conflict or AlreadyExists when somebody else wrote it meanwhile. */
  async save({ chatId, session, resourceVersion }: Stored): Promise<Stored> {
    const map: ConfigMap = {
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: {
        name: nameOf(chatId),
        namespace: this.#namespace,
        labels: { [SESSION_LABEL]: session.pending.length > 0 ? 'pending' : 'settled' },
        ...(resourceVersion === undefined ? {} : { resourceVersion }),
      },
      data: { session: JSON.stringify(session) },
    };
    const written =
      resourceVersion === undefined
        ? await this.#kubernetes.create('ConfigMap', map)
        : await this.#kubernetes.replace('ConfigMap', map);
    return { chatId, session, resourceVersion: written.metadata?.resourceVersion };
  }

  /** Chats with effects that a stopped bot left undone. */
  async unfinished(): Promise<number[]> {
    const maps = await this.#kubernetes.list<ConfigMap>(
      'ConfigMap',
      { labelSelector: `${SESSION_LABEL}=pending` },
      { namespace: this.#namespace },
    );
    return maps.flatMap(({ metadata }) => {
      const id = Number(/^chat-(\d+)$/.exec(metadata?.name ?? '')?.[1]);
      return Number.isSafeInteger(id) ? [id] : [];
    });
  }
}

const nameOf = (chatId: number): string => `chat-${chatId}`;

/** A session that can't be read (written by a later version, or tampered with) begins anew: a chat must never be stuck. */
function read(chatId: number, map: ConfigMap): Stored {
  const resourceVersion = map.metadata?.resourceVersion;
  try {
    const session = { ...NEW_SESSION, ...(JSON.parse(map.data?.session ?? '{}') as Partial<Session>) };
    const sound =
      typeof session.conversation?.step === 'string' && Array.isArray(session.pending) && Array.isArray(session.seen);
    return { chatId, session: sound ? session : NEW_SESSION, resourceVersion };
  } catch {
    return { chatId, session: NEW_SESSION, resourceVersion };
  }
}
