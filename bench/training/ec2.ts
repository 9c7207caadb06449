// The embedded EC2 with a book beside it: every call with its time and what became of it.
import { ec2Service, type Ec2Options, type Ec2Service } from '../../local/aws/ec2/service.ts';
import { AwsServiceError, type ServiceContext } from '../../local/aws/service.ts';

export interface Ec2Call {
  readonly action: string;
  /** Real milliseconds, when the request was whole. */
  readonly at: number;
  /** EC2's error code, of a call that was refused. */
  refused?: string;
}

export class Ec2Book {
  readonly calls: Ec2Call[] = [];

  count(action: string, since = 0): number {
    return this.calls.filter((call) => call.action === action && call.at >= since).length;
  }

  refusals(code: string, since = 0): number {
    return this.calls.filter((call) => call.refused === code && call.at >= since).length;
  }

  /** How often each action was called. */
  byAction(since = 0): Map<string, number> {
    const counts = new Map<string, number>();
    for (const { action, at } of this.calls) if (at >= since) counts.set(action, (counts.get(action) ?? 0) + 1);
    return counts;
  }

  /** When the first call of the action came at or after `since`; undefined: none did. */
  firstAfter(action: string, since: number): number | undefined {
    return this.calls.find((call) => call.action === action && call.at >= since)?.at;
  }
}

/** Instances have states and no processes: the workers are simulated (workers.ts). */
export function bookedEc2(context: ServiceContext, options: Ec2Options, book: Ec2Book): Ec2Service {
  const ec2 = ec2Service(context, { machines: false, ...options });
  return {
    ...ec2,
    async handle(request) {
      const action = new URLSearchParams((await request.body()).toString('utf8')).get('Action') ?? '';
      const call: Ec2Call = { action, at: performance.timeOrigin + performance.now() };
      book.calls.push(call);
      try {
        return await ec2.handle(request);
      } catch (error) {
        call.refused = error instanceof AwsServiceError ? error.code : 'InternalError';
        throw error;
      }
    },
  };
}

export const THROTTLED = 'RequestLimitExceeded';
