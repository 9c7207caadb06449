import { expect } from 'chai';
import { InterruptionConsumer } from '../../../operator/interruption/consumer.ts';
import type { Logger } from '../../../operator/runtime/logging.ts';
import { ManualClock } from '../clock.ts';
import { event, MemoryQueue } from './queue.ts';

const WARNING = 'EC2 Spot Instance Interruption Warning';
const REBALANCE = 'EC2 Instance Rebalance Recommendation';
const STATE = 'EC2 Instance State-change Notification';
const OURS = 'i-0000000000000000a';
const NEW = 'i-0000000000000000b';

describe('The interruption queue', () => {
  let clock: ManualClock;
  let queue: MemoryQueue;
  let known: Set<string>;
  let noticed: string[];
  let counted: string[];
  let handled: [string, number][];
  let logged: [object, string][];
  /** Until the statuses are written; undefined: nobody says. */
  let writing: Promise<void> | undefined;
  const open: InterruptionConsumer[] = [];

  const consume = (): InterruptionConsumer => {
    const log = (about: object, message: string) => void logged.push([about, message]);
    const consumer = new InterruptionConsumer({
      queue,
      observation: {
        notice: (id, kind, at) => {
          if (!known.has(id)) return false;
          noticed.push(`${kind} ${id} ${at === clock.now() ? 'now' : new Date(at).toISOString().slice(11, 19)}`);
          return true;
        },
      },
      clock,
      ...(writing ? { settled: () => writing as Promise<void> } : {}),
      logger: { info: log, warn: log } as unknown as Logger,
      onMessage: (kind) => counted.push(kind),
      onHandled: (kind, ms) => handled.push([kind, ms]),
    });
    consumer.start();
    open.push(consumer);
    return consumer;
  };
  const kill = (consumer: InterruptionConsumer) => {
    // As SIGKILL would: nothing is given back.
    queue.failing.push('hide');
    return consumer.stop();
  };

  beforeEach(() => {
    clock = new ManualClock(Date.parse('2026-11-24T10:00:00Z'));
    queue = new MemoryQueue(clock);
    known = new Set([OURS]);
    [noticed, counted, handled, logged] = [[], [], [], []];
    writing = undefined;
  });
  afterEach(async () => {
    for (const consumer of open.splice(0)) await consumer.stop();
  });

  it('hands notices about own instances on, deletes them after, and says how long they took', async () => {
    consume();
    await clock.advance(2_000);
    for (const type of [WARNING, REBALANCE, STATE]) queue.send(event(type, OURS));
    await clock.advance(1_000);
    expect(noticed).to.deep.equal(
      ['interruption', 'rebalance', 'state-change'].map((kind) => `${kind} ${OURS} 10:00:00`),
    );
    expect(handled).to.deep.equal([
      ['interruption', 3_000],
      ['rebalance', 3_000],
      ['state-change', 3_000],
    ]);
    expect(queue.messages.size).to.equal(0);
  });

  it('keeps a notice in the queue until what it means is written down, and does not keep others waiting', async () => {
    let written = () => {};
    writing = new Promise((resolve) => (written = resolve));
    consume();
    queue.send(event(WARNING, OURS, { id: 'e1' }));
    await clock.advance(1_000);
    queue.send(event(REBALANCE, OURS, { id: 'e2' }));
    await clock.advance(1_000);
    expect(noticed).to.have.length(2);
    expect(queue.messages.size).to.equal(2);
    written();
    await clock.advance(0);
    expect(queue.messages.size).to.equal(0);
  });

  it('leaves a notice that could not be written down in time to come again', async () => {
    writing = new Promise(() => {});
    const consumer = consume();
    queue.send(event(WARNING, OURS, { id: 'e1' }));
    await clock.advance(60_000);
    expect(queue.messages.size).to.equal(1);
    expect(noticed).to.have.length(1);
    expect(counted).to.include('duplicate');
    await consumer.stop();
    expect(queue.messages.size).to.equal(1);
  });

  it('drops what is foreign at once: other events, states of unknown instances, ids that EC2 never gives', async () => {
    for (const body of [event('Scheduled Event', OURS), event(STATE, NEW), event(WARNING, 'i-foreign')])
      queue.send(body);
    consume();
    await clock.advance(0);
    expect([counted, noticed, queue.messages.size]).to.deep.equal([['foreign', 'foreign', 'foreign'], [], 0]);
  });

  it('gives the same event no second effect', async () => {
    queue.send(event(WARNING, OURS, { id: 'e-1' }));
    queue.send(event(WARNING, OURS, { id: 'e-1' }));
    consume();
    await clock.advance(0);
    queue.send(event(WARNING, OURS, { id: 'e-1' }));
    await clock.advance(1_000);
    expect(noticed).to.have.length(1);
    expect(counted).to.deep.equal(['interruption', 'duplicate', 'duplicate']);
    expect(queue.messages.size).to.equal(0);
  });

  it('deletes again what could not be deleted, without a second effect', async () => {
    queue.send(event(WARNING, OURS, { id: 'e-1' }));
    queue.failing.push('delete');
    consume();
    await clock.advance(30_000);
    expect([noticed.length, counted, queue.messages.size]).to.deep.equal([1, ['interruption', 'duplicate'], 0]);
  });

  it('loses nothing when the consumer dies between receiving and handing on', async () => {
    queue.send(event(WARNING, OURS, { id: 'e-1' }));
    await queue.receive(new AbortController().signal);
    consume();
    await clock.advance(29_000);
    expect(noticed).to.deep.equal([]);
    await clock.advance(2_000);
    expect(noticed).to.have.length(1);
  });

  it('is asked again, after a pause, when it can’t be read', async () => {
    queue.failing.push('receive', 'receive');
    queue.send(event(WARNING, OURS));
    consume();
    await clock.advance(9_999);
    expect([queue.calls, noticed]).to.deep.equal([['receive', 'receive'], []]);
    await clock.advance(1);
    expect(noticed).to.have.length(1);
  });

  describe('with a notice about an instance that nobody knows yet', () => {
    beforeEach(() => queue.send(event(WARNING, NEW, { id: 'e-1' })));

    it('keeps it until the observation has learnt of the instance', async () => {
      consume();
      await clock.advance(40_000);
      expect([noticed, counted, queue.messages.size]).to.deep.equal([[], [], 1]);
      known.add(NEW);
      await clock.advance(1_000);
      expect(noticed).to.deep.equal([`interruption ${NEW} 10:00:00`]);
      expect([counted, queue.messages.size]).to.deep.equal([['interruption'], 0]);
      expect([...queue.messages].length).to.equal(0);
    });

    it('calls it foreign after two minutes, and stays free for others meanwhile', async () => {
      consume();
      await clock.advance(60_000);
      queue.send(event(REBALANCE, OURS));
      await clock.advance(59_000);
      expect(counted).to.deep.equal(['rebalance']);
      await clock.advance(1_000);
      expect([counted, queue.messages.size]).to.deep.equal([['rebalance', 'foreign'], 0]);
      await clock.advance(600_000);
      expect(counted).to.have.length(2);
    });

    it('keeps one of several copies, and deletes by the newest receipt', async () => {
      queue.failing.push('hide');
      consume();
      await clock.advance(35_000);
      expect([...queue.messages][0]).to.include({ receives: 2, handle: 'h2' });
      known.add(NEW);
      await clock.advance(1_000);
      expect([noticed.length, queue.messages.size]).to.deep.equal([1, 0]);
    });

    it('knows it for dealt with when it could not be deleted', async () => {
      consume();
      await clock.advance(0);
      known.add(NEW);
      queue.failing.push('delete');
      await clock.advance(1_000);
      expect([noticed.length, queue.messages.size]).to.deep.equal([1, 1]);
      await clock.advance(130_000);
      expect([noticed.length, counted, queue.messages.size]).to.deep.equal([1, ['interruption', 'duplicate'], 0]);
    });

    it('gives it back at once when it stops, for the next leader', async () => {
      const first = consume();
      await clock.advance(5_000);
      await first.stop();
      known.add(NEW);
      consume();
      await clock.advance(0);
      expect([noticed.length, queue.messages.size]).to.deep.equal([1, 0]);
    });

    it('brings it again, later, to the next one when it is killed', async () => {
      const first = consume();
      await clock.advance(5_000);
      await kill(first);
      known.add(NEW);
      consume();
      await clock.advance(124_000);
      expect(noticed).to.deep.equal([]);
      await clock.advance(2_000);
      expect([noticed.length, queue.messages.size]).to.deep.equal([1, 0]);
    });

    it('has room for a thousand such notices; the queue brings the others again', async () => {
      for (let at = 0; at < 1_200; at += 1)
        queue.send(event(WARNING, `i-${at.toString(16).padStart(8, '0')}`, { id: `f-${at}` }));
      consume();
      await clock.advance(121_000);
      expect(counted.filter((kind) => kind === 'foreign')).to.have.length(1_000);
      await clock.advance(300_000);
      expect([counted.length, queue.messages.size]).to.deep.equal([1_201, 0]);
    });
  });

  describe('with a message that can’t be read', () => {
    beforeEach(() => queue.send('{"a secret": '));

    it('tells of it once, by its size, and leaves it to the dead-letter rule', async () => {
      queue.mostReceives = 5;
      consume();
      await clock.advance(600_000);
      expect([queue.aside.length, queue.messages.size]).to.deep.equal([1, 0]);
      expect(counted).to.deep.equal(['poison']);
      expect(logged).to.deep.equal([[{ bytes: 13 }, 'message of the interruption queue cannot be read']]);
      expect(queue.calls).to.not.include('delete');
    });

    it('drops it at the fifth receipt from a queue without such a rule', async () => {
      consume();
      await clock.advance(119_000);
      expect(queue.messages.size).to.equal(1);
      await clock.advance(2_000);
      expect([queue.messages.size, counted]).to.deep.equal([0, ['poison']]);
      expect(logged.map(([, message]) => message).at(-1)).to.match(/no dead-letter rule/);
      expect(JSON.stringify(logged)).to.not.include('secret');
    });

    it('leaves it while it can’t find out about the rule', async () => {
      queue.failing.push('redrives');
      consume();
      await clock.advance(121_000);
      expect(queue.messages.size).to.equal(1);
      await clock.advance(30_000);
      expect(queue.messages.size).to.equal(0);
    });

    it('is not held up by it', async () => {
      consume();
      await clock.advance(0);
      queue.send(event(WARNING, OURS));
      await clock.advance(1_000);
      expect(noticed).to.have.length(1);
    });
  });
});
