// The launch template's user data: trainer/boot.sh with the installation's own facts filled in. Static – no job and no user's
// text is ever part of it (decision 2). EC2 takes at most 16 KiB. Its dead-man switch and `shutdown -h now` rely on the launch
// template's InstanceInitiatedShutdownBehavior: terminate.
import { readFileSync } from 'node:fs';

export interface BootFacts {
  readonly bucket: string;
  readonly region: string;
  readonly roleId: string;
  readonly bundleKey: string;
  readonly bundleSha256: string;
  /** What an arm64 machine runs; without it such a machine finds no bundle of its own. */
  readonly arm64?: { readonly bundleKey: string; readonly bundleSha256: string };
  readonly logGroup: string;
}

const ALLOWED = /^[\w./:-]+$/;

/** Renders the script. Throws when a fact is not plain text or a placeholder is left. */
export function userData(
  facts: BootFacts,
  template = readFileSync(new URL('../trainer/boot.sh', import.meta.url), 'utf8'),
): string {
  const values: Record<string, string> = {
    BUCKET: facts.bucket,
    REGION: facts.region,
    ROLE_ID: facts.roleId,
    BUNDLE_KEY: facts.bundleKey,
    BUNDLE_SHA256: facts.bundleSha256,
    BUNDLE_KEY_ARM64: facts.arm64?.bundleKey ?? '-',
    BUNDLE_SHA256_ARM64: facts.arm64?.bundleSha256 ?? '-',
    LOG_GROUP: facts.logGroup,
  };
  const script = template.replace(/\{\{([A-Z0-9_]+)\}\}/g, (_, name: string) => {
    const value = values[name];
    if (value === undefined) throw new Error(`boot.sh asks for {{${name}}}, which nobody provides`);
    if (!ALLOWED.test(value)) throw new Error(`${name} is not plain text: ${JSON.stringify(value)}`);
    return value;
  });
  if (Buffer.byteLength(script) > 16_384) throw new Error('The user data is above 16 KiB, the most EC2 takes');
  return script;
}
