import { readFileSync } from 'node:fs';
import { expect } from 'chai';
import { parse } from 'yaml';
import { readSettings } from '../../infra/configuration.ts';
import { allowed, costsPage, page, stackFile } from '../../infra/generate.ts';
import { KEYS, type Key } from '../../infra/keys.ts';

const { telegramToken: _, ...others } = KEYS;

describe('What is written of the configuration', () => {
  it('is up to date: npm run generate writes it from the table of keys', () => {
    expect(readFileSync('Pulumi.dev.yaml', 'utf8')).to.equal(stackFile());
    expect(readFileSync('docs/configuration.md', 'utf8')).to.equal(page());
    expect(readFileSync('docs/costs.md', 'utf8')).to.equal(costsPage());
  });

  it('explains every key and holds no secret', () => {
    for (const name of Object.keys(others)) expect(stackFile()).to.include(`  #spotlearn:${name}: `);
    expect(stackFile()).not.to.include('#spotlearn:telegramToken:');
    for (const key of Object.values<Key>(KEYS)) expect(allowed(key)).not.to.match(/undefined|^$/);
  });

  it('is a configuration that works: as it is but for the token, and with every default spelled out', () => {
    const token = { 'spotlearn:telegramToken': `1:${'a'.repeat(30)}` };
    const config = (text: string) => (parse(text) as { config: Record<string, string> }).config;
    const bare = readSettings({ ...config(stackFile()), ...token }, 'dev');
    const defaults = Object.entries<Key>(others).flatMap(([name, key]) => (key.default === undefined ? [] : [name]));
    const spelled = stackFile().replace(/^ {2}#(spotlearn:(\w+): )/gm, (line, key: string, name: string) =>
      defaults.includes(name) && name !== 'awsBudgetUsd' ? `  ${key}` : line,
    );
    expect(readSettings({ ...config(spelled), ...token }, 'dev')).to.deep.equal(bare);
  });
});
