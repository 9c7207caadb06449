import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { forgetMoved, noteMoved, refuseMoved } from '../../../local/personal/moved.ts';
import { readOutputs, type StackOutputs } from '../../../local/personal/outputs.ts';
import { profilesOf } from '../../../local/personal/profiles.ts';
import { StartFailure } from '../../../local/stack/failure.ts';
import { openState } from '../../../local/stack/state.ts';
import { programOf } from '../../infra/mocks.ts';

describe('One person’s installation', () => {
  let folder: string;
  let outputs: Record<string, unknown>;
  before(async () => {
    folder = mkdtempSync(join(tmpdir(), 'spotlearn-personal-'));
    ({ outputs } = await programOf({ configuration: { 'spotlearn:cluster': 'none' } }));
  });
  after(() => rmSync(folder, { recursive: true, force: true }));
  const saved = (value: unknown): string => {
    const file = join(folder, 'outputs.json');
    writeFileSync(file, typeof value === 'string' ? value : JSON.stringify(value));
    return file;
  };
  const refused = (value: unknown): string => {
    try {
      readOutputs(saved(value));
    } catch (error) {
      expect(error).to.be.instanceOf(StartFailure);
      return (error as Error).message;
    }
    return '';
  };

  it('takes what the Pulumi program says without a cluster', () => {
    expect(readOutputs(saved(outputs))).to.deep.equal(outputs);
  });

  it('says what is wrong with a file, all of it at once', () => {
    expect(() => readOutputs(join(folder, 'none'))).to.throw(StartFailure, 'There is no file');
    for (const text of ['{', '[]', 'null', '"x"']) expect(refused(text)).to.include('is no JSON object');
    expect(refused({ ...outputs, clusterName: 'ours' })).to.include('has the cluster "ours"');
    const roles = { ...(outputs['roles'] as object), bot: 'bot' };
    const said = refused({ ...outputs, region: undefined, roles, operatorEnvironment: 7 });
    expect(said).to.include('region is missing; allowed: a text');
    expect(said).to.include('roles.bot is "bot"; allowed: the ARN of an IAM role');
    expect(said).to.include('operatorEnvironment is 7; allowed: an object of texts');
    const { AWS_REGION: _, ...less } = outputs['botEnvironment'] as Record<string, string>;
    expect(refused({ ...outputs, botEnvironment: less })).to.include('botEnvironment: AWS_REGION is missing');
  });

  it('does not start where everything was moved away, or is being moved', () => {
    const state = openState(join(folder, 'state'), false);
    refuseMoved(state);
    noteMoved(state, { to: '/there', ended: false });
    expect(() => refuseMoved(state)).to.throw(StartFailure, 'npm run move -- --to /there --yes again');
    noteMoved(state, { to: '/there', ended: true });
    expect(() => refuseMoved(state)).to.throw(StartFailure, 'was moved to the cluster of /there');
    forgetMoved(state);
    refuseMoved(state);
    noteMoved(state, { to: '/there', ended: true });
    state.release();
    refuseMoved(openState(join(folder, 'state'), true));
  });

  describe('signs in with what its caller has, and copies nothing:', () => {
    const stack = (): StackOutputs => outputs as unknown as StackOutputs;
    const home = (files: Record<string, string>): string => {
      const made = mkdtempSync(join(folder, 'home-'));
      mkdirSync(join(made, '.aws'));
      for (const [name, text] of Object.entries(files)) writeFileSync(join(made, '.aws', name), text);
      return made;
    };
    const credentials = '[default]\naws_access_key_id = AKIA\naws_secret_access_key = secret\n';

    it('keys in the environment', () => {
      const { text, as, source } = profilesOf(stack(), { AWS_ACCESS_KEY_ID: 'AKIA' }, home({}));
      expect(text).to.include('[profile spotlearn-operator]').and.to.include('credential_source = Environment');
      expect(text).to.include('role_session_name = spotlearn-dev-bot').and.not.to.include('AKIA');
      expect([as, source]).to.deep.equal(['AWS_CONFIG_FILE', 'the environment (AWS_ACCESS_KEY_ID)']);
    });

    it('a profile in the credentials file: ours stands in for the configuration', () => {
      const { text, as } = profilesOf(stack(), {}, home({ credentials, config: '[default]\nregion = x\n' }));
      expect(text).to.include('source_profile = default').and.not.to.include('secret');
      expect(as).to.equal('AWS_CONFIG_FILE');
    });

    it('a profile in the configuration (single sign-on, say): ours stands in for the credentials', () => {
      const config = '[profile  work]\nsso_session = work\n';
      const { text, as } = profilesOf(stack(), { AWS_PROFILE: 'work', AWS_ACCESS_KEY_ID: 'AKIA' }, home({ config }));
      expect(text)
        .to.match(/^\[spotlearn-operator\]\n/)
        .and.to.include('source_profile = work');
      expect(as).to.equal('AWS_SHARED_CREDENTIALS_FILE');
    });

    it('files elsewhere', () => {
      const file = join(home({}), 'elsewhere');
      writeFileSync(file, credentials);
      expect(profilesOf(stack(), { AWS_SHARED_CREDENTIALS_FILE: file }, home({})).text).to.include(
        'source_profile = default',
      );
    });

    it('nothing: the role of the instance it runs on', () => {
      expect(profilesOf(stack(), {}, home({})).text).to.include('credential_source = Ec2InstanceMetadata');
    });
  });
});
