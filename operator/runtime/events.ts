// Kubernetes Events: one a transition, so that `kubectl describe` tells the story. The same words again raise the count of the
// Event that is there instead of making another. An Event that can't be written is logged: the status already says it.
// Names grow with time, as client-go's do: kubectl shows Events of the same second in the order of their names.
import type { Clock } from '../../cloud/clock.ts';
import { timestamp } from '../../crds/conditions.ts';
import type { ObjectMeta } from '../../crds/objects.ts';
import type { Kubernetes, KubeObject } from './kubernetes.ts';
import type { Logger } from './logging.ts';
import { EVENTS } from './resources.ts';

export interface EventText {
  type: 'Normal' | 'Warning';
  /** CamelCase; listed in crds/reasons.ts. */
  reason: string;
  message: string;
}

interface EventObject {
  apiVersion: string;
  kind: string;
  metadata: ObjectMeta;
  involvedObject: object;
  reason: string;
  message: string;
  type: string;
  source: { component: string };
  reportingComponent: string;
  reportingInstance: string;
  firstTimestamp: string;
  lastTimestamp: string;
  count: number;
}

const LONGEST_MESSAGE = 1024;
const COMPONENT = 'spotlearn-operator';

const REMEMBERED = 10_000;

export class EventRecorder {
  readonly #kubernetes: Pick<Kubernetes, 'create' | 'mergePatch'>;
  readonly #clock: Clock;
  readonly #logger: Logger;
  /** Name and count by what was told of whom; of this process only. */
  readonly #told = new Map<string, { readonly event: string; count: number }>();
  readonly #open = new Set<Promise<void>>();
  #sequence = 0;

  constructor(kubernetes: Pick<Kubernetes, 'create' | 'mergePatch'>, clock: Clock, logger: Logger) {
    this.#kubernetes = kubernetes;
    this.#clock = clock;
    this.#logger = logger;
  }

  /** Never rejects, and need not be waited for: the status says the same, an Event only tells the story. */
  record(about: KubeObject, text: EventText): Promise<void> {
    const recorded: Promise<void> = this.#record(about, text).finally(() => this.#open.delete(recorded));
    this.#open.add(recorded);
    return recorded;
  }

  /** Resolves when what was recorded so far is written. */
  async drained(): Promise<void> {
    await Promise.all(this.#open);
  }

  async #record(about: KubeObject, text: EventText): Promise<void> {
    const { name = '', namespace = 'default', uid = '' } = about.metadata ?? {};
    const key = `${uid}/${text.type}/${text.reason}/${text.message}`;
    const known = this.#told.get(key);
    try {
      if (known) await this.#again(known.event, namespace, ++known.count);
      else {
        const event = `${name.slice(0, 230)}.${this.#suffix()}`;
        if (this.#told.size >= REMEMBERED) this.#told.clear();
        this.#told.set(key, { event, count: 1 });
        await this.#first(event, namespace, about, text);
      }
    } catch (error) {
      this.#logger.warn({ reason: text.reason, object: `${namespace}/${name}`, err: error }, 'event not recorded');
    }
  }

  /** Sixteen hexadecimal digits that grow: nanoseconds since the epoch, the last six figures counted. */
  #suffix(): string {
    this.#sequence = (this.#sequence + 1) % 1_000_000;
    const nanoseconds = BigInt(Math.floor(this.#clock.now())) * 1_000_000n + BigInt(this.#sequence);
    return nanoseconds.toString(16).padStart(16, '0');
  }

  async #first(event: string, namespace: string, about: KubeObject, text: EventText): Promise<void> {
    const now = timestamp(this.#clock.now());
    const { name, uid, resourceVersion } = about.metadata ?? {};
    await this.#kubernetes.create<EventObject>(EVENTS, {
      apiVersion: 'v1',
      kind: 'Event',
      metadata: { name: event, namespace },
      involvedObject: {
        apiVersion: about.apiVersion,
        kind: about.kind,
        name,
        namespace: about.metadata?.namespace,
        uid,
        resourceVersion,
      },
      reason: text.reason,
      message: text.message.slice(0, LONGEST_MESSAGE),
      type: text.type,
      source: { component: COMPONENT },
      reportingComponent: COMPONENT,
      reportingInstance: COMPONENT,
      firstTimestamp: now,
      lastTimestamp: now,
      count: 1,
    });
  }

  async #again(event: string, namespace: string, count: number): Promise<void> {
    await this.#kubernetes.mergePatch(
      EVENTS,
      event,
      { count, lastTimestamp: timestamp(this.#clock.now()) },
      { namespace },
    );
  }
}
