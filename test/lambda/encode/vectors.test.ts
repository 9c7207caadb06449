import { readFileSync } from 'node:fs';
import { expect } from 'chai';
import { asText, PATH, vectors } from './vectors.ts';

describe('the handler’s vectors for the worker', () => {
  it('are what this code makes', () => {
    expect(readFileSync(PATH, 'utf8'), 'node test/lambda/encode/vectors.ts writes them anew').to.equal(
      asText(vectors()),
    );
  });

  it('try what they are meant to: numbers, dates and words that are known in every column', () => {
    const { columns, encoded } = vectors();
    let at = 0;
    for (const column of columns) {
      const seen = new Set(encoded.map((row) => row[at]));
      expect(seen.size, `${column.column} as ${column.kind}`).to.be.above(column.kind === 'oneHot' ? 1 : 2);
      at += column.kind === 'oneHot' ? column.categories.length : column.kind === 'date' ? column.parts.length : 1;
      if ('indicator' in column && column.indicator) at += 1;
    }
  });
});
