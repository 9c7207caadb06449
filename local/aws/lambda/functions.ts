// Lambda's control state: functions with their versions and aliases, durable; code as zip files named by their hash and
// unpacked once. actions.ts changes it over REST, invoker.ts runs from it.
import { createHash, randomUUID } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';
import { unzipSync } from 'fflate';
import type { Clock } from '../../../cloud/clock.ts';
import { Journal } from '../ec2/journal.ts';
import { AwsServiceError } from '../service.ts';

/** Lambda's own limits: zip in the request, everything unpacked. */
export const ZIP_BYTES = 50 * 1024 * 1024;
export const UNPACKED_BYTES = 250 * 1024 * 1024;

export interface FunctionVersion {
  readonly name: string;
  /** `$LATEST` or a number. */
  readonly version: string;
  readonly arn: string;
  readonly description: string;
  readonly runtime: string;
  readonly handler: string;
  readonly role: string;
  readonly memoryMb: number;
  readonly timeoutSeconds: number;
  readonly architectures: readonly string[];
  readonly environment: Readonly<Record<string, string>>;
  readonly ephemeralMb: number;
  readonly codeSha256: string;
  readonly codeSize: number;
  readonly modifiedAt: number;
  readonly revisionId: string;
}

export interface Alias {
  readonly name: string;
  readonly version: string;
  readonly description: string;
  readonly revisionId: string;
}

export interface LambdaFunction {
  readonly name: string;
  latest: FunctionVersion;
  versions: FunctionVersion[];
  aliases: Alias[];
  /** Highest version ever published: numbers are never used twice. */
  published: number;
  reservedConcurrency?: number;
  tags: Record<string, string>;
}

export class Functions {
  readonly #journal: Journal<LambdaFunction>;
  readonly #folder: string;
  readonly #clock: Clock;

  constructor(folder: string, clock: Clock) {
    this.#folder = folder;
    this.#clock = clock;
    this.#journal = new Journal(join(folder, 'functions.jsonl'));
    mkdirSync(join(folder, 'code'), { recursive: true });
  }

  all(): LambdaFunction[] {
    return [...this.#journal.values()].sort((a, b) => (a.name < b.name ? -1 : 1));
  }

  has(name: string): boolean {
    return this.#journal.has(name);
  }

  get(name: string, arn: string): LambdaFunction {
    const found = this.#journal.get(name);
    if (!found)
      throw new AwsServiceError('ResourceNotFoundException', `Function not found: ${arn}`, 404, { Type: 'User' });
    return found;
  }

  /** A version, an alias' version, or `$LATEST` when nothing is named. */
  version(name: string, qualifier: string | undefined, arn: string): FunctionVersion {
    const found = this.get(name, arn);
    if (qualifier === undefined || qualifier === '$LATEST') return found.latest;
    const alias = found.aliases.find((each) => each.name === qualifier);
    const version = alias?.version ?? qualifier;
    if (version === '$LATEST') return found.latest;
    const published = found.versions.find((each) => each.version === version);
    if (!published)
      throw new AwsServiceError('ResourceNotFoundException', `Function not found: ${arn}:${qualifier}`, 404, {
        Type: 'User',
      });
    return published;
  }

  save(changed: LambdaFunction): void {
    this.#journal.set(changed.name, changed);
  }

  /** `changes` over $LATEST, with a new revision. */
  update(changed: LambdaFunction, changes: Partial<FunctionVersion>): void {
    changed.latest = { ...changed.latest, ...changes, modifiedAt: this.#clock.now(), revisionId: randomUUID() };
    this.save(changed);
  }

  /** Publishing what hasn't changed since the newest version gives that version. */
  publish(changed: LambdaFunction, description?: string): FunctionVersion {
    const newest = changed.versions.at(-1);
    const same = (a: FunctionVersion, b: FunctionVersion) =>
      JSON.stringify(comparable(a)) === JSON.stringify(comparable(b));
    if (newest && same(newest, changed.latest)) return newest;
    changed.published += 1;
    const version: FunctionVersion = {
      ...changed.latest,
      version: String(changed.published),
      arn: `${changed.latest.arn}:${changed.published}`,
      description: description ?? changed.latest.description,
      modifiedAt: this.#clock.now(),
      revisionId: randomUUID(),
    };
    changed.versions.push(version);
    this.save(changed);
    return version;
  }

  delete(name: string): void {
    this.#journal.delete(name);
    this.#dropUnusedCode();
  }

  /** Keeps a zip; refuses one that is too large or not a zip. */
  storeCode(zip: Buffer): { codeSha256: string; codeSize: number } {
    if (zip.length > ZIP_BYTES)
      throw new AwsServiceError(
        'RequestEntityTooLargeException',
        `Zipped size must be smaller than ${ZIP_BYTES} bytes`,
        413,
      );
    let unpacked = 0;
    try {
      unzipSync(zip, {
        filter: (file) => {
          unpacked += file.originalSize;
          return false;
        },
      });
    } catch {
      throw invalid('Could not unzip uploaded file. Please check your file, then try to upload again.');
    }
    if (unpacked > UNPACKED_BYTES) throw invalid(`Unzipped size must be smaller than ${UNPACKED_BYTES} bytes`);
    const sha = createHash('sha256').update(zip).digest();
    writeAtomically(this.#zipPath(sha.toString('base64')), zip);
    return { codeSha256: sha.toString('base64'), codeSize: zip.length };
  }

  zip(codeSha256: string): Buffer {
    return readFileSync(this.#zipPath(codeSha256));
  }

  /** The task root of this code, unpacked when first asked for. */
  taskRoot(codeSha256: string): string {
    const root = join(this.#folder, 'code', hex(codeSha256));
    if (existsSync(root)) return root;
    const draft = `${root}.${randomUUID()}`;
    mkdirSync(draft, { recursive: true });
    for (const [name, bytes] of Object.entries(unzipSync(this.zip(codeSha256)))) {
      const path = normalize(join(draft, name));
      if (!path.startsWith(`${draft}/`)) continue;
      if (name.endsWith('/')) mkdirSync(path, { recursive: true });
      else {
        mkdirSync(dirname(path), { recursive: true });
        writeFileSync(path, bytes);
      }
    }
    renameSync(draft, root);
    return root;
  }

  close(): void {
    this.#journal.close();
  }

  #zipPath(codeSha256: string): string {
    return join(this.#folder, 'code', `${hex(codeSha256)}.zip`);
  }

  #dropUnusedCode(): void {
    const versions = this.all().flatMap((each) => [each.latest, ...each.versions]);
    const used = new Set(versions.map((version) => hex(version.codeSha256)));
    for (const file of readdirSync(join(this.#folder, 'code')))
      if (!used.has(file.replace(/\.zip$/, '')))
        rmSync(join(this.#folder, 'code', file), { recursive: true, force: true });
  }
}

/** What makes two versions differ: configuration and code, not names and times. */
function comparable(version: FunctionVersion): object {
  const { version: _v, arn: _a, description: _d, modifiedAt: _m, revisionId: _r, ...rest } = version;
  return rest;
}

const hex = (base64: string) => Buffer.from(base64, 'base64').toString('hex');

function writeAtomically(path: string, bytes: Buffer): void {
  const draft = `${path}.${randomUUID()}`;
  writeFileSync(draft, bytes);
  renameSync(draft, path);
}

export function invalid(message: string): AwsServiceError {
  return new AwsServiceError('InvalidParameterValueException', message, 400, { Type: 'User' });
}
