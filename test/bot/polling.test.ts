import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from 'chai';
import { systemClock, type Clock } from '../../cloud/clock.ts';
import { SILENT } from '../../bot/logging.ts';
import { poll } from '../../bot/polling.ts';

/** What telegraf throws. */
const refusal = (code: number, description: string, retryAfter?: number) =>
  Object.assign(new Error(description), {
    response: { error_code: code, description, parameters: { retry_after: retryAfter } },
  });

/** Time that passes at once, its lengths kept. */
function hurried() {
  const waits: number[] = [];
  const clock: Clock = {
    now: () => 0,
    after: (ms, run) => {
      waits.push(ms);
      return systemClock().after(0, run);
    },
  };
  return { clock, waits };
}

describe('Polling', () => {
  it('confirms a batch only when every update of it is safe', async () => {
    const stop = new AbortController();
    const offsets: unknown[] = [];
    const taken: number[] = [];
    let fails = 1;
    await poll<{ update_id: number }>(
      {
        call: async (_, payload) => {
          offsets.push(payload.offset);
          if (payload.offset === 8) stop.abort();
          return payload.offset === 0 ? [{ update_id: 6 }, { update_id: 7 }] : [];
        },
        take: async ({ update_id: id }) => {
          if (id === 7 && (fails -= 1) >= 0) throw new Error('not stored');
          taken.push(id);
        },
        ...hurried(),
        logger: SILENT,
      },
      stop.signal,
    );
    expect(offsets).to.deep.equal([0, 0, 8]);
    expect(taken).to.deep.equal([6, 6, 7]);
  });

  it('backs off while Telegram is away, waits out 409 and 429, and says whether it answers', async () => {
    const stop = new AbortController();
    const { clock, waits } = hurried();
    const answers: boolean[] = [];
    const errors = [new Error('away'), refusal(409, 'Conflict'), refusal(429, 'x', 9)];
    await poll(
      {
        call: async () => {
          const error = errors.shift();
          if (error) throw error;
          stop.abort();
          return [];
        },
        take: async () => undefined,
        clock,
        logger: SILENT,
        onAnswer: (ok) => answers.push(ok),
      },
      stop.signal,
    );
    expect(waits).to.deep.equal([500, 1000, 9000]);
    expect(answers).to.deep.equal([false, false, false, true]);
  });

  it('ends for good when the token is unknown', async () => {
    const call = async () => {
      throw refusal(401, 'Unauthorized');
    };
    const thrown = await poll(
      { call, take: async () => undefined, ...hurried(), logger: SILENT },
      new AbortController().signal,
    ).catch((error: Error) => error);
    expect(thrown).to.have.property('message', 'Unauthorized');
  });

  it('ends at once when stopped in the middle of a poll', async () => {
    const stop = new AbortController();
    const call = (_: string, __: object, signal?: AbortSignal) =>
      new Promise((_resolve, reject) => signal?.addEventListener('abort', () => reject(new Error('aborted'))));
    const polling = poll({ call, take: async () => undefined, ...hurried(), logger: SILENT }, stop.signal);
    await sleep(5);
    stop.abort();
    await polling;
  });
});
