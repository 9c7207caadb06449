import { readFile } from 'node:fs/promises';
import { expect } from 'chai';
import { generated, modules } from '../../../lambda/wasm/generate.ts';

describe('The WebAssembly modules', function () {
  this.timeout(60_000);

  it('are what their sources compile to, to the byte', async () => {
    const names = await modules();
    expect(names).to.include('ensemble');
    for (const name of names) {
      const kept = await readFile(new URL(`../../../lambda/wasm/${name}.generated.ts`, import.meta.url), 'utf8');
      expect((await generated(name)) === kept, `${name}: run \`npm run generate\``).to.equal(true);
    }
  });

  it('say where a source does not compile', async () => {
    const failure = await generated('nothing').catch((error: Error) => error);
    expect(failure).to.be.instanceOf(Error).with.property('message').that.includes('nothing.ts does not compile');
  });
});
