// Two people of one installation on the embedded API, with a whole operator on stand-ins of AWS: the attacker, who acts through the kubeconfig
// that `npm run kubeconfig` prints, and the other, who has data, a model and a running training.
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { AuditEntry } from '../../cloud/audit.ts';
import type { TrainingJob } from '../../crds/crds.generated.ts';
import { API_VERSION, namespaceOf } from '../../crds/objects.ts';
import { administratorOf } from '../../local/access/administrator.ts';
import { kubeconfigFor } from '../../local/access/kubeconfig.ts';
import { tokenFor } from '../../local/access/token.ts';
import type { AuditEvent } from '../../local/kubernetes/access/audit.ts';
import { connect } from '../../operator/runtime/connection.ts';
import { kubernetes, type Kubernetes, type KubeObject } from '../../operator/runtime/kubernetes.ts';
import { ACCOUNTS, TRAINING_JOBS } from '../../operator/runtime/resources.ts';
import { eventually, startCluster, type Cluster } from '../operator/cluster.ts';
import { World } from '../operator/world.ts';

export class People {
  readonly cluster: Cluster;
  readonly world: World;
  readonly me: string;
  /** Begins with the attacker's id. */
  readonly you: string;
  /** As the attacker. */
  readonly mine: Kubernetes;
  readonly token: string;
  readonly #folder: string;

  private constructor(
    cluster: Cluster,
    world: World,
    you: string,
    access: { mine: Kubernetes; token: string; folder: string },
  ) {
    this.cluster = cluster;
    this.world = world;
    this.me = world.userId;
    this.you = you;
    this.mine = access.mine;
    this.token = access.token;
    this.#folder = access.folder;
  }

  static async start(): Promise<People> {
    const cluster = await startCluster();
    const world = new World(cluster);
    await world.operate();
    await world.account();
    const you = `${world.userId}2`;
    const account = {
      apiVersion: API_VERSION,
      kind: 'Account',
      metadata: { name: `user-${you}` },
      spec: { userId: you },
    };
    await cluster.client.create(ACCOUNTS, account);
    const admin = administratorOf({ kubeconfig: cluster.server.kubeconfigPath, context: undefined }, {});
    await eventually(() => tokenFor(cluster.client, you, 3600));
    const { token } = await eventually(() => tokenFor(cluster.client, world.userId, 3600));
    const folder = mkdtempSync(join(tmpdir(), 'isolation-'));
    const file = join(folder, 'kubeconfig');
    writeFileSync(file, kubeconfigFor(world.userId, admin.cluster, token), { mode: 0o600 });
    const mine = kubernetes(await connect({ KUBECONFIG: file }));
    const people = new People(cluster, world, you, { mine, token, folder });
    await people.#furnish();
    return people;
  }

  async #furnish(): Promise<void> {
    const { world, you } = this;
    world.model('model');
    world.bucket.set(`datasets/user_${you}/a.csv`, 'age,sum,class\n1,2,secret\n');
    world.bucket.set(`models/user_${you}/secret/model.onnx`, 'theirs');
    world.bucket.set(`models/user_${you}/secret/manifest.json`, '{}');
    world.bucket.set(`predictions/user_${you}/uid/predictions.csv`, 'theirs');
    await this.cluster.client.create(TRAINING_JOBS, {
      apiVersion: API_VERSION,
      kind: 'TrainingJob',
      metadata: { name: 'theirs', namespace: namespaceOf(you) },
      spec: { dataset: { uri: `s3://bucket/datasets/user_${you}/a.csv` }, target: 'class', model: { id: 'of-theirs' } },
    } as KubeObject);
    await eventually(async () => (await this.theirs()).status?.instanceId);
  }

  theirs(): Promise<TrainingJob> {
    return this.cluster.client.get<TrainingJob>(TRAINING_JOBS, 'theirs', namespaceOf(this.you));
  }

  /** What was looked at or written of the other's data, by anybody, beyond what the training of the other's own needs. */
  touched(): string[] {
    const { you, world } = this;
    const data = new RegExp(`(datasets|models|predictions)/user_${you}/`);
    const needed = [
      `head datasets/user_${you}/a.csv`,
      `get datasets/user_${you}/a.csv`,
      `head models/user_${you}/of-theirs/manifest.json`,
    ];
    // Lists are the operator's own count of what each account stores.
    return world.bucket.calls.filter((call) => data.test(call) && !call.startsWith('list ') && !needed.includes(call));
  }

  /** Entries of the product's audit trail about an object of a namespace. */
  entries(resource: string): AuditEntry[] {
    const { bucket } = this.world;
    return bucket
      .keys('audit/')
      .map((key) => bucket.json<AuditEntry>(key) as AuditEntry)
      .filter((entry) => entry.resource === resource);
  }

  /** Of the API's audit log, newest last. */
  events(): AuditEvent[] {
    const log = readFileSync(join(this.cluster.server.kubeconfigPath, '..', 'audit.log'), 'utf8');
    return log
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => JSON.parse(line) as AuditEvent);
  }

  async close(): Promise<void> {
    this.mine.close();
    await this.world.close();
    await this.cluster.close();
    rmSync(this.#folder, { recursive: true, force: true });
  }
}
