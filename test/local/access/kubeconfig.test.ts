import { mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { checkFree, writeKubeconfig } from '../../../local/access/kubeconfig.ts';

describe('The file of a kubeconfig', () => {
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'spotlearn-kubeconfig-'));
  });
  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  it('is its owner’s only, also where one was that others could read', () => {
    const file = join(folder, 'k');
    checkFree(file, false);
    writeKubeconfig(file, 'one', false);
    expect([readFileSync(file, 'utf8'), statSync(file).mode & 0o777]).to.deep.equal(['one', 0o600]);
    expect(() => checkFree(file, false)).to.throw('--force writes over it');
    expect(() => writeKubeconfig(file, 'two', false)).to.throw('cannot be written');
    const open = join(folder, 'open');
    writeFileSync(open, 'old', { mode: 0o644 });
    checkFree(open, true);
    writeKubeconfig(open, 'new', true);
    expect([readFileSync(open, 'utf8'), statSync(open).mode & 0o777]).to.deep.equal(['new', 0o600]);
  });

  it('says when it cannot be written', () => {
    const place = join(folder, 'place');
    mkdirSync(place);
    expect(() => writeKubeconfig(place, 'x', true)).to.throw(`${place} cannot be written`);
  });
});
