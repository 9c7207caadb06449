import { rmSync } from 'node:fs';
import { expect } from 'chai';
import { runAsLanguageHost } from './language-host.ts';
import { makeArtefacts, programOf, TOKEN } from './mocks.ts';

const ERROR = 3;

describe('The program, run by Pulumi’s own runner', function () {
  this.timeout(60_000);
  let artefacts: string;
  before(() => {
    artefacts = makeArtefacts();
  });
  after(() => rmSync(artefacts, { recursive: true, force: true }));
  const configuration = () => ({
    'aws:region': 'eu-central-1',
    'spotlearn:telegramToken': TOKEN,
    'spotlearn:artefacts': artefacts,
  });

  it('registers over gRPC what it declares under mocks, and ends well', async () => {
    const { code, registered, logged, said } = await runAsLanguageHost('dev', configuration());
    expect(logged.filter(({ severity }) => severity >= ERROR)).to.deep.equal([]);
    expect(code, said).to.equal(0);
    const { resources } = await programOf();
    expect(registered.toSorted()).to.deep.equal(resources.map(({ type, name }) => `${type} ${name}`).sort());
    expect(said).not.to.include(TOKEN);
  });

  it('tells the engine what is wrong with the configuration, in one message', async () => {
    const { code, registered, logged } = await runAsLanguageHost('dev', {
      ...configuration(),
      'spotlearn:zones': 'many',
    });
    expect(code).not.to.equal(0);
    const errors = logged.filter(({ severity }) => severity >= ERROR).map(({ message }) => message);
    expect(errors.join('\n')).to.include('spotlearn:zones is "many"; allowed: a whole number from 2 to 6');
    expect(errors.join('\n')).not.to.match(/\n\s+at /);
    expect(registered.filter((one) => !one.startsWith('pulumi:pulumi:Stack'))).to.deep.equal([]);
  });
});
