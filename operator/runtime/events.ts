// Kubernetes Events: one a transition, so that `kubectl describe` tells the story. The same words again raise the count of the
// Event that is there instead of making another. An Event that can't be written is logged: the status already says it.
import { createHash } from 'node:crypto';
import type { Clock } from '../../cloud/clock.ts';
import { timestamp } from '../../crds/conditions.ts';
import type { ObjectMeta } from '../../crds/objects.ts';
import { failed, type Kubernetes, type KubeObject } from './kubernetes.ts';
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

export class EventRecorder {
  readonly #kubernetes: Pick<Kubernetes, 'create' | 'mergePatch'>;
  readonly #clock: Clock;
  readonly #logger: Logger;
  readonly #counts = new Map<string, number>();

  constructor(kubernetes: Pick<Kubernetes, 'create' | 'mergePatch'>, clock: Clock, logger: Logger) {
    this.#kubernetes = kubernetes;
    this.#clock = clock;
    this.#logger = logger;
  }

  /** Never rejects. */
  async record(about: KubeObject, text: EventText): Promise<void> {
    const { name = '', namespace = 'default', uid = '' } = about.metadata ?? {};
    const id = createHash('sha256')
      .update(`${uid}/${text.type}/${text.reason}/${text.message}`)
      .digest('hex')
      .slice(0, 16);
    const event = `${name.slice(0, 230)}.${id}`;
    const count = (this.#counts.get(event) ?? 0) + 1;
    if (this.#counts.size > 10_000) this.#counts.clear();
    this.#counts.set(event, count);
    try {
      if (count > 1) await this.#again(event, namespace, count);
      else await this.#first(event, namespace, about, text);
    } catch (error) {
      this.#logger.warn({ reason: text.reason, object: `${namespace}/${name}`, err: error }, 'event not recorded');
    }
  }

  async #first(event: string, namespace: string, about: KubeObject, text: EventText): Promise<void> {
    const now = timestamp(this.#clock.now());
    const { name, uid, resourceVersion } = about.metadata ?? {};
    try {
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
    } catch (error) {
      // Recorded before a restart of ours.
      if (!failed(error, 'AlreadyExists')) throw error;
      await this.#again(event, namespace, 2);
    }
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
