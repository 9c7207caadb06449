import { expect } from 'chai';
import { HELP, readAccess } from '../../../local/access/arguments.ts';
import { UsageError } from '../../../local/options.ts';

const wrong = (...args: string[]): string => {
  try {
    readAccess(args);
    return 'right';
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    return error.message;
  }
};

describe('The command line of npm run kubeconfig', () => {
  it('takes a user by id, by account or by namespace', () => {
    for (const user of ['1001', 'user-1001', 'ml-user-1001'])
      expect(readAccess([user])).to.deep.equal({
        userId: '1001',
        seconds: 86_400,
        kubeconfig: undefined,
        context: undefined,
        out: undefined,
        force: false,
      });
  });

  it('takes hours, a file, another administrator’s kubeconfig and context', () => {
    const args = ['7', '--hours', '0.5', '--out', 'x', '--force', '--kubeconfig', 'k', '--context', 'c'];
    expect(readAccess(args)).to.deep.equal({
      userId: '7',
      seconds: 1_800,
      kubeconfig: 'k',
      context: 'c',
      out: 'x',
      force: true,
    });
  });

  it('says what is wrong, and where help is', () => {
    const more = ' See npm run kubeconfig -- --help.';
    const no = (user: string) =>
      `“${user}” is no user; it is an id such as 1001, or user-1001, or ml-user-1001.${more}`;
    const hours = (text: string) =>
      `--hours is a number from 0.1667 (ten minutes) to 8760 (a year), not “${text}”.${more}`;
    expect(wrong()).to.equal(`For whom? Name a user, such as 1001.${more}`);
    expect(wrong('1', '2')).to.equal(`One user at a time: what is “2”?${more}`);
    for (const user of ['ada', 'user-', 'ml-user-1/..', '-1 ', '1'.repeat(21), 'ml-ml-user-1', 'user-ml-user-1'])
      if (!user.startsWith('-')) expect(wrong(user)).to.equal(no(user));
    for (const text of ['0', '0.1', 'day', '-3', '8761', '1e3', ''])
      expect(wrong('1', `--hours=${text}`)).to.equal(hours(text));
    expect(wrong('1', '--force')).to.equal(`--force is about the file of --out, which is missing.${more}`);
    expect(wrong('1', '--out=')).to.equal(`--out is empty.${more}`);
    expect(wrong('1', '--for=2')).to.match(/^Unknown option '--for'.* See npm run kubeconfig -- --help\.$/);
  });

  it('shows help', () => {
    expect(readAccess(['--help'])).to.equal('help');
    expect(HELP).to.contain('--hours N');
  });
});
