import { expect } from 'chai';
import { Controller, TerminalError, type Outcome } from '../../../operator/runtime/controller.ts';
import { KubernetesError } from '../../../operator/runtime/kubernetes.ts';
import { SILENT } from '../../../operator/runtime/logging.ts';
import { ManualClock, settled } from '../clock.ts';

describe('A controller', () => {
  let clock: ManualClock;
  let results: string[];
  let controller: Controller | undefined;
  const metrics = () => ({
    reconciled: (result: string) => void results.push(result),
    waited: () => {},
    depth: () => {},
  });
  function run(reconcile: (key: string, signal: AbortSignal) => Promise<Outcome>, workers = 2): Controller {
    controller = new Controller({ name: 'test', clock, logger: SILENT, metrics: metrics(), reconcile, workers });
    controller.start();
    return controller;
  }
  beforeEach(() => {
    clock = new ManualClock();
    results = [];
  });
  afterEach(() => controller?.stop());

  it('is done with a key that is done', async () => {
    const seen: string[] = [];
    run(async (key) => void seen.push(key)).queue.add('a');
    await clock.advance(600_000);
    expect(seen).to.deep.equal(['a']);
    expect(results).to.deep.equal(['success']);
  });

  it('comes back to a key after the time it was told', async () => {
    const times: number[] = [];
    run(async () => (times.push(clock.now()), times.length < 2 ? { requeueAfterMs: 7_000 } : undefined)).queue.add('a');
    await clock.advance(20_000);
    expect((times[1] ?? 0) - (times[0] ?? 0)).to.equal(7_000);
    expect(results).to.deep.equal(['requeue_after', 'success']);
  });

  it('tries again after an error, with a pause, and not after a terminal one', async () => {
    let turn = 0;
    run(async () => {
      turn += 1;
      if (turn === 1) throw new Error('once');
      if (turn === 2) throw new KubernetesError('Conflict', 'newer', 409);
      if (turn === 3) throw new TerminalError('for good');
    }).queue.add('a');
    await clock.advance(600_000);
    expect(turn).to.equal(3);
    expect(results).to.deep.equal(['error', 'error', 'terminal_error']);
  });

  it('works on several keys at once, but never twice on one', async () => {
    let now = 0;
    let most = 0;
    const working = new Set<string>();
    run(async (key) => {
      expect(working.has(key)).to.equal(false);
      working.add(key);
      most = Math.max(most, (now += 1));
      await settled();
      now -= 1;
      working.delete(key);
    }, 3);
    for (const key of ['a', 'b', 'c', 'a', 'b', 'a']) controller?.queue.add(key);
    await clock.advance(1_000);
    expect(most).to.equal(3);
  });

  it('waits at its end for what is in work, which gets the signal', async () => {
    let ended = '';
    run(async (_, signal) => {
      await new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve()));
      ended = 'told';
      throw new Error('cut short');
    }).queue.add('a');
    await settled();
    await controller?.stop();
    expect(ended).to.equal('told');
    expect(results).to.deep.equal([]);
  });
});
