import { expect } from 'chai';
import fc from 'fast-check';
import { applyPatch, equal, jsonPatch, mergePatch, patchTypeOf } from '../../../../local/kubernetes/writes/patch.ts';

describe('Patches', () => {
  const json = fc.jsonValue({ maxDepth: 3 });

  it('merge as RFC 7386 says', () => {
    const cases: [unknown, unknown, unknown][] = [
      [{ a: 'b' }, { a: 'c' }, { a: 'c' }],
      [{ a: 'b' }, { b: 'c' }, { a: 'b', b: 'c' }],
      [{ a: 'b', b: 'c' }, { a: null }, { b: 'c' }],
      [{ a: [1] }, { a: 'c' }, { a: 'c' }],
      [{ a: { b: 'c' } }, { a: { b: 'd', c: null } }, { a: { b: 'd' } }],
      [{ a: [{ b: 'c' }] }, { a: [1] }, { a: [1] }],
      [{ e: null }, { a: 1 }, { e: null, a: 1 }],
      [{}, { a: { bb: { ccc: null } } }, { a: { bb: {} } }],
    ];
    for (const [target, patch, result] of cases) expect(mergePatch(target, patch)).to.deep.equal(result);
  });

  it('never change what they are applied to', () => {
    fc.assert(
      fc.property(fc.dictionary(fc.string(), json), fc.dictionary(fc.string(), json), (object, patch) => {
        const before = JSON.stringify(object);
        mergePatch(object, patch);
        applyPatch('strategic', object, { spec: patch });
        jsonPatch(object, [{ op: 'add', path: '/x', value: patch }]);
        expect(JSON.stringify(object)).to.equal(before);
      }),
    );
  });

  it('move, copy, escape and replace whole documents in JSON patch', () => {
    const object = { 'a/b': { '~': 1 }, list: [1, 2, 3] };
    expect(jsonPatch(object, [{ op: 'move', from: '/a~1b/~0', path: '/list/0' }])).to.deep.equal({
      'a/b': {},
      list: [1, 1, 2, 3],
    });
    expect(jsonPatch(object, [{ op: 'replace', path: '', value: { z: 1 } }])).to.deep.equal({ z: 1 });
    expect(jsonPatch(object, [{ op: 'test', path: '/none', value: null }])).to.deep.equal(object);
    expect(jsonPatch(object, [{ op: 'copy', from: '/list/2', path: '/list/-' }])).to.deep.include({
      list: [1, 2, 3, 3],
    });
  });

  const impossible: [string, object[]][] = [
    ['an index out of range', [{ op: 'add', path: '/list/9', value: 1 }]],
    ['an index that is none', [{ op: 'add', path: '/list/01', value: 1 }]],
    ['a path without slash', [{ op: 'add', path: 'list', value: 1 }]],
    ['an unknown operation', [{ op: 'burn', path: '/list' }]],
    ['a child of a number', [{ op: 'add', path: '/n/x', value: 1 }]],
    ['removing everything', [{ op: 'remove', path: '' }]],
    ['a document that is no object', [{ op: 'replace', path: '', value: 3 }]],
    ['replacing what is not there', [{ op: 'replace', path: '/none', value: 3 }]],
  ];
  for (const [what, operations] of impossible) {
    it(`answer 422 to ${what}`, () => {
      expect(() => jsonPatch({ list: [1], n: 1 }, operations))
        .to.throw()
        .with.property('code', 422);
    });
  }

  it('answer 400 to what is no patch, 413 to too many operations', () => {
    expect(() => applyPatch('merge', {}, [1])).to.throw(
      'cannot unmarshal array into Go value of type map[string]interface {}',
    );
    expect(() => applyPatch('strategic', {}, null)).to.throw('cannot unmarshal null');
    expect(() => jsonPatch({}, [1])).to.throw('cannot unmarshal number');
    const many = Array.from({ length: 10_001 }, () => ({ op: 'test', path: '', value: {} }));
    expect(() => jsonPatch({}, many))
      .to.throw('allowed maximum operations')
      .with.property('code', 413);
  });

  it('are known by their media type; server-side apply is said to be left out', () => {
    expect(patchTypeOf('application/merge-patch+json; charset=utf-8', true)).to.equal('merge');
    expect(() => patchTypeOf('application/apply-patch+yaml', false))
      .to.throw('server-side apply (application/apply-patch+yaml) is left out')
      .with.property('code', 415);
    expect(() => patchTypeOf(undefined, false)).to.throw('strategic-merge-patch+json');
  });

  it('compare JSON whatever the order of keys', () => {
    expect(equal({ a: 1, b: [{ c: null }] }, { b: [{ c: null }], a: 1 })).to.equal(true);
    expect(equal({ a: 1 }, { a: 1, b: undefined })).to.equal(false);
    expect(equal([1, 2], [2, 1])).to.equal(false);
    fc.assert(fc.property(json, (value) => equal(value, structuredClone(value))));
  });
});
