import { readFileSync } from 'node:fs';
import { spawn } from 'node:child_process';
import { expect } from 'chai';
import type { Manifest } from '../../../cloud/contract/contract.generated.ts';
import { PredictionFailure } from '../../../lambda/failure.ts';
import { evaluatorOf } from '../../../lambda/score/choice.ts';
import { linearModel } from '../../../bench/prediction/onnxmodel.ts';
import { runProgram } from '../process.ts';

const onnx: Manifest['onnx'] = {
  file: 'model.onnx',
  input: { name: 'input', type: 'float64', width: 1 },
  output: { name: 'output', kind: 'value' },
};
const golden = (path: string) => new URL(`../../golden/${path}`, import.meta.url);
const source = new URL('../../../lambda/score/choice.ts', import.meta.url).href;

describe('The evaluator of a model', () => {
  it('is not onnxruntime for trees and linear models, whose library is not even opened', async function () {
    this.timeout(30_000);
    for (const [name, loaded] of [
      ['random_forest_binary', false],
      ['logistic_multiclass', false],
      ['svm_binary', true],
    ] as const) {
      const script = `import { readFileSync } from 'node:fs';
        const { evaluatorOf } = await import(${JSON.stringify(source)});
        const manifest = JSON.parse(readFileSync(process.argv[1] + '/manifest.json', 'utf8'));
        await evaluatorOf(readFileSync(process.argv[1] + '/model.onnx'), manifest.onnx, manifest.target.classes.length);
        console.log(process.report.getReport().sharedObjects.some((name) => name.includes('onnxruntime')));`;
      const child = spawn(process.execPath, ['--input-type=module', '-e', script, golden(name).pathname]);
      const { stdout } = await runProgram(child, '');
      expect(stdout, name).to.equal(`${loaded}\n`);
    }
  });

  it('is onnxruntime for what our own do not know', async () => {
    const evaluator = await evaluatorOf(
      linearModel([2], [0.5], 'float32'),
      { ...onnx, input: { ...onnx.input, type: 'float32' } },
      1,
    );
    expect((await evaluator.score({ input: Float32Array.of(1), rows: 1 }))[0]).to.equal(2.5);
    await evaluator.close();
  });

  it('is refused for a file that is cut, in words that name the file', async () => {
    const cut = readFileSync(golden('xgboost_binary/model.onnx')).subarray(0, -20);
    const failure = await evaluatorOf(cut, onnx, 1).catch((error: Error) => error);
    expect(failure).to.be.instanceOf(PredictionFailure).and.to.include({ type: 'ModelRefused' });
    expect((failure as Error).message).to.match(/^The model is refused: model\.onnx is damaged/);
  });
});
