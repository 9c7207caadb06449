// kubectl, the real one, against every server: what a person at a terminal does with our kinds of objects. The expectations
// are what the real API server answers; where the embedded one differs, it is wrong.
import { expect } from 'chai';
import { spawn } from 'node:child_process';
import { describeEachServer, eventually, findKubectl, uniqueName } from './servers.ts';

const GROUP = 'kubectl.example.com';

const DEFINITION = {
  apiVersion: 'apiextensions.k8s.io/v1',
  kind: 'CustomResourceDefinition',
  metadata: { name: `rockets.${GROUP}` },
  spec: {
    group: GROUP,
    scope: 'Namespaced',
    names: {
      plural: 'rockets',
      singular: 'rocket',
      kind: 'Rocket',
      listKind: 'RocketList',
      shortNames: ['rkt'],
      categories: ['space'],
    },
    versions: [
      {
        name: 'v1',
        served: true,
        storage: true,
        subresources: { status: {} },
        additionalPrinterColumns: [
          { name: 'Stage', type: 'integer', jsonPath: '.spec.stages' },
          { name: 'Done', type: 'string', jsonPath: '.status.conditions[?(@.type=="Complete")].status' },
          { name: 'Fuel', type: 'string', jsonPath: '.spec.fuel', priority: 1 },
          { name: 'Age', type: 'date', jsonPath: '.metadata.creationTimestamp' },
        ],
        schema: {
          openAPIV3Schema: {
            description: 'A rocket flies.',
            type: 'object',
            required: ['spec'],
            properties: {
              spec: {
                description: 'How it is built.',
                type: 'object',
                required: ['stages'],
                properties: {
                  stages: { description: 'How many stages it has.', type: 'integer', minimum: 1, maximum: 5 },
                  fuel: { description: 'What it burns.', type: 'string', enum: ['RP-1', 'LH2'], default: 'RP-1' },
                  crew: {
                    description: 'Who flies.',
                    type: 'array',
                    items: { type: 'object', properties: { name: { description: 'A name.', type: 'string' } } },
                  },
                },
                'x-kubernetes-validations': [
                  { rule: 'self.stages >= oldSelf.stages', message: 'stages may not be taken away' },
                ],
              },
              status: { description: 'How it flies.', type: 'object', 'x-kubernetes-preserve-unknown-fields': true },
            },
          },
        },
      },
    ],
  },
};

function rocket(name: string, spec: Record<string, unknown>): string {
  return JSON.stringify({ apiVersion: `${GROUP}/v1`, kind: 'Rocket', metadata: { name }, spec });
}

/** Ages and padding differ from run to run. */
function words(text: string): string[] {
  return text
    .trim()
    .split('\n')
    .map((line) =>
      line
        .trim()
        .replace(/\b\d+(s|m|m\d+s)\b/g, 'AGE')
        .replace(/ {2,}/g, ' | '),
    );
}

