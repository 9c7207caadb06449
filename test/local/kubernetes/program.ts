// Starts local/kubernetes/main.ts as a process of its own, as users do, and talks to it.
import { type ChildProcess, spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { Agent, request } from 'node:https';
import { fileURLToPath } from 'node:url';

const MAIN = fileURLToPath(new URL('../../../local/kubernetes/main.ts', import.meta.url));

export interface Program {
  readonly child: ChildProcess;
  readonly url: string;
  readonly token: string;
  readonly exited: Promise<number | null>;
  call(method: string, path: string, body?: unknown): Promise<{ status: number; body: Record<string, unknown> }>;
}

export interface Failed {
  readonly code: number | null;
  readonly stderr: string;
}

/** Resolves when it is ready, or with how it failed. `shell` goes before the command, e.g. a ulimit. */
export function startProgram(stateDir: string, args: readonly string[] = [], shell = ''): Promise<Program | Failed> {
  const command = [process.execPath, MAIN, '--state', stateDir, ...args].map((one) => `'${one}'`).join(' ');
  const child = spawn('/bin/sh', ['-c', `${shell} exec ${command}`], { stdio: ['ignore', 'pipe', 'pipe'] });
  let stdout = '';
  let stderr = '';
  child.stderr.on('data', (chunk: Buffer) => (stderr += chunk.toString()));
  const exited = new Promise<number | null>((resolve) => child.once('close', resolve));
  return new Promise((resolve) => {
    void exited.then((code) => resolve({ code, stderr }));
    child.stdout.on('data', (chunk: Buffer) => {
      stdout += chunk.toString();
      if (!stdout.includes('\n')) return;
      const { url, ca, kubeconfig } = JSON.parse(stdout) as { url: string; ca: string; kubeconfig: string };
      const token = /token: (\S+)/.exec(readFileSync(kubeconfig, 'utf8'))?.[1] ?? '';
      const agent = new Agent({ keepAlive: true, ca, maxSockets: 16 });
      child.once('close', () => agent.destroy());
      resolve({ child, url, token, exited, call: (...asked) => call({ url, token, agent }, ...asked) });
    });
  });
}

function call(
  { url, token, agent }: { url: string; token: string; agent: Agent },
  method: string,
  path: string,
  body?: unknown,
): Promise<{ status: number; body: Record<string, unknown> }> {
  return new Promise((resolve, reject) => {
    const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json' };
    const outgoing = request(`${url}${path}`, { method, headers, agent }, (answer) => {
      const chunks: Buffer[] = [];
      answer.on('data', (chunk: Buffer) => chunks.push(chunk));
      answer.once('error', reject);
      answer.once('end', () => {
        const parsed = JSON.parse(Buffer.concat(chunks).toString()) as Record<string, unknown>;
        resolve({ status: answer.statusCode ?? 0, body: parsed });
      });
    });
    outgoing.once('error', reject);
    outgoing.end(body === undefined ? undefined : JSON.stringify(body));
  });
}

export function isProgram(started: Program | Failed): started is Program {
  return 'call' in started;
}
