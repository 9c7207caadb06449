// Reads Dockerfiles, as far as ours go, and starts what they would start.
import { spawn } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';

interface Line {
  readonly instruction: string;
  readonly text: string;
}

const linesOf = (file: string): Line[] =>
  readFileSync(file, 'utf8')
    .split('\n')
    .filter((line) => line !== '' && !line.startsWith('#'))
    .map((line) => ({ instruction: line.split(' ', 1)[0] ?? '', text: line.slice(line.indexOf(' ') + 1) }));

/** Pinned, without root, without a shell, and with nothing in its folder that it does not copy. */
export function checkDockerfile(image: string, folder: string): void {
  const lines = linesOf(join('images', `${image}.Dockerfile`));
  const texts = (instruction: string) =>
    lines.filter((line) => line.instruction === instruction).map(({ text }) => text);
  expect(lines.map(({ instruction }) => instruction)).to.include.members(['FROM', 'COPY', 'USER', 'ENTRYPOINT']);
  const base = texts('ARG').find((text) => text.includes('_IMAGE='));
  expect(base).to.match(/^[A-Z]+_IMAGE=[a-z]+:\d+\.\d+\.\d+-[a-z-]+$/);
  for (const from of texts('FROM')) expect(from).to.match(/^\$\{[A-Z]+_IMAGE\}( AS [a-z]+)?$/);
  expect(texts('USER')).to.deep.equal(['65532:65532']);
  expect(lines.at(-1)?.instruction).to.equal('ENTRYPOINT');
  expect(texts('ADD')).to.deep.equal([]);
  for (const run of [...texts('RUN'), ...texts('ENTRYPOINT')]) expect(JSON.parse(run)).to.be.an('array');
  for (const run of texts('RUN')) expect(run).to.include('--no-cache-dir').and.to.include('--require-hashes');
  const sources = texts('COPY')
    .filter((text) => !text.startsWith('--from='))
    .map((text) => text.split(' ')[0] ?? '');
  const there = new Set(readdirSync(folder));
  const copied = sources.flatMap((source) =>
    source.startsWith('${TARGETARCH}') ? ['amd64', 'arm64'] : [source.replace(/\/$/, '')],
  );
  expect([...copied, 'Dockerfile']).to.have.members([...there]);
}

/** Runs what the entry point names in `app`, the folder that the image would have as /app. */
export const start = (image: string, app: string): Promise<{ code: number | null; said: string }> =>
  new Promise((resolve, reject) => {
    const entry = linesOf(join('images', `${image}.Dockerfile`)).at(-1)?.text ?? '';
    const [command, file = ''] = JSON.parse(entry) as string[];
    expect(command).to.equal('node');
    const path = file.replace('/app/', `${app}/`);
    const asUser = process.getuid?.() === 0 ? { uid: 65532, gid: 65532 } : {};
    const child = spawn(process.execPath, [path], {
      env: {},
      cwd: '/',
      stdio: ['ignore', 'pipe', 'pipe'],
      ...asUser,
    });
    let said = '';
    for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk: Buffer) => (said += String(chunk)));
    child.once('error', reject);
    child.once('close', (code) => resolve({ code, said }));
  });
