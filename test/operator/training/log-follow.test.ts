import { expect } from 'chai';
import { CloudError } from '../../../cloud/errors.ts';
import type { GroupPage, LogEvent, LogEvents } from '../../../cloud/logs.ts';
import { SILENT } from '../../../operator/runtime/logging.ts';
import { FIRST_LOOK_MS, LogFollow, OVERLAP_MS } from '../../../operator/training/log-follow.ts';
import { ManualClock } from '../clock.ts';

/** A group that remembers what it was asked and fails on demand. */
class FakeGroup implements Pick<LogEvents, 'follow'> {
  events: LogEvent[] = [];
  readonly asked: { since: number; token?: string }[] = [];
  pageSize = 100;
  /** Errors of the next calls; undefined: that call answers. */
  failures: (Error | undefined)[] = [];
  #ids = 0;

  say(instanceId: string, at: number, message: string): void {
    this.#ids += 1;
    this.events.push({ stream: `instance-${instanceId}`, at, id: String(this.#ids), message });
  }

  async follow({ group, streamPrefix, since, token }: Parameters<LogEvents['follow']>[0]): Promise<GroupPage> {
    expect([group, streamPrefix]).to.deep.equal(['/group', 'instance-']);
    this.asked.push({ since, token });
    const failure = this.failures.shift();
    if (failure) throw failure;
    const found = this.events.filter(({ at }) => at >= since).sort((a, b) => a.at - b.at);
    const start = Number(token ?? 0);
    const end = start + this.pageSize;
    return { events: found.slice(start, end), next: end < found.length ? String(end) : undefined };
  }
}

const throttled = () => new CloudError('logs: slow down', { service: 'logs', kind: 'throttled', retryable: true });

describe('Following the logs of all workers', () => {
  let clock: ManualClock;
  let group: FakeGroup;
  let follow: LogFollow;
  let warnings: string[];
  beforeEach(() => {
    clock = new ManualClock();
    group = new FakeGroup();
    warnings = [];
    const logger = { ...SILENT, warn: (_keys: object, message: string) => void warnings.push(message) };
    follow = new LogFollow({ logs: group, group: '/group', clock, logger });
  });
  const tick = async () => Object.fromEntries(await follow.tick());
  const now = () => clock.now();

  it('gives the newest figures of each instance that spoke, in one call', async () => {
    group.say('i-1', now() - 3000, 'Epoch 1/10, Loss: 0.5');
    group.say('i-1', now() - 2000, 'Epoch 2/10, Loss: 0.4');
    group.say('i-1', now() - 1000, 'Training progress: 20%');
    group.say('i-2', now() - 500, 'Model R2 Score: 0.85');
    group.say('i-3', now() - 400, 'Downloading data.csv');
    expect(await tick()).to.deep.equal({
      'i-1': { at: now() - 1000, step: 2, steps: 10, loss: 0.4, percent: 20 },
      'i-2': { at: now() - 500, metric: { name: 'R2', value: 0.85 } },
      'i-3': { at: now() - 400 },
    });
    expect(group.asked).to.have.length(1);
    expect(await tick()).to.deep.equal({});
    expect(group.asked).to.have.length(2);
  });

  it('looks back a little at first, then overlaps, and takes no line twice', async () => {
    const start = now();
    group.say('i-1', start - FIRST_LOOK_MS - 1, 'Training progress: 1%');
    group.say('i-1', start - FIRST_LOOK_MS, 'Training progress: 2%');
    expect(await tick()).to.deep.equal({ 'i-1': { at: start - FIRST_LOOK_MS, percent: 2 } });
    group.say('i-1', start, 'Training progress: 3%');
    expect(await tick()).to.have.key('i-1');
    await clock.advance(10_000);
    expect(await tick()).to.deep.equal({});
    expect(group.asked.map(({ since }) => since - start)).to.deep.equal([-FIRST_LOOK_MS, -FIRST_LOOK_MS, -OVERLAP_MS]);
  });

  it('hears a line that comes late, but does not let it take newer figures back', async () => {
    group.say('i-1', now() - 1000, 'Epoch 5/10, Loss: 0.5');
    await tick();
    group.say('i-1', now() - 3000, 'Epoch 4/10, Loss: 0.6');
    group.say('i-1', now() - 3500, 'Training progress: 40%');
    group.say('i-2', now() - 4000, 'Training progress: 7%');
    expect(await tick()).to.deep.equal({
      'i-1': { at: now() - 1000, step: 5, steps: 10, loss: 0.5, percent: 40 },
      'i-2': { at: now() - 4000, percent: 7 },
    });
  });

  it('is not led past the others’ lines by a clock that runs ahead', async () => {
    group.say('i-ahead', now() + 3_600_000, 'Training progress: 50%');
    expect(await tick()).to.deep.equal({ 'i-ahead': { at: now(), percent: 50 } });
    group.say('i-1', now() + 10, 'Training progress: 1%');
    await clock.advance(1000);
    expect(await tick()).to.have.all.keys('i-1');
    for (let minute = 0; minute < 3; minute += 1) {
      await clock.advance(60_000);
      group.say('i-1', now(), 'Training progress: 2%');
      expect(await tick(), 'nor is its line taken twice').to.have.all.keys('i-1');
    }
  });

  it('waits while there is no group', async () => {
    expect(await tick()).to.deep.equal({});
    group.say('i-1', now(), 'Training progress: 1%');
    expect(await tick()).to.have.key('i-1');
  });

  it('does not search the whole past after long silence', async () => {
    await clock.advance(86_400_000);
    await tick();
    await clock.advance(60_000);
    await tick();
    expect(now() - (group.asked.at(-1)?.since ?? 0)).to.equal(FIRST_LOOK_MS + OVERLAP_MS + 60_000);
  });

  it('reads page after page, also past empty ones', async () => {
    group.pageSize = 2;
    for (let n = 1; n <= 5; n += 1) group.say(`i-${n}`, now() - 10 + n, `Training progress: ${n}%`);
    expect(Object.keys(await tick())).to.have.length(5);
    expect(group.asked.map(({ token }) => token)).to.deep.equal([undefined, '2', '4']);
  });

  it('loses nothing by a failure in the middle, which the caller hears of', async () => {
    group.pageSize = 1;
    group.say('i-1', now() - 2000, 'Training progress: 1%');
    group.say('i-2', now() - 1000, 'Training progress: 2%');
    group.failures = [undefined, throttled()];
    const error = await follow.tick().catch((thrown: unknown) => thrown);
    expect(error).to.be.instanceOf(CloudError).and.include({ kind: 'throttled' });
    group.failures = [throttled()];
    await follow.tick().catch(() => undefined);
    expect(await tick()).to.deep.equal({
      'i-1': { at: now() - 2000, percent: 1 },
      'i-2': { at: now() - 1000, percent: 2 },
    });
    expect(new Set(group.asked.map(({ since }) => since)).size).to.equal(1);
  });

  it('reads a flood over several ticks, from where it stopped', async () => {
    group.pageSize = 1;
    for (let n = 0; n < 25; n += 1) group.say(`i-${n}`, now() - 100 + n, 'x');
    expect(Object.keys(await tick())).to.have.length(20);
    expect(warnings).to.deep.equal(['more log lines than a tick reads']);
    expect(Object.keys(await tick())).to.have.length(5);
    expect(group.asked[20]?.token).to.equal('20');
    group.pageSize = 100;
    expect(await tick()).to.deep.equal({});
    expect(warnings).to.have.length(1);
  });

  it('starts a flood anew when its token is refused', async () => {
    group.pageSize = 1;
    for (let n = 0; n < 25; n += 1) group.say(`i-${n}`, now() - 100 + n, 'x');
    await tick();
    group.failures = [new CloudError('logs: invalid token', { kind: 'invalid' })];
    await follow.tick().catch(() => undefined);
    await tick();
    expect(Object.keys(await tick())).to.have.length(5);
    expect(group.asked.slice(20, 22).map(({ token }) => token)).to.deep.equal(['20', undefined]);
  });

  it('ends where a token leads nowhere', async () => {
    const looping: Pick<LogEvents, 'follow'> = { follow: async () => ({ events: [], next: 'same' }) };
    const looped = new LogFollow({ logs: looping, group: '/group', clock, logger: SILENT });
    expect(await looped.tick()).to.have.property('size', 0);
  });

  it('forgets instances that are gone, and streams that are none’s', async () => {
    group.say('i-1', now(), 'Epoch 1/2, Loss: 1');
    group.say('', now(), 'Epoch 1/2, Loss: 1');
    group.events.push({ stream: 'other', at: now(), id: 'o', message: 'Epoch 1/2, Loss: 1' });
    expect(await tick()).to.have.all.keys('i-1');
    expect(follow.size.instances).to.equal(1);
    follow.forget(['i-1', 'i-9']);
    expect(follow.size.instances).to.equal(0);
    group.say('i-1', now(), 'Training progress: 9%');
    expect(await tick()).to.deep.equal({ 'i-1': { at: now(), percent: 9 } });
  });

  it('keeps little: a day of a thousand talkative workers, then a worker that makes streams up', async () => {
    group.pageSize = 10_000;
    for (let minute = 0; minute < 60; minute += 1) {
      for (let worker = 0; worker < 1000; worker += 1) group.say(`i-${worker}`, now(), `Training progress: ${minute}%`);
      await tick();
      await clock.advance(24_000);
      group.events = group.events.filter(({ at }) => at > now() - 60_000);
    }
    expect(follow.size).to.deep.equal({ instances: 1000, lines: 1000 });
    for (let n = 0; n < 25_000; n += 1) group.say(`i-false-${n}`, now(), 'x');
    await tick();
    expect(follow.size.instances).to.be.within(20_000, 22_000);
    expect(follow.size.lines).to.be.within(20_000, 22_000);
  });
});
