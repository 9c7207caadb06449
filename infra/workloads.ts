// The installation inside a cluster: definitions, namespace, RBAC, settings, operator and bot, from the pure manifests of manifests/. A destroy
// goes the other way round: bot, operator, then the definitions; whoever destroys removes custom resources first (docs/deploy.md).
import * as k8s from '@pulumi/kubernetes';
import * as pulumi from '@pulumi/pulumi';
import { checksumOf, configMap, tokenSecret, type Environment } from './manifests/configuration.ts';
import { definitions, permissions } from './manifests/definitions.ts';
import { deployment, disruptionBudget, type DeploymentFacts } from './manifests/deployment.ts';
import { networkPolicies } from './manifests/network.ts';
import type { KubernetesObject, ProgramName } from './manifests/object.ts';

export interface WorkloadsArgs {
  provider: k8s.Provider;
  namespace: string;
  installation: string;
  /** By digest. */
  images: Readonly<Record<ProgramName, pulumi.Input<string>>>;
  operatorEnvironment: pulumi.Input<Environment>;
  botEnvironment: pulumi.Input<Environment>;
  /** A secret. */
  telegramToken: pulumi.Output<string>;
  spotNodes: boolean;
  paused: boolean;
}

type Kind = new (name: string, object: never, options: pulumi.CustomResourceOptions) => pulumi.CustomResource;

/** All kinds that manifests/ has. Untyped there: the API server refuses what it does not know. */
const KINDS: Readonly<Record<string, Kind>> = {
  CustomResourceDefinition: k8s.apiextensions.v1.CustomResourceDefinition,
  Namespace: k8s.core.v1.Namespace,
  ServiceAccount: k8s.core.v1.ServiceAccount,
  ClusterRole: k8s.rbac.v1.ClusterRole,
  ClusterRoleBinding: k8s.rbac.v1.ClusterRoleBinding,
  Role: k8s.rbac.v1.Role,
  RoleBinding: k8s.rbac.v1.RoleBinding,
  ConfigMap: k8s.core.v1.ConfigMap,
  Secret: k8s.core.v1.Secret,
  Deployment: k8s.apps.v1.Deployment,
  PodDisruptionBudget: k8s.policy.v1.PodDisruptionBudget,
  NetworkPolicy: k8s.networking.v1.NetworkPolicy,
};

export class Workloads extends pulumi.ComponentResource {
  readonly #options: pulumi.CustomResourceOptions;

  constructor(name: string, args: WorkloadsArgs, options?: pulumi.ComponentResourceOptions) {
    super('spotlearn:kubernetes:Workloads', name, {}, options);
    this.#options = { parent: this, provider: args.provider };
    const { namespace, installation, telegramToken } = args;
    // The jobs' database: a definition that goes takes every job along.
    const defined = definitions().map((object) => this.#make(object, [], { protect: true }));
    const [first, ...others] = permissions();
    const room = first ? [this.#make(first, [])] : [];
    const permitted = others.map((object) => this.#make(object, room));
    const fences = [...networkPolicies(namespace), disruptionBudget(namespace, installation)].map((object) =>
      this.#make(object, room),
    );
    const token = this.#make(
      { ...tokenSecret(namespace, installation, ''), stringData: { TELEGRAM_TOKEN: telegramToken } },
      room,
    );
    const before = [...defined, ...permitted, ...fences];
    const run = (program: ProgramName, environment: pulumi.Input<Environment>, after: pulumi.Resource[]) => {
      const settings = pulumi
        .output(environment)
        .apply((values) => configMap(program, namespace, installation, values));
      const map = this.#make(
        { ...configMap(program, namespace, installation, {}), data: settings.apply(({ data }) => data) },
        room,
      );
      // Hashed, the token may stand in a template, yet one can try tokens against a hash: the hash is of hash and settings.
      const checksum = pulumi
        .all([settings, program === 'bot' ? telegramToken : ''])
        .apply(([{ data }, secret]) => checksumOf(data, checksumOf(secret)));
      const facts = pulumi.all([args.images[program], pulumi.unsecret(checksum)]).apply(
        ([image, hash]): DeploymentFacts => ({
          ...{ namespace, installation, image, checksum: hash, spotNodes: args.spotNodes, paused: args.paused },
        }),
      );
      const shape = deployment(program, {
        namespace,
        installation,
        image: '',
        checksum: '',
        spotNodes: args.spotNodes,
        paused: args.paused,
      });
      return this.#make({ ...shape, spec: facts.apply((known) => deployment(program, known)['spec'] as object) }, [
        ...before,
        map,
        ...after,
      ]);
    };
    const operator = run('operator', args.operatorEnvironment, []);
    run('bot', args.botEnvironment, [operator, token]);
    this.registerOutputs({});
  }

  #make(
    object: KubernetesObject,
    dependsOn: pulumi.Resource[],
    more: pulumi.CustomResourceOptions = {},
  ): pulumi.Resource {
    const { kind, metadata } = object;
    const Made = KINDS[kind];
    if (!Made) throw new Error(`The manifests have a ${kind}, which workloads.ts does not know how to make`);
    return new Made(`${kind}-${metadata.name}`.toLowerCase(), object as never, {
      ...this.#options,
      dependsOn,
      ...more,
    });
  }
}
