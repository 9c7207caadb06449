// Holds answers to the contract, by another validator than the handler's.
import { Ajv2020 } from 'ajv/dist/2020.js';
import { expect } from 'chai';
import schema from '../../cloud/contract/answer.schema.json' with { type: 'json' };

const ajv = new Ajv2020({ strict: false });
const fits = ajv.compile(schema);

/** The answer as it arrives: as JSON. */
export function expectContract(answer: unknown): void {
  const arrived: unknown = JSON.parse(JSON.stringify(answer));
  expect(fits(arrived), `${ajv.errorsText(fits.errors)}: ${JSON.stringify(answer).slice(0, 500)}`).to.equal(true);
}
