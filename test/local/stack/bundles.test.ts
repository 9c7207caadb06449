import { existsSync, mkdirSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { text } from 'node:stream/consumers';
import {
  CreateFleetCommand,
  type CreateFleetCommandInput,
  DescribeInstancesCommand,
  EC2Client,
} from '@aws-sdk/client-ec2';
import type * as Ec2 from '@aws-sdk/client-ec2';
import type * as ClientNode from '@kubernetes/client-node';
import { expect } from 'chai';
import { bundled, bundleThere, localBundlesThere } from '../../../local/stack/bundles.ts';
import type * as Raster from '../../../cloud/drawing/raster.ts';
import { spawnLeashed } from '../../../local/process/leash.ts';

/** The chunk of a bundle that a dynamic import of `name` loads, as a module. */
async function chunk<Module>(main: string, name: string): Promise<Module> {
  return (await import(pathToFileURL(chunkFile(main, name)).href)) as Module;
}

function chunkFile(main: string, name: string): string {
  const folder = join(main, '..');
  const file = readdirSync(folder).find((one) => one.startsWith(`${name}-`) && one.endsWith('.mjs'));
  if (file === undefined) throw new Error(`${folder} has no chunk ${name}`);
  return join(folder, file);
}

describe('Bundles of the programs', function () {
  this.timeout(60_000);
  let folder: string;
  let operator: string;
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'bundles-'));
    operator = await bundled('operator', folder);
  });
  after(() => rm(folder, { recursive: true, force: true }));

  it('are made once for the same sources', async () => {
    const before = statSync(operator).mtimeMs;
    expect(await bundled('operator', folder)).to.equal(operator);
    expect(bundleThere('operator', folder)).to.equal(operator);
    expect(statSync(operator).mtimeMs).to.equal(before);
  });

  it('are not there before they are made', () => {
    expect(bundleThere('bot', folder)).to.equal(undefined);
    expect(localBundlesThere(folder)).to.equal(undefined);
  });

  it('replace those of older sources, and what a killed build left', async () => {
    for (const name of ['telegram-00', 'telegram-01.unfinished', 'other']) mkdirSync(join(folder, name));
    const main = await bundled('telegram', folder);
    expect(readdirSync(folder).filter((name) => name.startsWith('telegram-'))).to.have.length(1);
    expect(existsSync(main) && existsSync(join(folder, 'other'))).to.equal(true);
  });

  it('hold no more of EC2 than the operations in use', () => {
    const code = readFileSync(chunkFile(operator, 'client-ec2'), 'utf8');
    expect(code).to.include('CreateFleetCommand').and.not.include('AcceptAddressTransfer');
    expect(code.length).to.be.below(400_000);
  });

  for (const program of ['operator', 'bot'] as const) {
    it(`carry what pictures are drawn with, and load it only to draw: ${program}`, async () => {
      const main = await bundled(program, folder);
      expect(readFileSync(main, 'utf8')).to.not.include('resvg-wasm.js').and.not.include('DejaVuSans');
      const { pngOf } = await chunk<typeof Raster>(main, 'raster');
      const svg =
        '<svg xmlns="http://www.w3.org/2000/svg" width="90" height="40"><text y="30" font-size="22">abc</text></svg>';
      // The files beside the bundle draw what those of the packages draw: letters, not nothing.
      const drawn = await pngOf(svg);
      expect(drawn).to.deep.equal(await (await import('../../../cloud/drawing/raster.ts')).pngOf(svg));
      expect(drawn.length).to.be.above((await pngOf(svg.replace('abc', ''))).length + 100);
      const files = readdirSync(join(main, '..')).filter((name) => /\.(wasm|ttf)$/.test(name));
      expect(files).to.have.length(3);
    });
  }

  it('load client-node only when a kubeconfig needs it, and without the models of every API', () => {
    expect(readFileSync(operator, 'utf8')).to.not.include('loadFromDefault() {').and.not.include('class KubeConfig');
    expect(statSync(chunkFile(operator, 'client-node')).size).to.be.below(4_000_000);
  });

  it('still get a token from an exec plugin through client-node', async () => {
    const { KubeConfig } = await chunk<typeof ClientNode>(operator, 'client-node');
    const credential = {
      apiVersion: 'client.authentication.k8s.io/v1',
      kind: 'ExecCredential',
      status: { token: 't1' },
    };
    const config = new KubeConfig();
    config.loadFromString(
      JSON.stringify({
        clusters: [{ name: 'c', cluster: { server: 'https://127.0.0.1:1' } }],
        users: [
          {
            name: 'u',
            user: {
              exec: {
                apiVersion: 'client.authentication.k8s.io/v1',
                command: process.execPath,
                args: ['-p', JSON.stringify(JSON.stringify(credential))],
              },
            },
          },
        ],
        contexts: [{ name: 'x', context: { cluster: 'c', user: 'u' } }],
        'current-context': 'x',
      }),
    );
    const options: { headers?: Record<string, string> } = {};
    await config.applyToHTTPSOptions(options);
    expect(options.headers).to.include({ Authorization: 'Bearer t1' });
  });

  it('say the same to EC2 as the whole SDK, and read the same', async () => {
    const shaken = await chunk<typeof Ec2>(operator, 'client-ec2');
    const input: CreateFleetCommandInput = {
      Type: 'instant',
      ClientToken: 'token',
      LaunchTemplateConfigs: [
        {
          LaunchTemplateSpecification: { LaunchTemplateId: 'lt-1', Version: '$Default' },
          Overrides: [{ InstanceType: 'm5.large', SubnetId: 'subnet-1', MaxPrice: '0.1' }],
        },
      ],
      SpotOptions: { AllocationStrategy: 'price-capacity-optimized' },
      TargetCapacitySpecification: { TotalTargetCapacity: 1, DefaultTargetCapacityType: 'spot' },
      TagSpecifications: [{ ResourceType: 'instance', Tags: [{ Key: 'a', Value: 'b' }] }],
    };
    const answer = `<DescribeInstancesResponse xmlns="http://ec2.amazonaws.com/doc/2016-11-15/"><reservationSet><item>
      <instancesSet><item><instanceId>i-1</instanceId><instanceState><code>16</code><name>running</name></instanceState>
      <launchTime>2026-01-02T03:04:05.000Z</launchTime><placement><availabilityZone>a</availabilityZone></placement>
      <tagSet><item><key>k</key><value>v</value></item></tagSet></item></instancesSet></item></reservationSet>
      </DescribeInstancesResponse>`;
    const heard = async (sdk: Pick<typeof shaken, 'EC2Client' | 'CreateFleetCommand' | 'DescribeInstancesCommand'>) => {
      const bodies: unknown[] = [];
      const client = new sdk.EC2Client({
        region: 'eu-central-1',
        credentials: { accessKeyId: 'a', secretAccessKey: 'b' },
        requestHandler: {
          handle: async ({ body }: { body: unknown }) => {
            bodies.push(body);
            const { HttpResponse } = await import('@smithy/core/protocols');
            return { response: new HttpResponse({ statusCode: 200, headers: {}, body: Buffer.from(answer) }) };
          },
        } as never,
      });
      await client.send(new sdk.CreateFleetCommand(input));
      const { Reservations } = await client.send(new sdk.DescribeInstancesCommand({ MaxResults: 5 }));
      return { bodies, Reservations };
    };
    const whole = await heard({ EC2Client, CreateFleetCommand, DescribeInstancesCommand });
    expect(whole.Reservations?.[0]?.Instances?.[0]?.LaunchTime?.getTime()).to.equal(Date.UTC(2026, 0, 2, 3, 4, 5));
    expect(await heard(shaken)).to.deep.equal(whole);
  });

  describe('of the local clouds', () => {
    async function running(program: 'telegram' | 'kubernetes', use: (ready: Record<string, string>) => Promise<void>) {
      const main = await bundled(program, folder);
      const state = join(folder, `state-${program}`);
      mkdirSync(state, { recursive: true });
      const child = spawnLeashed(process.execPath, [main, '--state', state, '--port', '0'], {
        cwd: folder,
        stdout: 'pipe',
        stderr: 'pipe',
      });
      const complained = child.stderr ? text(child.stderr) : Promise.resolve('');
      try {
        const line = await new Promise<string>((resolve, reject) => {
          child.stdout?.once('data', (data: Buffer) => resolve(data.toString()));
          void child.exited.then(async () => reject(new Error(await complained)));
        });
        await use(JSON.parse(line) as Record<string, string>);
      } finally {
        await child.terminate(2000);
      }
    }

    it('read their files beside the sources: the chat page is served', async () => {
      await running('telegram', async ({ page = '' }) => {
        expect(await (await fetch(page)).text()).to.match(/<!doctype html>/i);
      });
    });

    it('get the named exports of CommonJS packages: certificates are made', async () => {
      await running('kubernetes', async ({ ca = '', kubeconfig = '' }) => {
        expect(ca).to.include('BEGIN CERTIFICATE');
        expect(readFileSync(kubeconfig, 'utf8')).to.include('server: https://127.0.0.1');
      });
    });
  });
});
