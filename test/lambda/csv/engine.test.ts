import { expect } from 'chai';
import { Engine } from '../../../lambda/csv/engine.ts';
import { Window } from '../../../lambda/csv/window.ts';

describe('the engine', () => {
  it('is kept for the next table, and gives it zeros', () => {
    const first = Engine.take();
    const length = 3 * 64 * 1024;
    const at = first.allocate(length);
    first.bytes.fill(7, at, at + length);
    first.release();
    const second = Engine.take();
    expect(second).to.equal(first);
    expect(second.allocate(length)).to.equal(at);
    expect(second.bytes.subarray(at, at + length).every((byte) => byte === 0)).to.equal(true);
  });

  it('serves one table at a time', () => {
    const [one, two] = [new Window(), new Window()];
    expect(one.engine).to.not.equal(two.engine);
    one.release();
    one.release();
    expect(new Window().engine).to.equal(one.engine);
    expect(new Window().engine).to.not.equal(one.engine);
  });

  it('is not kept when a long record has made it large', () => {
    const large = Engine.take();
    large.allocate(32 * 1024 * 1024);
    large.release();
    expect(Engine.take()).to.not.equal(large);
  });
});
