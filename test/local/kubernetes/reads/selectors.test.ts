import { expect } from 'chai';
import type { KubeObject } from '../../../../local/kubernetes/api.ts';
import { parseFieldSelector, parseLabelSelector } from '../../../../local/kubernetes/reads/selectors.ts';
import { BUILTIN_RESOURCES } from '../../../../local/kubernetes/resources/builtin.ts';

const object = (more: Record<string, unknown>, labels = {}): KubeObject => ({
  apiVersion: 'v1',
  kind: 'X',
  metadata: { name: 'n', namespace: 'ns', uid: '', resourceVersion: '', creationTimestamp: '', labels },
  ...more,
});
const resource = (plural: string, group = '') => {
  const found = BUILTIN_RESOURCES.find((one) => one.plural === plural && one.group === group);
  if (found === undefined) throw new Error(plural);
  return found;
};

describe('Label selectors', () => {
  it('select everything when empty', () => {
    expect(parseLabelSelector('')).to.equal(undefined);
    expect(parseLabelSelector(undefined)).to.equal(undefined);
  });

  it('know prefixes, empty values and blanks', () => {
    const labels = { 'example.com/role': 'db', empty: '' };
    expect(parseLabelSelector(' example.com/role = db , empty= ')?.(object({}, labels))).to.equal(true);
    expect(parseLabelSelector('example.com/role notin (db,web)')?.(object({}, labels))).to.equal(false);
    expect(parseLabelSelector('empty in ()')?.(object({}, labels))).to.equal(true);
  });

  for (const bad of ['a=b=c', 'a in b', '=x', 'a=-b', 'a>x', 'a b', '-a', 'x/y/z=1']) {
    it(`refuse ${bad} with 400`, () => {
      expect(() => parseLabelSelector(bad)?.(object({})))
        .to.throw(/unable to parse requirement/)
        .with.property('code', 400);
    });
  }
});

describe('Field selectors', () => {
  it('reach into pods', () => {
    const pod = object({ spec: { nodeName: 'node' }, status: { phase: 'Running' } });
    const matches = (text: string) => parseFieldSelector(text, resource('pods'))?.matches(pod);
    expect(matches('spec.nodeName=node,status.phase!=Failed')).to.equal(true);
    expect(matches('spec.nodeName=')).to.equal(false);
    expect(matches('spec.hostNetwork=false')).to.equal(true);
  });

  it('reach into events of either group, by their stored form', () => {
    const event = object({ involvedObject: { name: 'p' }, source: { component: 'c' }, type: 'Normal' });
    expect(parseFieldSelector('regarding.name=p', resource('events', 'events.k8s.io'))?.matches(event)).to.equal(true);
    expect(parseFieldSelector('source=c,type=Normal', resource('events'))?.matches(event)).to.equal(true);
  });

  it('tell the one name asked for', () => {
    expect(parseFieldSelector('metadata.name=x', resource('secrets'))?.name).to.equal('x');
    expect(parseFieldSelector('metadata.name!=x', resource('secrets'))?.name).to.equal(undefined);
  });

  it('count a Job without successes as 0', () => {
    expect(parseFieldSelector('status.successful=0', resource('jobs', 'batch'))?.matches(object({}))).to.equal(true);
  });

  it('refuse what is no term, and fields nobody indexes', () => {
    expect(() => parseFieldSelector('abc', resource('pods')))
      .to.throw("can't understand 'abc'")
      .with.property('code', 400);
    expect(() => parseFieldSelector('data.x=1', resource('configmaps'))).to.throw(
      '"data.x" is not a known field selector: only "metadata.name", "metadata.namespace"',
    );
  });
});
