// Where a cluster gets its images from: a repository each, and the image built from its context (npm run images) and pushed by `pulumi up`,
// tagged by the context's hash; or, for those that the configuration names by digest, that image and nothing of ours.
import * as aws from '@pulumi/aws';
import * as docker from '@pulumi/docker-build';
import * as pulumi from '@pulumi/pulumi';
import type { Context } from './artefacts.ts';
import { IMAGES, type ImageName } from './naming.ts';

export interface RegistryArgs {
  /** Of the installation. */
  name: string;
  /** References given by digest. */
  given: Partial<Record<ImageName, string>>;
  /** Of the images that are not given. */
  contexts: Partial<Record<ImageName, Context>>;
  kmsKeyArn?: string;
}

const KEPT_IMAGES = 10;
const PLATFORMS: docker.Platform[] = ['linux/amd64', 'linux/arm64'];

export class Registry extends pulumi.ComponentResource {
  /** By digest. */
  readonly references: Readonly<Record<ImageName, pulumi.Output<string>>>;

  constructor(name: string, args: RegistryArgs, options?: pulumi.ComponentResourceOptions) {
    super('spotlearn:registry:Registry', name, {}, options);
    const references = IMAGES.map((image): [ImageName, pulumi.Output<string>] => {
      const given = args.given[image];
      const context = args.contexts[image];
      if (given !== undefined) return [image, pulumi.output(given)];
      if (context === undefined) throw new Error(`There is neither a reference nor a context for the image ${image}`);
      return [image, this.#build(name, image, context, args)];
    });
    this.references = Object.fromEntries(references) as Record<ImageName, pulumi.Output<string>>;
    this.registerOutputs({});
  }

  #build(name: string, image: ImageName, context: Context, args: RegistryArgs): pulumi.Output<string> {
    const repository = new aws.ecr.Repository(
      `${name}-${image}`,
      {
        name: `${args.name}/${image}`,
        imageTagMutability: 'IMMUTABLE',
        imageScanningConfiguration: { scanOnPush: true },
        encryptionConfigurations: [
          args.kmsKeyArn === undefined
            ? { encryptionType: 'AES256' }
            : { encryptionType: 'KMS', kmsKey: args.kmsKeyArn },
        ],
        // Images are made again by the next `pulumi up`: nothing is lost with them.
        forceDelete: true,
      },
      { parent: this },
    );
    new aws.ecr.LifecyclePolicy(
      `${name}-${image}`,
      { repository: repository.name, policy: JSON.stringify(lifecycle) },
      { parent: repository },
    );
    const login = aws.ecr.getAuthorizationTokenOutput({ registryId: repository.registryId }, { parent: repository });
    return new docker.Image(
      `${name}-${image}`,
      {
        context: { location: context.path },
        dockerfile: { location: `${context.path}/Dockerfile` },
        platforms: PLATFORMS,
        push: true,
        buildOnPreview: false,
        tags: [pulumi.interpolate`${repository.repositoryUrl}:${context.sha256.slice(0, 16)}`],
        registries: [
          {
            address: repository.repositoryUrl,
            username: login.userName,
            password: pulumi.secret(login.password),
          },
        ],
      },
      { parent: repository },
    ).ref;
  }
}

const lifecycle = {
  rules: [
    {
      rulePriority: 1,
      description: 'What no tag names goes after a day',
      selection: { tagStatus: 'untagged', countType: 'sinceImagePushed', countUnit: 'days', countNumber: 1 },
      action: { type: 'expire' },
    },
    {
      rulePriority: 2,
      description: `The newest ${KEPT_IMAGES} stay, to go back to`,
      selection: { tagStatus: 'any', countType: 'imageCountMoreThan', countNumber: KEPT_IMAGES },
      action: { type: 'expire' },
    },
  ],
};
