import { expect } from 'chai';
import { CloudError } from '../../../cloud/errors.ts';
import type { LogEvents, StreamPage } from '../../../cloud/logs.ts';
import type { Attempt, TrainingJob } from '../../../crds/crds.generated.ts';
import { DRAIN_MS, linesOf, tail, type TailOptions } from '../../../operator/logs/tail.ts';
import { KubernetesError } from '../../../operator/runtime/kubernetes.ts';
import { ManualClock, settled } from '../clock.ts';

/** Streams by `group:name`; a page holds two lines. */
class FakeStreams implements Pick<LogEvents, 'stream'> {
  readonly lines = new Map<string, { at: number; message: string }[]>();
  failures: Error[] = [];
  asked = 0;
  async stream({ group, stream, since, token }: Parameters<LogEvents['stream']>[0]): Promise<StreamPage | undefined> {
    this.asked += 1;
    const failure = this.failures.shift();
    if (failure) throw failure;
    const all = this.lines.get(`${group}:${stream}`)?.filter(({ at }) => at >= (since ?? 0));
    if (!all) return undefined;
    const start = Number(token ?? 0);
    const events = all.slice(start, start + 2);
    const next = String(start + events.length);
    return { events, next, end: next === token };
  }
}

describe('Showing a job’s log', () => {
  let clock: ManualClock;
  let streams: FakeStreams;
  let job: TrainingJob | undefined;
  let jobFailures: Error[];
  let out: string[];
  let said: string[];
  beforeEach(() => {
    clock = new ManualClock();
    streams = new FakeStreams();
    jobFailures = [];
    out = [];
    said = [];
    job = jobWith('Running', [attempt(1, 'i-1')]);
  });

  const time = () => new Date(clock.now()).toISOString();
  const attempt = (number: number, instanceId?: string, endedAt?: string): Attempt => ({
    number,
    batch: 'b',
    market: 'spot',
    requestedAt: time(),
    instanceId,
    endedAt,
  });
  function jobWith(phase: string, attempts: Attempt[], uid = 'u'): TrainingJob {
    const instanceId = attempts.findLast((one) => one.instanceId !== undefined)?.instanceId;
    return {
      metadata: { name: 'credit', namespace: 'ml-user-1', uid },
      spec: {},
      status: { phase, attempts, instanceId, logStream: instanceId && `/group:instance-${instanceId}` },
    } as TrainingJob;
  }
  const write = (instanceId: string, ...lines: string[]) => {
    const key = `/group:instance-${instanceId}`;
    streams.lines.set(key, [
      ...(streams.lines.get(key) ?? []),
      ...lines.map((message) => ({ at: clock.now(), message })),
    ]);
  };
  /** Begins; `ended()` is what it ended with. */
  function start(options: Partial<TailOptions> = {}): { ended: () => unknown } {
    let ended: unknown;
    void tail({
      readJob: async () => {
        const failure = jobFailures.shift();
        if (failure) throw failure;
        return job;
      },
      logs: streams,
      group: '/default',
      clock,
      print: (line) => void out.push(line),
      say: (text) => void said.push(text),
      follow: true,
      ...options,
    }).then(
      (shown) => (ended = shown),
      (error: unknown) => (ended = error),
    );
    return { ended: () => ended };
  }

  it('follows the stream line by line until the job is final and the last lines came', async () => {
    write('i-1', 'one', 'two', 'three');
    const { ended } = start();
    await settled();
    expect(out).to.deep.equal(['one', 'two', 'three']);
    write('i-1', 'four');
    await clock.advance(1000);
    expect(out.at(-1)).to.equal('four');
    job = jobWith('Succeeded', [attempt(1, 'i-1', time())]);
    await clock.advance(2000);
    write('i-1', 'last words');
    await clock.advance(2000);
    expect(ended()).to.equal(undefined);
    await clock.advance(DRAIN_MS);
    expect(ended()).to.equal(true);
    expect(out).to.deep.equal(['one', 'two', 'three', 'four', 'last words']);
    expect(said).to.deep.equal([]);
  });

  it('shows a job that ended long ago at once', async () => {
    write('i-1', 'one');
    job = jobWith('Failed', [attempt(1, 'i-1', new Date(clock.now() - 3_600_000).toISOString())]);
    const { ended } = start();
    await settled();
    expect(ended()).to.equal(true);
    expect(out).to.deep.equal(['one']);
  });

  it('drains by its own clock where the operator’s is ahead', async () => {
    write('i-1', 'one');
    job = jobWith('Succeeded', [attempt(1, 'i-1', new Date(clock.now() + 3_600_000).toISOString())]);
    const { ended } = start();
    await clock.advance(DRAIN_MS + 1000);
    expect(ended()).to.equal(true);
  });

  it('waits for an instance, then for its stream, and says so once', async () => {
    job = jobWith('Queued', []);
    job.status!.message = 'No capacity.';
    const { ended } = start();
    await clock.advance(5000);
    job = jobWith('Booting', [attempt(1, 'i-1')]);
    await clock.advance(5000);
    write('i-1', 'hello');
    await clock.advance(1000);
    expect(out).to.deep.equal(['hello']);
    expect(said).to.deep.equal([
      'ml-user-1/credit has no instance yet (Queued: No capacity.)',
      'waiting for the log of i-1',
    ]);
    expect(ended()).to.equal(undefined);
  });

  it('goes on to each new attempt when the old one is over and drained, under a line that names it', async () => {
    write('i-1', 'first');
    start();
    await settled();
    job = jobWith('Recovering', [attempt(1, 'i-1'), attempt(2, 'i-2')]);
    write('i-2', 'second');
    await clock.advance(2000);
    expect(out, 'the old one still writes').to.deep.equal(['first']);
    write('i-1', 'Checkpoint at step 4');
    job = jobWith('Running', [attempt(1, 'i-1', time()), attempt(2, 'i-2', time()), attempt(3), attempt(4, 'i-4')]);
    write('i-4', 'fourth');
    await clock.advance(DRAIN_MS + 1000);
    expect(out).to.deep.equal([
      ...['first', 'Checkpoint at step 4'],
      ...['--- attempt 2 on i-2 ---', 'second'],
      ...['--- attempt 4 on i-4 ---', 'fourth'],
    ]);
  });

  it('says that an attempt is over while nothing follows it yet', async () => {
    write('i-1', 'first');
    job = jobWith('Suspended', [attempt(1, 'i-1', time())]);
    const { ended } = start();
    await clock.advance(DRAIN_MS * 3);
    expect(said).to.deep.equal(['attempt 1 is over, ml-user-1/credit is Suspended']);
    job = jobWith('Running', [attempt(1, 'i-1', time()), attempt(2, 'i-2')]);
    write('i-2', 'resumed');
    await clock.advance(2000);
    expect(out).to.deep.equal(['first', '--- attempt 2 on i-2 ---', 'resumed']);
    expect(ended()).to.equal(undefined);
  });

  it('begins with the newest attempt', async () => {
    write('i-1', 'first');
    write('i-2', 'second');
    job = jobWith('Running', [attempt(1, 'i-1', time()), attempt(2, 'i-2')]);
    start();
    await settled();
    expect(out).to.deep.equal(['second']);
  });

  it('shows one attempt alone when asked to, from the group of the job or the usual one', async () => {
    write('i-1', 'first');
    streams.lines.set('/default:instance-i-1', [{ at: clock.now(), message: 'from the usual group' }]);
    job = jobWith('Running', [attempt(1, 'i-1', '2026-11-24T09:00:00Z'), attempt(2, 'i-2')]);
    const { ended } = start({ attempt: 1 });
    await settled();
    expect([out, ended()]).to.deep.equal([['first'], true]);
    job.status!.logStream = undefined;
    start({ attempt: 1 });
    await settled();
    expect(out).to.deep.equal(['first', 'from the usual group']);
  });

  it('waits for the asked for attempt while it has no instance', async () => {
    job = jobWith('Launching', [attempt(1, 'i-1', time()), attempt(2)]);
    const { ended } = start({ attempt: 2 });
    await clock.advance(3000);
    expect(ended()).to.equal(undefined);
    job = jobWith('Running', [attempt(1, 'i-1', time()), attempt(2, 'i-2')]);
    write('i-2', 'second');
    await clock.advance(1000);
    expect(out).to.deep.equal(['second']);
  });

  it('knows which attempts there are when the asked for is none of them', async () => {
    job = jobWith('Running', [attempt(3, 'i-3', time()), attempt(4, undefined, time()), attempt(5, 'i-5')]);
    for (const [asked, answer] of [
      [1, 'ml-user-1/credit has no attempt 1 with a log; there are 3, 5.'],
      [4, 'ml-user-1/credit has no attempt 4 with a log; there are 3, 5.'],
    ] as const) {
      const { ended } = start({ attempt: asked });
      await settled();
      expect(ended()).to.equal(false);
      expect(said.at(-1)).to.equal(answer);
    }
    job = jobWith('Pending', []);
    start({ attempt: 1 });
    await settled();
    expect(said.at(-1)).to.equal('ml-user-1/credit has no attempt 1 with a log.');
  });

  it('prints what there is and ends when not following', async () => {
    write('i-1', 'one', 'two', 'three', 'four', 'five');
    const { ended } = start({ follow: false });
    await settled();
    expect(ended()).to.equal(true);
    expect(out).to.have.length(5);
    job = jobWith('Queued', []);
    start({ follow: false });
    await settled();
    expect(said).to.deep.equal(['ml-user-1/credit has no log (Queued).']);
    job = jobWith('Booting', [attempt(1, 'i-9')]);
    const { ended: third } = start({ follow: false });
    await settled();
    expect([said.at(-1), third()]).to.deep.equal(['Attempt 1 on i-9 has no log.', true]);
  });

  it('shows only lines from a time on when asked to', async () => {
    write('i-1', 'old');
    await clock.advance(1000);
    write('i-1', 'new');
    start({ since: clock.now() - 500 });
    await settled();
    expect(out).to.deep.equal(['new']);
  });

  it('ends with the words of a job that never ran, and of an instance that never spoke', async () => {
    job = jobWith('Failed', []);
    job.status!.message = 'No such column.';
    const { ended } = start();
    await settled();
    expect([said, ended()]).to.deep.equal([['ml-user-1/credit has no log (Failed: No such column.).'], true]);
    job = jobWith('Failed', [attempt(1, 'i-1', time())]);
    const { ended: second } = start();
    await clock.advance(DRAIN_MS + 1000);
    expect([said.at(-1), second()]).to.deep.equal(['Attempt 1 on i-1 has no log.', true]);
  });

  it('says that there is no such job', async () => {
    job = undefined;
    const { ended } = start();
    await settled();
    expect(ended()).to.equal(false);
    expect(said[0]).to.match(/no such TrainingJob/);
  });

  for (const [how, change] of [
    ['is deleted', () => (job = undefined)],
    ['is deleted and made anew', () => (job = jobWith('Pending', [], 'another'))],
  ] as const)
    it(`shows the last lines of a job that ${how}`, async () => {
      write('i-1', 'one');
      const { ended } = start();
      await settled();
      change();
      write('i-1', 'two');
      await clock.advance(DRAIN_MS + 2000);
      expect([out, said, ended()]).to.deep.equal([['one', 'two'], ['ml-user-1/credit was deleted.'], true]);
    });

  it('survives throttling and lost connections, asking less and less often', async () => {
    write('i-1', 'one');
    start();
    await settled();
    const throttled = new CloudError('logs: slow down', { kind: 'throttled', retryable: true });
    streams.failures = [throttled, throttled, throttled];
    jobFailures = [new KubernetesError('Unreachable', 'the API server cannot be reached')];
    write('i-1', 'two');
    const before = streams.asked;
    await clock.advance(1000 + 1000 + 2000 + 4000);
    expect(streams.asked - before).to.equal(3);
    await clock.advance(8000);
    expect(out).to.deep.equal(['one', 'two']);
    expect(said).to.deep.equal([
      'the API server cannot be reached; trying again',
      ...Array<string>(3).fill('logs: slow down; trying again'),
    ]);
  });

  it('throws what asking again can’t mend, and anything before the first answer', async () => {
    jobFailures = [new KubernetesError('Unreachable', 'nobody there')];
    const first = start();
    await settled();
    expect(first.ended()).to.be.instanceOf(KubernetesError);
    streams.failures = [new CloudError('logs: denied', { kind: 'denied' })];
    const second = start();
    await settled();
    expect(second.ended()).to.be.instanceOf(CloudError);
  });

  it('stops when told to', async () => {
    const stop = new AbortController();
    const { ended } = start({ signal: stop.signal });
    await settled();
    stop.abort();
    await settled();
    expect(ended()).to.equal(true);
  });
});

describe('A message on the terminal', () => {
  for (const [message, lines] of [
    ['plain ✓ tab\tkept', ['plain ✓ tab\tkept']],
    ['two\r\nlines\n', ['two', 'lines']],
    ['\u001b[31mred\u001b[0m', ['\\x1b[31mred\\x1b[0m']],
    ['bell\u0007 null\u0000 back\r over', ['bell\\x07 null\\x00 back\\x0d over']],
    ['\u009b1m \u202egnp.exe \u2028', ['\\x9b1m \\u202egnp.exe \\u2028']],
    ['', ['']],
  ] as const)
    it(`${JSON.stringify(message)} is shown as ${JSON.stringify(lines)}`, () => {
      expect(linesOf(message)).to.deep.equal(lines);
    });
});