describeEachServer('kubectl', (server) => {
  const namespace = uniqueName('kubectl');
  const run = async (args: readonly string[], input?: string) => server.kubectl(['-n', namespace, ...args], input);
  const ok = async (args: readonly string[], input?: string) => {
    const result = await run(args, input);
    expect(result.code, `kubectl ${args.join(' ')}: ${result.stderr}`).to.equal(0);
    return result.stdout;
  };

  before(async function () {
    if (findKubectl() === undefined) {
      console.error('SKIPPED: kubectl is neither in KUBEBUILDER_ASSETS nor on PATH');
      this.skip();
    }
    // `kubectl create namespace` sends protobuf, which the embedded API leaves out.
    await ok(
      ['apply', '-f', '-'],
      JSON.stringify({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: namespace } }),
    );
    await ok(['apply', '-f', '-'], JSON.stringify(DEFINITION));
    await ok(['wait', '--for=condition=Established', `crd/rockets.${GROUP}`, '--timeout=20s']);
    await ok(['apply', '-f', '-'], rocket('saturn', { stages: 3 }));
  });
  after(async () => {
    await run(['delete', 'crd', `rockets.${GROUP}`, '--wait=false']);
    await run(['delete', 'namespace', namespace, '--wait=false']);
  });

  it('gets the columns of a custom resource, by its short name', async () => {
    expect(words(await ok(['get', 'rkt']))).to.deep.equal(['NAME | STAGE | DONE | AGE', 'saturn | 3 | AGE']);
    expect(words(await ok(['get', 'rkt', '-o', 'wide']))).to.deep.equal([
      'NAME | STAGE | DONE | FUEL | AGE',
      'saturn | 3 | RP-1 | AGE',
    ]);
    expect(words(await ok(['get', 'space']))).to.deep.equal(['NAME | STAGE | DONE | AGE', 'saturn | 3 | AGE']);
  });

  it('gets an object as JSON, YAML, and by JSONPath', async () => {
    expect(JSON.parse(await ok(['get', 'rkt', 'saturn', '-o', 'json'])).spec).to.deep.equal({
      stages: 3,
      fuel: 'RP-1',
    });
    expect(await ok(['get', 'rkt', 'saturn', '-o', 'yaml'])).to.contain('fuel: RP-1');
    expect(await ok(['get', 'rkt', 'saturn', '-o', 'jsonpath={.spec.stages}'])).to.equal('3');
    expect(await ok(['get', 'rkt', '-o', 'name'])).to.equal(`rocket.${GROUP}/saturn\n`);
  });

  it('says what it can not find', async () => {
    const missing = await run(['get', 'rkt', 'nothing']);
    expect(missing.code).to.equal(1);
    expect(missing.stderr).to.equal(`Error from server (NotFound): rockets.${GROUP} "nothing" not found\n`);
    expect((await run(['get', 'nonsense'])).stderr).to.equal(
      `error: the server doesn't have a resource type "nonsense"\n`,
    );
    expect((await run(['get', 'rkt', '-l', 'a=b'])).stderr).to.equal(`No resources found in ${namespace} namespace.\n`);
  });

  it('applies: creates, leaves alone, configures', async () => {
    expect(await ok(['apply', '-f', '-'], rocket('vega', { stages: 2 }))).to.equal(`rocket.${GROUP}/vega created\n`);
    expect(await ok(['apply', '-f', '-'], rocket('vega', { stages: 2 }))).to.equal(`rocket.${GROUP}/vega unchanged\n`);
    expect(await ok(['apply', '-f', '-'], rocket('vega', { stages: 3, fuel: 'LH2' }))).to.equal(
      `rocket.${GROUP}/vega configured\n`,
    );
    // What the manifest no longer holds goes back to its default.
    await ok(['apply', '-f', '-'], rocket('vega', { stages: 3 }));
    expect(await ok(['get', 'rkt', 'vega', '-o', 'jsonpath={.spec.fuel}'])).to.equal('RP-1');
  });

  it('shows a diff', async () => {
    await ok(['apply', '-f', '-'], rocket('differing', { stages: 2 }));
    expect((await run(['diff', '-f', '-'], rocket('differing', { stages: 2 }))).code).to.equal(0);
    const changed = await run(['diff', '-f', '-'], rocket('differing', { stages: 4 }));
    expect(changed.code, changed.stderr).to.equal(1);
    expect(changed.stdout)
      .to.match(/^- {2}stages: 2$/m)
      .and.to.match(/^\+ {2}stages: 4$/m);
  });

  it('refuses unknown fields, values out of bounds and forbidden changes, each in the same words', async () => {
    const refused = async (args: string[], input: string) => {
      const result = await run(args, input);
      expect(result.code).to.equal(1);
      return result.stderr.trim().replace(/^Error from server \(\w+\): error when creating "STDIN": /, '');
    };
    const create = ['create', '--validate=strict', '-f', '-'];
    expect(await refused(create, rocket('bad', { stages: 1, wings: 2 }))).to.equal(
      'Error from server (BadRequest): error when creating "STDIN": Rocket in version "v1" cannot be handled as a Rocket: strict decoding error: unknown field "spec.wings"'.replace(
        /^Error from server \(\w+\): error when creating "STDIN": /,
        '',
      ),
    );
    expect(await refused(create, rocket('bad', { stages: 9 }))).to.equal(
      `The Rocket "bad" is invalid: spec.stages: Invalid value: 9: spec.stages in body should be less than or equal to 5`,
    );
    expect(await refused(create, rocket('bad', { stages: 1, fuel: 'coal' }))).to.equal(
      'The Rocket "bad" is invalid: \n* spec.fuel: Unsupported value: "coal": supported values: "RP-1", "LH2"\n* <nil>: Invalid value: null: some validation rules were not checked because the object was invalid; correct the existing errors to complete validation',
    );
    expect(await refused(create, rocket('bad', {}))).to.contain('spec.stages: Required value');
    expect(await refused(['apply', '-f', '-'], rocket('saturn', { stages: 1 }))).to.contain(
      'spec: Invalid value: "object": stages may not be taken away',
    );
  });

  it('only warns about unknown fields when asked to', async () => {
    const result = await run(['create', '--validate=warn', '-f', '-'], rocket('warned', { stages: 1, wings: 2 }));
    expect(result.code).to.equal(0);
    expect(result.stderr).to.contain('unknown field "spec.wings"');
  });

  it('waits for a condition', async () => {
    const waiting = run(['wait', '--for=condition=Complete', 'rkt/saturn', '--timeout=15s']);
    const status = {
      status: { conditions: [{ type: 'Complete', status: 'True', reason: 'Landed', message: 'It landed.' }] },
    };
    await ok(['patch', 'rkt', 'saturn', '--subresource=status', '--type=merge', '-p', JSON.stringify(status)]);
    expect(await waiting).to.include({ code: 0, stdout: `rocket.${GROUP}/saturn condition met\n` });
    expect(words(await ok(['get', 'rkt', 'saturn']))[1]).to.equal('saturn | 3 | True | AGE');
    const late = await run(['wait', '--for=condition=Complete', 'rkt/vega', '--timeout=1s']);
    expect(late.stderr).to.contain(`timed out waiting for the condition on rockets/vega`);
  });

  it('describes, with events', async () => {
    const { metadata } = JSON.parse(await ok(['get', 'rkt', 'saturn', '-o', 'json']));
    const event = {
      apiVersion: 'v1',
      kind: 'Event',
      metadata: { name: 'saturn.launch', namespace },
      involvedObject: { apiVersion: `${GROUP}/v1`, kind: 'Rocket', name: 'saturn', namespace, uid: metadata.uid },
      type: 'Normal',
      reason: 'Launched',
      message: 'It flies.',
      source: { component: 'test' },
      count: 1,
      firstTimestamp: metadata.creationTimestamp,
      lastTimestamp: metadata.creationTimestamp,
    };
    await ok(['create', '-f', '-'], JSON.stringify(event));
    const text = await ok(['describe', 'rkt', 'saturn']);
    expect(words(text)).to.include.members([
      'Name: | saturn',
      `Namespace: | ${namespace}`,
      'Kind: | Rocket',
      'Spec:',
      'Fuel: | RP-1',
      'Stages: | 3',
      'Events:',
    ]);
    expect(text).to.match(/Normal +Launched +\S+ +test +It flies\./);
    expect(words(await ok(['get', 'events']))).to.deep.equal([
      'LAST SEEN | TYPE | REASON | OBJECT | MESSAGE',
      'AGE | Normal | Launched | rocket/saturn | It flies.',
    ]);
  });

  it('explains', async () => {
    expect(words(await ok(['explain', 'rkt.spec', '--recursive']))).to.deep.equal([
      `GROUP: | ${GROUP}`,
      'KIND: | Rocket',
      'VERSION: | v1',
      '',
      'FIELD: spec <Object>',
      '',
      '',
      'DESCRIPTION:',
      'How it is built.',
      '',
      'FIELDS:',
      'crew\t<[]Object>',
      'name\t<string>',
      'fuel\t<string>',
      'enum: RP-1, LH2',
      'stages\t<integer> -required-',
    ]);
    expect(await ok(['explain', 'rkt.spec.stages'])).to.contain('How many stages it has.');
    expect(await ok(['explain', 'configmap.data'])).to.contain('Data contains the configuration data.');
    expect((await run(['explain', 'rkt.spec.wings'])).stderr).to.equal('error: field "wings" does not exist\n');
  });

  it('lists the resources of an API', async () => {
    expect(words(await ok(['api-resources', `--api-group=${GROUP}`]))).to.deep.equal([
      'NAME | SHORTNAMES | APIVERSION | NAMESPACED | KIND',
      `rockets | rkt | ${GROUP}/v1 | true | Rocket`,
    ]);
    expect(await ok(['api-versions']))
      .to.contain(`${GROUP}/v1`)
      .and.to.contain('batch/v1');
  });

  it('labels, annotates, edits by patch, and selects', async () => {
    expect(await ok(['label', 'rkt', 'saturn', 'to=moon'])).to.equal(`rocket.${GROUP}/saturn labeled\n`);
    expect(await ok(['annotate', 'rkt', 'saturn', 'by=us'])).to.equal(`rocket.${GROUP}/saturn annotated\n`);
    expect(await ok(['get', 'rkt', '-l', 'to=moon', '-o', 'name'])).to.equal(`rocket.${GROUP}/saturn\n`);
    const json = '[{"op":"replace","path":"/spec/stages","value":4}]';
    expect(await ok(['patch', 'rkt', 'saturn', '--type=json', '-p', json])).to.equal(
      `rocket.${GROUP}/saturn patched\n`,
    );
  });

  it('shows built-in kinds in their own columns', async () => {
    const config = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'settings' }, data: { a: '1' } };
    const secret = { apiVersion: 'v1', kind: 'Secret', metadata: { name: 'keys' }, stringData: { a: '1', b: '2' } };
    for (const object of [config, secret]) await ok(['apply', '-f', '-'], JSON.stringify(object));
    expect(words(await ok(['get', 'configmap', 'settings']))).to.deep.equal([
      'NAME | DATA | AGE',
      'settings | 1 | AGE',
    ]);
    expect(words(await ok(['get', 'secret', 'keys']))).to.deep.equal([
      'NAME | TYPE | DATA | AGE',
      'keys | Opaque | 2 | AGE',
    ]);
    expect(words(await ok(['get', 'namespace', namespace]))).to.deep.equal([
      'NAME | STATUS | AGE',
      `${namespace} | Active | AGE`,
    ]);
    const job = {
      apiVersion: 'batch/v1',
      kind: 'Job',
      metadata: { name: 'work' },
      spec: {
        suspend: true,
        completions: 2,
        template: { spec: { restartPolicy: 'Never', containers: [{ name: 'c', image: 'i' }] } },
      },
    };
    await ok(['apply', '-f', '-'], JSON.stringify(job));
    expect(words(await ok(['get', 'job', 'work']))[0]).to.equal('NAME | STATUS | COMPLETIONS | DURATION | AGE');
    expect(words(await ok(['get', 'job', 'work']))[1]).to.match(/^work \| \w+ \| 0\/2 \| AGE$/);
  });

  it('deletes, and waits until it is gone', async () => {
    await ok(['apply', '-f', '-'], rocket('doomed', { stages: 1 }));
    expect(await ok(['delete', 'rkt', 'doomed'])).to.match(new RegExp(`^rocket.${GROUP} "doomed" deleted`));
    expect((await run(['get', 'rkt', 'doomed'])).code).to.equal(1);
    expect((await run(['delete', 'rkt', 'doomed'])).stderr).to.contain(`rockets.${GROUP} "doomed" not found`);
    expect((await run(['delete', 'rkt', 'doomed', '--ignore-not-found'])).code).to.equal(0);
  });

  it('watches', async () => {
    const path = findKubectl() ?? '';
    const child = spawn(
      path,
      ['--kubeconfig', server.kubeconfig, '-n', namespace, 'get', 'rkt', '-w', '--no-headers'],
      { stdio: ['ignore', 'pipe', 'ignore'] },
    );
    try {
      // Collected all the time: a fast server tells of a change before the command that made it has ended.
      let seen = '';
      child.stdout.on('data', (chunk: Buffer) => (seen += chunk.toString()));
      const line = (pattern: RegExp) =>
        eventually(`a line like ${pattern.source}`, async () => (pattern.test(seen) ? true : undefined));
      await line(/saturn +\d/);
      await ok(['apply', '-f', '-'], rocket('ariane', { stages: 1 }));
      await line(/ariane +1/);
      await ok(['patch', 'rkt', 'ariane', '--type=merge', '-p', '{"spec":{"stages":2}}']);
      await line(/ariane +2/);
      await ok(['delete', 'rkt', 'ariane']);
    } finally {
      child.kill();
    }
  });
});
