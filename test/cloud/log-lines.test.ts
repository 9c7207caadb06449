import { expect } from 'chai';
import fc from 'fast-check';
import { type LineFigures, readFigures, saysNothing } from '../../cloud/log-lines.ts';

const CASES: [line: string, figures: LineFigures][] = [
  ['Epoch 10/100, Loss: 0.234', { step: 10, steps: 100, loss: 0.234 }],
  ['Training progress: 45%', { percent: 45 }],
  ['Model R2 Score: 0.85', { metric: { name: 'R2', value: 0.85 } }],
  ['Epoch 3/5, Loss: 1.5e-05', { step: 3, steps: 5, loss: 1.5e-5 }],
  ['Epoch 3/5, Loss: -2E+3', { step: 3, steps: 5, loss: -2000 }],
  ['Epoch 3/5, Loss: .5', { step: 3, steps: 5, loss: 0.5 }],
  ['Epoch 3 / 5 - loss = 7', { step: 3, steps: 5, loss: 7 }],
  ['2026-11-24T10:00:00Z INFO epoch 3/5, val_loss: 9, loss: 1', { step: 3, steps: 5, loss: 1 }],
  ['Epoch 3/5', { step: 3, steps: 5 }],
  ['Epoch 3/5, Loss: nan', { step: 3, steps: 5 }],
  ['Epoch 3/5, Loss: inf', { step: 3, steps: 5 }],
  ['Epoch 3/5, Loss: -Infinity', { step: 3, steps: 5 }],
  ['Epoch 3/5, Loss: 1e999', { step: 3, steps: 5 }],
  ['Epoch 3/5, Loss: 0.2.3', { step: 3, steps: 5 }],
  ['Epoch 3/5, Loss: 12abc', { step: 3, steps: 5 }],
  ['Epoch 6/5, Loss: 1', { loss: 1 }],
  ['Epoch 0/0, Loss: 1', { loss: 1 }],
  ['Epoch x/5, Loss: 1', {}],
  ['Loss: 0.234', {}],
  ['Training progress: 45.5 %', { percent: 45.5 }],
  ['training progress: 0%', { percent: 0 }],
  ['Training progress: 100%.', { percent: 100 }],
  ['Training progress: 101%', {}],
  ['Training progress: -1%', {}],
  ['Training progress: nan%', {}],
  ['Training progress: 45', {}],
  ['Model Accuracy Score: 0.9312', { metric: { name: 'Accuracy', value: 0.9312 } }],
  ['Model mean absolute error Score: 1e-3', { metric: { name: 'mean absolute error', value: 0.001 } }],
  ['Model R² Score: -0.2', { metric: { name: 'R²', value: -0.2 } }],
  ['Model R2 Score: nan', {}],
  ['Model Score: 1', {}],
  [`Model ${'x'.repeat(81)} Score: 1`, {}],
  ['Epoch 1/2, Loss: 3\r\n', { step: 1, steps: 2, loss: 3 }],
  ['Epoch 1/9, Loss: 3\rEpoch 2/9, Loss: 2\rTraining progress: 22%', { step: 2, steps: 9, loss: 2, percent: 22 }],
  ['Training progress: 45% Model R2 Score: 0.85', { percent: 45, metric: { name: 'R2', value: 0.85 } }],
  ['学習 Epoch 1/2, Loss: 3 ✓', { step: 1, steps: 2, loss: 3 }],
  ['Epoch １/２, Loss: ３', {}],
  [`${'x'.repeat(9000)} Training progress: 45%`, {}],
  [`Training progress: 45% ${'x'.repeat(200_000)}`, { percent: 45 }],
  ['Downloading data.csv, 1,000 bytes', {}],
  ['', {}],
];

describe('A line of a worker’s log', () => {
  for (const [line, figures] of CASES)
    it(`${JSON.stringify(line).slice(0, 60)} says ${JSON.stringify(figures)}`, () => {
      expect(readFigures(line)).to.deep.equal(figures);
      expect(saysNothing(readFigures(line))).to.equal(Object.keys(figures).length === 0);
    });

  it('whatever it is, gives finite figures in their ranges and never an error', () => {
    const piece = fc.oneof(
      fc.string({ unit: 'binary' }),
      fc.constantFrom(
        'Epoch ',
        '1',
        '/',
        '10',
        ', Loss: ',
        'nan',
        'Training progress: ',
        '%',
        'Model ',
        ' Score: ',
        '\r\n',
        ' ',
      ),
      fc.double().map(String),
    );
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 12 }), (pieces) => {
        const { step, steps, loss, percent, metric } = readFigures(pieces.join(''));
        expect(step === undefined).to.equal(steps === undefined);
        if (step !== undefined && steps !== undefined)
          expect(step).to.be.within(0, steps).and.satisfy(Number.isInteger);
        if (percent !== undefined) expect(percent).to.be.within(0, 100);
        for (const value of [loss, metric?.value]) if (value !== undefined) expect(value).to.satisfy(Number.isFinite);
        // Characters, as everybody who takes names counts them: one beyond U+FFFF is two units of a string.
        if (metric) expect(Array.from(metric.name).length).to.be.within(1, 80);
      }),
      { numRuns: 500 },
    );
  });

  it('reads back what the worker writes', () => {
    fc.assert(
      fc.property(fc.nat(1e6), fc.nat(1e6), fc.double({ noNaN: true, noDefaultInfinity: true }), (a, b, loss) => {
        const [step, steps] = [Math.min(a, b + 1), b + 1];
        // As Python's :.6g writes it.
        const text = String(Number(loss.toPrecision(6)));
        expect(readFigures(`Epoch ${step}/${steps}, Loss: ${text}`)).to.deep.equal({ step, steps, loss: Number(text) });
      }),
    );
  });

  it('is read in time that does not explode with its length', () => {
    const nasty = [
      'Model '.repeat(1400),
      `Model ${' '.repeat(8000)}Score`,
      'Epoch 1/1 '.repeat(800),
      `Epoch 1/1${' loss'.repeat(1500)}`,
    ];
    const began = performance.now();
    for (const line of nasty) readFigures(line);
    expect(performance.now() - began).to.be.below(1000);
  });
});
