// The worker's golden vectors (test/golden, written by `python -m trainer.golden`): the handler must encode to the bit
// what the worker encoded, predict the same labels, and the same numbers within the tolerance of the model's own manifest.
import { readdirSync, readFileSync } from 'node:fs';
import { expect } from 'chai';
import { parse } from 'csv-parse/sync';
import sinon from 'sinon';
import type { Manifest } from '../../cloud/contract/contract.generated.ts';
import families from '../../cloud/contract/families.json' with { type: 'json' };
import { readHeader } from '../../lambda/csv/dialect.ts';
import { close, handler } from '../../lambda/handler.ts';
import { readManifest } from '../../lambda/model.ts';
import { eventFor, stored } from '../../bench/prediction/invocation.ts';
import { startStorage, type Storage } from '../../bench/prediction/storage.ts';
import { Batches } from './encode/batches.ts';

interface Expected {
  /** Null where another case of the same encoding has it. */
  encoded: string[][] | null;
  labels: string[] | null;
  probabilities: number[][] | null;
  values: number[] | null;
}

const KINDS = { regression: 'regression', binary: 'classification', multiclass: 'classification' };
const folder = new URL('../golden/', import.meta.url);
const names = readdirSync(folder, { withFileTypes: true })
  .filter((entry) => entry.isDirectory())
  .map(({ name }) => name);

function read(name: string) {
  const file = (part: string) => readFileSync(new URL(`${name}/${part}`, folder));
  const manifest = readManifest(file('manifest.json'));
  const expected = JSON.parse(file('expected.json').toString()) as Expected;
  return { manifest, expected, onnx: file('model.onnx'), input: file('input.csv') };
}

/** C99 hexadecimal floating point, as Python's float.hex() writes it; exact, because both factors are. */
function fromHex(text: string): number {
  const [, sign, whole, fraction = '', exponent] = /^(-?)0x([01])(?:\.([0-9a-f]+))?p([+-]\d+)$/.exec(text) ?? [];
  const mantissa = Number(BigInt(`0x${whole}${fraction}`));
  let value = mantissa;
  // In two steps, so that subnormal numbers do not round twice.
  const power = Number(exponent) - 4 * fraction.length;
  value = power < -1000 ? value * 2 ** -500 * 2 ** (power + 500) : value * 2 ** power;
  return sign ? -value : value;
}

function encoded(manifest: Manifest, input: Buffer): number[][] {
  const header = readHeader(input, 0, input.length, true, 'utf-8')!;
  const wide: Manifest = {
    ...manifest,
    onnx: { ...manifest.onnx, input: { ...manifest.onnx.input, type: 'float64' } },
  };
  return new Batches(wide, header.names, header.delimiter, input.subarray(header.next)).all();
}

describe('the golden vectors', () => {
  let storage: Storage;
  before(async () => {
    storage = await startStorage();
  });
  beforeEach(() => sinon.stub(process.stderr, 'write').returns(true));
  afterEach(async () => {
    sinon.restore();
    await close();
  });
  after(() => storage.close());

  it('are there, for every family the worker trains', () => {
    for (const { name, tasks } of families.families)
      for (const [kind, task] of Object.entries(KINDS))
        if (tasks.includes(task)) expect(names).to.include(`${name}_${kind}`);
    expect(names).to.include.members(Object.keys(KINDS).map((kind) => `blend_${kind}`));
  });

  for (const name of names) {
    const kept = read(name).expected.encoded;
    if (kept)
      it(`of ${name} are encoded to the bit`, () => {
        const { manifest, input } = read(name);
        const rows = encoded(manifest, input);
        expect(rows).to.have.length(kept.length);
        for (const [i, row] of rows.entries()) {
          const wanted = kept[i]!.map(fromHex);
          const different = wanted.findIndex((value, j) => !Object.is(value, row[j]));
          expect(different, `row ${i + 1}, number ${different}: ${row[different]} for ${wanted[different]}`).to.equal(
            -1,
          );
          expect(row).to.have.length(wanted.length);
        }
      });

    it(`of ${name} are predicted as scikit-learn predicts them`, async () => {
      const { manifest, expected, onnx, input } = read(name);
      const classes = manifest.target.classes !== null;
      const answer = await handler(
        eventFor(storage, { manifest, onnx, data: input, rest: { probabilities: classes } }),
      );
      const text = stored(storage, answer);
      const rows = parse<Record<string, string>>(text, { columns: true });
      expect(rows).to.have.length((expected.labels ?? expected.values ?? []).length);
      const near = (got: number, wanted: number, what: string) =>
        expect(
          Math.abs(got - wanted) <= manifest.parity.tolerance * Math.max(1, Math.abs(wanted)),
          `${what}: ${got} for ${wanted}`,
        ).to.equal(true);
      for (const [i, row] of rows.entries()) {
        if (expected.values) near(Number(row.prediction), expected.values[i]!, `row ${i + 1}`);
        if (expected.labels) expect(row.prediction, `row ${i + 1}`).to.equal(expected.labels[i]);
        for (const [j, label] of (manifest.target.classes ?? []).entries()) {
          near(Number(row[`probability_${label}`]), expected.probabilities![i]![j]!, `row ${i + 1}, ${label}`);
        }
      }
    });
  }
});
