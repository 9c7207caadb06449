// Runs instances as processes: boots a launch template's user data with bash in a private folder, with a metadata service
// and nothing of our own environment, and listens to the machines' power buttons. lifecycle.ts decides; this obeys.
import { randomBytes } from 'node:crypto';
import {
  appendFileSync,
  closeSync,
  fstatSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  readSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { delimiter, join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { gunzipSync } from 'node:zlib';
import type { Cancel } from '../../../cloud/clock.ts';
import { spawnLeashed, type LeashedProcess } from '../../process/leash.ts';
import { metadataTree } from '../imds/paths.ts';
import { startImds, type Imds } from '../imds/server.ts';
import { INSTANCE_TYPES } from './catalogue.ts';
import type { ServiceContext } from '../service.ts';
import type { Image } from './core.ts';
import type { Network } from './network.ts';
import { assertShims, bypassesShims, installShims, powerRequest } from './shims.ts';
import type { Instance } from './state.ts';

const SYSTEM_PATH = ['/usr/local/sbin', '/usr/local/bin', '/usr/sbin', '/usr/bin', '/sbin', '/bin'];
/** GetConsoleOutput gives the newest 64 KiB. */
const CONSOLE_BYTES = 64 * 1024;
/** Sessions of an instance role, as EC2 issues them; renewed when under ten minutes are left. */
const SESSION_SECONDS = 6 * 3600;
const RENEW_BEFORE_MS = 10 * 60_000;

interface Machine {
  readonly instance: Instance;
  readonly secret: string;
  readonly imds: Imds;
  readonly process: LeashedProcess;
  cancelPower?: Cancel;
}

export interface HypervisorOptions {
  readonly context: ServiceContext;
  readonly network: Network;
  readonly images: Readonly<Record<string, Image>>;
  readonly shutdownGraceMs: number;
  /** The machine asked to be switched off from inside. */
  onPowerOff(instanceId: string): void;
}

export class Hypervisor {
  readonly #options: HypervisorOptions;
  readonly #machines = new Map<string, Machine>();
  #power: Promise<{ server: Server; port: number }> | undefined;

  constructor(options: HypervisorOptions) {
    this.#options = options;
  }

  get running(): readonly string[] {
    return [...this.#machines.keys()];
  }

  /** Metadata service of a running machine. */
  imdsUrl(instanceId: string): string | undefined {
    return this.#machines.get(instanceId)?.imds.url;
  }

  /** Pid of the machine's init process. */
  pid(instanceId: string): number | undefined {
    return this.#machines.get(instanceId)?.process.pid;
  }

  folder(instanceId: string): string {
    return join(this.#options.context.stateDir, 'ec2', 'instances', instanceId);
  }

  async boot(instance: Instance): Promise<void> {
    const image = this.#options.images[instance.imageId];
    if (!image) throw new Error(`No image ${instance.imageId}`);
    const folder = this.folder(instance.id);
    const disk = join(folder, 'disk');
    const shims = join(folder, 'power');
    for (const part of ['home', 'tmp', 'work']) mkdirSync(join(disk, part), { recursive: true, mode: 0o700 });
    const secret = randomBytes(16).toString('hex');
    const { port } = await this.#powerLine();
    installShims(shims, { port, secret });
    assertShims(shims);
    const script = this.#script(instance, folder);
    const imds = await this.#startImds(instance);
    const process = spawnLeashed('/bin/bash', ['-c', INIT, 'init', script], {
      cwd: join(disk, 'work'),
      env: {
        ...image.env,
        PATH: [shims, ...image.path, ...SYSTEM_PATH].join(delimiter),
        HOME: join(disk, 'home'),
        TMPDIR: join(disk, 'tmp'),
        AWS_EC2_METADATA_SERVICE_ENDPOINT: imds.url,
        AWS_ENDPOINT_URL: this.#options.context.endpoint(),
        AWS_REGION: this.#options.context.region,
      },
      stdout: { append: this.#console(instance.id) },
      stderr: { append: this.#console(instance.id) },
    });
    this.#machines.set(instance.id, { instance, secret, imds, process });
  }

  /** SIGTERM to everything in the machine, SIGKILL after the grace; its disk is gone afterwards. */
  async halt(instanceId: string): Promise<void> {
    const machine = this.#machines.get(instanceId);
    if (machine) {
      this.#machines.delete(instanceId);
      machine.cancelPower?.();
      await drain(machine.process, this.#options.shutdownGraceMs);
      await machine.imds.close();
    }
    rmSync(join(this.folder(instanceId), 'disk'), { recursive: true, force: true, maxRetries: 3 });
  }

  /** The host dies: no signal to react to. */
  async kill(instanceId: string): Promise<void> {
    this.#machines.get(instanceId)?.process.signal('SIGKILL', 'group');
    await this.halt(instanceId);
  }

  /** Everything the instance's boot printed, the newest 64 KiB. */
  console(instanceId: string): Buffer {
    let file: number;
    try {
      file = openSync(this.#console(instanceId), 'r');
    } catch {
      return Buffer.alloc(0);
    }
    try {
      const { size } = fstatSync(file);
      const bytes = Buffer.alloc(Math.min(size, CONSOLE_BYTES));
      readSync(file, bytes, 0, bytes.length, size - bytes.length);
      return bytes;
    } finally {
      closeSync(file);
    }
  }

  /** Removes what is left of instances that are no longer described. */
  forget(instanceId: string): void {
    rmSync(this.folder(instanceId), { recursive: true, force: true, maxRetries: 3 });
  }

  async close(): Promise<void> {
    await Promise.all(this.running.map((id) => this.halt(id)));
    const power = await this.#power;
    await new Promise<void>((resolve) => (power ? power.server.close(() => resolve()) : resolve()));
  }

  #console(instanceId: string): string {
    return join(this.folder(instanceId), 'console.log');
  }

  /** The user data as a file; what cloud-init would not run is said on the console and not run here either. */
  #script(instance: Instance, folder: string): string {
    const path = join(folder, 'user-data');
    let bytes = Buffer.from(instance.userData ?? '', 'base64');
    if (bytes[0] === 0x1f && bytes[1] === 0x8b) bytes = gunzipSync(bytes);
    const text = bytes.toString('utf8');
    const refused = bypassesShims(text);
    if (refused !== undefined) throw new Error(`User data calls ${refused}, which would switch off this very machine`);
    if (bytes.length > 0 && !text.startsWith('#!'))
      appendFileSync(this.#console(instance.id), 'user-data does not start with #!: not a script, not run\n');
    writeFileSync(path, text.startsWith('#!') ? bytes : '', { mode: 0o700 });
    return path;
  }

  #startImds(instance: Instance): Promise<Imds> {
    const { context, network } = this.#options;
    const groups = instance.securityGroupIds.map((id) => network.group(id)?.name ?? id);
    const credentials = this.#credentials(instance);
    return startImds({
      now: () => context.clock.now(),
      tokensRequired: instance.metadata.httpTokens === 'required',
      enabled: instance.metadata.httpEndpoint === 'enabled',
      tree: () =>
        metadataTree({
          instance,
          region: context.region,
          accountId: context.accountId,
          zoneId: network.subnet(instance.subnetId)?.zoneId ?? '',
          architecture: INSTANCE_TYPES.get(instance.type)?.architecture ?? 'x86_64',
          vpcId: network.vpcId,
          securityGroups: groups,
          credentials,
        }),
    });
  }

  /** Credentials of the instance's role, the session named after the instance, renewed before they expire. */
  #credentials(instance: Instance): () => Promise<string | undefined> {
    const { context } = this.#options;
    let issued: { text: string; expires: number } | undefined;
    return async () => {
      if (instance.roleName === undefined) return undefined;
      const now = context.clock.now();
      if (!issued || issued.expires - now < RENEW_BEFORE_MS) {
        const session = context.iam.issueSession(instance.roleName, instance.id, SESSION_SECONDS);
        const expires = session.expiration.getTime();
        const text = JSON.stringify(
          {
            Code: 'Success',
            LastUpdated: new Date(now).toISOString().replace(/\.\d+Z$/, 'Z'),
            Type: 'AWS-HMAC',
            AccessKeyId: session.accessKeyId,
            SecretAccessKey: session.secretAccessKey,
            Token: session.sessionToken,
            Expiration: new Date(expires).toISOString().replace(/\.\d+Z$/, 'Z'),
          },
          null,
          2,
        );
        issued = { text, expires };
      }
      return issued.text;
    };
  }

  #powerLine(): Promise<{ server: Server; port: number }> {
    this.#power ??= new Promise((resolve, reject) => {
      const server = createServer((socket) => this.#listen(socket));
      server.once('error', reject);
      server.listen(0, '127.0.0.1', () => resolve({ server, port: (server.address() as AddressInfo).port }));
    });
    return this.#power;
  }

  #listen(socket: Socket): void {
    let text = '';
    socket.setEncoding('utf8');
    socket.on('error', () => socket.destroy());
    socket.setTimeout(5_000, () => socket.destroy());
    socket.on('data', (chunk: string) => {
      text += chunk;
      if (text.length > 4_096) return socket.destroy();
      const end = text.indexOf('\n');
      if (end < 0) return;
      const [secret = '', command = '', ...args] = text.slice(0, end).trim().split(/\s+/);
      socket.end(`${this.#press(secret, command, args)}\n`);
    });
  }

  #press(secret: string, command: string, args: string[]): string {
    const machine = [...this.#machines.values()].find((each) => each.secret === secret);
    if (!machine) return 'no such machine';
    const request = powerRequest(command, args);
    if (request.kind === 'none') return 'ok';
    machine.cancelPower?.();
    machine.cancelPower = undefined;
    if (request.kind === 'cancel') return 'ok';
    // A reboot ends what runs; user data isn't run again, as with cloud-init.
    const act = () => {
      if (request.kind === 'off') this.#options.onPowerOff(machine.instance.id);
      else machine.process.signal('SIGUSR1');
    };
    machine.cancelPower = this.#options.context.clock.after(request.afterMs, act);
    return 'ok';
  }
}

/**
 * A machine's first process: runs the user data and stays when that ends, as a machine does. SIGUSR1 (reboot) ends
 * whatever runs but itself; SIGTERM (shutdown) it outlives, so that the others have their grace. Blocks without a child.
 */
const INIT = `trap : TERM
trap 'trap "" TERM; kill -TERM 0; trap : TERM' USR1
/bin/bash "$1" &
child=$!
while kill -0 $child 2>/dev/null; do wait $child; code=$?; done
echo "user-data finished with exit code $code"
exec 9<> <(:)
while :; do read -r -u 9 _ || sleep 1; done
`;

/** Whether the group still has a process beside its init and the leash's watcher; true where that can't be seen. */
function othersRun(init: number): boolean {
  let pids: string[];
  try {
    pids = readdirSync('/proc').filter((name) => /^\d+$/.test(name) && Number(name) !== init);
  } catch {
    return true;
  }
  return pids.some((pid) => {
    try {
      const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
      const [state, , group] = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
      if (Number(group) !== init || state === 'Z') return false;
      return !readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes('leash.sh');
    } catch {
      return false;
    }
  });
}

async function drain(process: LeashedProcess, graceMs: number): Promise<void> {
  process.signal('SIGTERM', 'group');
  const end = performance.now() + graceMs;
  while (process.exit === undefined && performance.now() < end && othersRun(process.pid)) await pause(20);
  process.signal('SIGKILL', 'group');
  await process.exited;
}
