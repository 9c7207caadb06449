import { expect } from 'chai';
import { exampleOf, parseSettings, settingsOf } from '../../../bot/conversation/settings.ts';
import { FAMILIES } from '../../../cloud/families.ts';
import { column, pick } from '../../../bot/conversation/columns.ts';

describe('Settings typed in chat', () => {
  it('become numbers, booleans and words', () => {
    expect(parseSettings('n_estimators=200, alpha: 1\nmax_features = sqrt x=true,y=-1e-3,')).to.deep.equal({
      settings: { n_estimators: 200, alpha: 1, max_features: 'sqrt', x: true, y: -0.001 },
    });
    expect(parseSettings('hidden_layer_sizes=64,32 alpha=1')).to.deep.equal({
      settings: { hidden_layer_sizes: '64,32', alpha: 1 },
    });
    expect(parseSettings('n_estimators=200; max_features=sqrt\nx=true,y=-1e-3 z=.5')).to.deep.equal({
      settings: { n_estimators: 200, max_features: 'sqrt', x: true, y: -0.001, z: 0.5 },
    });
  });

  for (const [typed, problem] of [
    ['', 'no setting'],
    ['  ', 'no setting'],
    ['trees', 'name=value'],
    ['1a=2', 'name=value'],
    ['a=1 a=2', 'twice'],
    ['a=1 2', 'a=1 2'],
    ['a=', 'name=value'],
    ['__proto__=', 'name=value'],
    [Array.from({ length: 51 }, (_, at) => `a${at}=1`).join(' '), 'At most 50'],
  ] as const)
    it(`refuses ${JSON.stringify(typed.slice(0, 20))}`, () => {
      expect(JSON.stringify(parseSettings(typed))).to.contain(problem);
    });
});

describe('Settings of a model', () => {
  it('are refused with what is allowed', () => {
    expect(settingsOf('ridge', 'alpha=0.5')).to.deep.equal({ settings: { alpha: 0.5 } });
    expect(settingsOf('ridge', 'alpha=many')).to.have.property('problem').that.contains('It must be a number from');
    expect(settingsOf('ridge', 'nothing')).to.have.property('problem').that.contains('name=value');
  });

  for (const { name } of FAMILIES)
    it(`of ${name} have an example that it takes`, () => {
      const example = exampleOf(name);
      if (example !== '') expect(settingsOf(name, example)).to.have.property('settings');
    });
});

describe('Column names typed in chat', () => {
  const columns = ['Rooms', 'area, m²', 'town', 'TOWN', ' price '];
  it('are found exactly, or in another case when only one is meant', () => {
    expect(column('rooms', columns)).to.equal('Rooms');
    expect(column('town', columns)).to.equal('town');
    expect(column('Town', columns)).to.equal(undefined);
    expect(column('price', columns)).to.equal(' price ');
    expect(column('', columns)).to.equal(undefined);
  });
  it('are picked from lines and between commas, also with commas inside', () => {
    expect(pick('area, m²', columns)).to.deep.equal({ found: ['area, m²'], unknown: [] });
    expect(pick('rooms; town, nope\narea, m²', columns)).to.deep.equal({
      found: ['Rooms', 'town', 'area, m²'],
      unknown: ['nope'],
    });
  });
});
