import { readFileSync } from 'node:fs';
import { expect } from 'chai';
import { boxesOf, picture } from './graph.ts';
import { programOf } from './mocks.ts';

describe('The picture of the installation', () => {
  it('is what the program declares (node test/infra/graph.ts draws it again)', async () => {
    expect(readFileSync('docs/installation.svg', 'utf8')).to.equal(await picture());
  });

  it('shows every component and every resource once', async () => {
    const declared = await programOf();
    const boxes = boxesOf(declared);
    const count = boxes
      .flatMap(({ lines }) => lines)
      .reduce((sum, line) => sum + Number(/^(\d+) × /.exec(line)?.[1] ?? 1), 0);
    const resources = declared.resources.filter(
      ({ type, parent }) => !type.startsWith('spotlearn:') && type !== 'pulumi:pulumi:Stack' && parent !== undefined,
    );
    const outside = resources.filter(({ type }) => type === 'pulumi:providers:aws');
    expect(count).to.equal(resources.length - outside.length);
    expect(boxes.find(({ name }) => name === 'grants')?.needs).to.include('spot');
  });
});
