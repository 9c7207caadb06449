// The three patches, and what may not be patched.
import { expect } from 'chai';
import { makePlayground, type Playground } from './exchange.ts';
import { describeEachServer } from './servers.ts';

const JSON_PATCH = 'application/json-patch+json';
const MERGE = 'application/merge-patch+json';
const STRATEGIC = 'application/strategic-merge-patch+json';

describeEachServer('Patches', (server) => {
  let ground: Playground;
  before(async () => {
    ground = await makePlayground(server);
    await server.call('POST', ground.widgets, ground.widget('w', { spec: { size: 1, tags: ['a', 'b'] } }));
  });

  const patch = (body: unknown, type: string, path = `${ground.widgets}/w`) => server.call('PATCH', path, body, type);

  it('merges: objects by field, null deletes, lists are replaced', async () => {
    const one = await patch({ spec: { color: 'blue', tags: ['c'] } }, MERGE);
    expect(one.body.spec).to.deep.equal({ size: 1, color: 'blue', tags: ['c'] });
    const two = await patch({ spec: { tags: null, color: null } }, MERGE);
    expect(two.body.spec).to.deep.equal({ size: 1, color: 'red' });
  });

  it('applies JSON patch operations, all or none', async () => {
    const operations = [
      { op: 'add', path: '/spec/tags', value: ['x'] },
      { op: 'add', path: '/spec/tags/-', value: 'z' },
      { op: 'add', path: '/spec/tags/1', value: 'y' },
      { op: 'test', path: '/spec/tags', value: ['x', 'y', 'z'] },
      { op: 'copy', from: '/spec/tags/0', path: '/spec/color' },
      { op: 'remove', path: '/spec/tags/0' },
      { op: 'replace', path: '/spec/size', value: 7 },
    ];
    const { body } = await patch(operations, JSON_PATCH);
    expect(body.spec).to.deep.equal({ size: 7, tags: ['y', 'z'], color: 'x' });
    const failing = await patch(
      [
        { op: 'replace', path: '/spec/size', value: 8 },
        { op: 'test', path: '/spec/color', value: 'no' },
      ],
      JSON_PATCH,
    );
    expect(failing.status).to.equal(422);
    expect(failing.body.message).to.equal('the server rejected our request due to an error in our request');
    const read = await server.call('GET', `${ground.widgets}/w`);
    expect(read.body.spec.size).to.equal(7);
    expect((await patch([{ op: 'remove', path: '/spec/none' }], JSON_PATCH)).status).to.equal(422);
    expect((await patch({ a: 1 }, JSON_PATCH)).status).to.equal(400);
  });

  it('checks the resourceVersion of a patch that carries one', async () => {
    const { status, body } = await patch({ metadata: { resourceVersion: '3' }, spec: { size: 2 } }, MERGE);
    expect(status).to.equal(409);
    expect(body.message).to.contain('the object has been modified');
  });

  it('refuses another name, an invalid result, and what is not there', async () => {
    const name = await patch({ metadata: { name: 'q' } }, MERGE);
    expect(name.body.message).to.equal('the name of the object (q) does not match the name on the URL (w)');
    const invalid = await patch({ spec: { size: 0 } }, MERGE);
    expect(invalid.status).to.equal(422);
    expect((await patch([], JSON_PATCH, `${ground.widgets}/none`)).status).to.equal(404);
    const strict = await patch({ spec: { foo: 1 } }, MERGE, `${ground.widgets}/w?fieldValidation=Strict`);
    expect(strict.status).to.equal(422);
    expect(strict.body.message).to.match(/^ "" is invalid: patch: Invalid value: /);
    expect(strict.body.message).to.contain('strict decoding error: unknown field "spec.foo"');
  });

  it('knows no strategic merge of a custom resource, and no patch without a type', async () => {
    for (const type of [STRATEGIC, 'application/json']) {
      const { status, body } = await patch({ spec: { size: 2 } }, type);
      expect(status).to.equal(415);
      expect(body.message).to.equal(
        'the body of the request was in an unknown format - accepted media types include: application/json-patch+json, application/merge-patch+json, application/apply-patch+yaml',
      );
    }
  });

  it('patches status alone', async () => {
    const { body } = await patch({ spec: { size: 99 }, status: { phase: 'On' } }, MERGE, `${ground.widgets}/w/status`);
    expect(body.status).to.deep.equal({ phase: 'On' });
    expect(body.spec.size).to.equal(7);
  });

  it('merges lists of built-in kinds by their keys', async () => {
    const containers = [
      { name: 'a', image: 'a:1', env: [{ name: 'X', value: '1' }] },
      { name: 'b', image: 'b:1' },
    ];
    const template = { spec: { restartPolicy: 'Never', containers } };
    const job = { metadata: { name: 'j' }, spec: { suspend: true, template } };
    const jobs = `/apis/batch/v1/namespaces/${ground.namespace}/jobs`;
    expect((await server.call('POST', jobs, job)).status).to.equal(201);
    const labels = await patch({ metadata: { labels: { a: 'b' }, finalizers: ['x.io/y'] } }, STRATEGIC, `${jobs}/j`);
    expect(labels.body.metadata.labels).to.include({ a: 'b', 'job-name': 'j' });
    const more = await patch({ metadata: { finalizers: ['z.io/y'] } }, STRATEGIC, `${jobs}/j`);
    expect(more.body.metadata.finalizers).to.have.members(['x.io/y', 'z.io/y']);
    const less = await patch(
      { metadata: { '$deleteFromPrimitiveList/finalizers': ['x.io/y', 'z.io/y'] } },
      STRATEGIC,
      `${jobs}/j`,
    );
    expect(less.body.metadata).to.not.have.property('finalizers');
    const pod = { metadata: { name: 'p' }, spec: { containers } };
    await server.call('POST', `${ground.core}/pods`, pod);
    const image = await patch(
      { spec: { containers: [{ name: 'b', image: 'b:2' }] } },
      STRATEGIC,
      `${ground.core}/pods/p`,
    );
    const found = image.body.spec.containers as { name: string; image: string }[];
    expect(found.map(({ name, image: its }) => `${name} ${its}`)).to.deep.equal(['a a:1', 'b b:2']);
    const condition = (type: string, status: string) => ({ status: { conditions: [{ type, status }] } });
    await patch(condition('Ready', 'False'), STRATEGIC, `${ground.core}/pods/p/status`);
    await patch(condition('Other', 'True'), STRATEGIC, `${ground.core}/pods/p/status`);
    const both = await patch(condition('Ready', 'True'), STRATEGIC, `${ground.core}/pods/p/status`);
    const conditions = both.body.status.conditions as { type: string; status: string }[];
    expect(conditions.map(({ type, status }) => `${type} ${status}`)).to.have.members(['Ready True', 'Other True']);
  });

  it('keeps the rest of a pod as it is', async () => {
    const answer = await patch({ spec: { hostname: 'other' } }, STRATEGIC, `${ground.core}/pods/p`);
    expect(answer.status).to.equal(422);
    expect(answer.body.message).to.match(
      /^Pod "p" is invalid: spec: Forbidden: pod updates may not change fields other than /,
    );
  });
});
