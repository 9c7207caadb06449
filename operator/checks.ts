// The check of the configuration against AWS (row 1.5): reported at /readyz and as gauges, repeated while something is missing. AWS
// away is no reason to crash: the jobs wait.
import type { Bucket } from '../cloud/bucket.ts';
import { type Clock, sleep } from '../cloud/clock.ts';
import type { Compute } from '../cloud/compute.ts';
import type { OperatorConfiguration } from '../cloud/configuration/configuration.ts';
import { CloudError } from '../cloud/errors.ts';
import type { Functions } from '../cloud/functions.ts';
import type { Check } from './runtime/health.ts';
import type { Logger } from './runtime/logging.ts';
import type { Metrics } from './runtime/metrics.ts';

export const CHECK_AGAIN_MS = 30_000;
export const CHECK_EVERY_MS = 900_000;

export interface ChecksOptions {
  configuration: OperatorConfiguration;
  bucket: Pick<Bucket, 'check'>;
  compute: Pick<Compute, 'checkLaunchTemplate' | 'checkImage' | 'checkSecurityGroup'>;
  functions: Pick<Functions, 'check'>;
  clock: Clock;
  logger: Logger;
  metrics: Pick<Metrics, 'up'>;
}

export class Checks {
  readonly #options: ChecksOptions;
  readonly #stop = new AbortController();
  #found: Record<string, Check> = {};
  #running: Promise<void> = Promise.resolve();

  constructor(options: ChecksOptions) {
    this.#options = options;
  }

  /** The newest answers, by dependency. */
  found(): Record<string, Check> {
    return this.#found;
  }

  start(): void {
    this.#running = this.#run();
  }

  async stop(): Promise<void> {
    this.#stop.abort();
    await this.#running;
  }

  async #run(): Promise<void> {
    while (!this.#stop.signal.aborted) {
      await this.once();
      const good = Object.values(this.#found).every(({ ok }) => ok);
      await sleep(this.#options.clock, good ? CHECK_EVERY_MS : CHECK_AGAIN_MS, this.#stop.signal);
    }
  }

  async once(): Promise<void> {
    const { configuration: settings, bucket, compute, functions, logger, metrics } = this.#options;
    const { imageArm64Id } = settings;
    const checks: Record<string, () => Promise<void>> = {
      bucket: () => bucket.check(),
      launchTemplate: () => compute.checkLaunchTemplate(settings.launchTemplateId),
      image: () => compute.checkImage(settings.imageId),
      ...(imageArm64Id === undefined ? {} : { imageArm64: () => compute.checkImage(imageArm64Id) }),
      securityGroup: () => compute.checkSecurityGroup(settings.securityGroupId),
      function: () => functions.check(settings.functionName),
    };
    const answers = await Promise.all(
      Object.entries(checks).map(async ([name, check]): Promise<[string, Check]> => {
        try {
          if (settings.cloudEnabled) await check();
          return [
            name,
            settings.cloudEnabled ? { ok: true } : { ok: true, message: 'not used: the cloud is switched off' },
          ];
        } catch (error) {
          const message = error instanceof CloudError ? error.message : 'the check failed';
          if (this.#found[name]?.ok !== false) logger.warn({ dependency: name, err: error }, 'dependency is missing');
          return [name, { ok: false, message }];
        }
      }),
    );
    for (const [name, { ok }] of answers) metrics.up(name, ok);
    this.#found = Object.fromEntries(answers);
  }
}
