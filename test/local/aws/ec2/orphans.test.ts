import { spawn } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { eventually } from './cloud.ts';

const here = (path: string) => new URL(`../../../../${path}`, import.meta.url).href;

/** A local AWS as a process of its own, with one instance that writes down its pid, once as itself and once as a child. */
const PROGRAM = `
import { EC2Client, RunInstancesCommand } from '${here('node_modules/@aws-sdk/client-ec2/dist-cjs/index.js')}';
import { startAws } from '${here('local/aws/server.ts')}';
import { ec2Service } from '${here('local/aws/ec2/service.ts')}';
const [stateDir, pids] = process.argv.slice(2);
const credentials = { accessKeyId: 'AKIALOCALROOT0000000', secretAccessKey: 'secret' };
const aws = await startAws({
  stateDir, region: 'us-east-1', accountId: '000000000000', roles: [], rootCredentials: credentials,
  services: (context) => [ec2Service(context, { images: { 'ami-1': { path: [], env: {} } }, bootMs: 1 })],
});
const script = '#!/bin/bash\\n(trap "" TERM; while :; do sleep 0.05; done) & echo $$ $! > ' + pids + '\\nsleep 600';
await new EC2Client({ endpoint: aws.url, region: 'us-east-1', credentials }).send(
  new RunInstancesCommand({ ImageId: 'ami-1', InstanceType: 'm5.large', MinCount: 1, MaxCount: 1, UserData: Buffer.from(script).toString('base64') }),
);
`;

describe('when the local AWS is killed', () => {
  it('its instances die with it, also what ignores signals', async function () {
    this.timeout(20_000);
    const folder = await mkdtemp(join(tmpdir(), 'spotlearn-orphans-'));
    const program = join(folder, 'program.mjs');
    const pidFile = join(folder, 'pids');
    await writeFile(program, PROGRAM);
    const parent = spawn(process.execPath, [program, join(folder, 'state'), pidFile], { stdio: 'ignore' });
    try {
      await waitFor(() => existsSync(pidFile) && readFileSync(pidFile, 'utf8').trim() !== '');
      const pids = readFileSync(pidFile, 'utf8').trim().split(' ').map(Number);
      expect(pids).to.have.length(2);
      expect(pids.every(alive)).to.equal(true);
      parent.kill('SIGKILL');
      await eventually(() => !pids.some(alive));
    } finally {
      parent.kill('SIGKILL');
      await rm(folder, { recursive: true, force: true, maxRetries: 3 });
    }
  });
});

async function waitFor(check: () => boolean): Promise<void> {
  const end = Date.now() + 15_000;
  while (!check()) {
    if (Date.now() > end) throw new Error('the local AWS did not boot an instance');
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

function alive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}
