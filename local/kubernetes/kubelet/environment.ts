// What a container's process gets: environment, command line and volumes. A process has no mount namespace, so volumes are
// folders, and every mountPath (or path below it) in the pod's command, arguments and environment is rewritten to its folder;
// KUBELET_MOUNTS holds the whole table as JSON ({"/etc/config": "/…/volumes/config"}) for programs that build paths.
import { mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { dirname, join, normalize } from 'node:path';
import type { KubeObject } from '../api.ts';
import { type Container, type EnvVar, podSpec, type Volume, type VolumeItems } from './pod.ts';

/** How an image is run here: the command stands for its entry point. */
export interface ImageRunner {
  readonly command: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
}

/** Reads an object of the pod's namespace; undefined when there is none. */
export type ReadObject = (
  kind: 'configmaps' | 'secrets' | 'serviceaccounts',
  name: string,
) => Promise<KubeObject | undefined>;

/** The pod can't start yet: kubelet's CreateContainerConfigError. */
export class ConfigError extends Error {}

export interface Launch {
  readonly command: string;
  readonly args: readonly string[];
  readonly env: Record<string, string>;
  readonly cwd: string | undefined;
}

/** With or without its tag. */
export function findImage(images: Readonly<Record<string, ImageRunner>>, image: string): ImageRunner | undefined {
  return images[image] ?? images[image.replace(/(:[\w.-]+)?(@sha256:\w+)?$/, '')];
}

/** `identity`: variables of the pod's IAM role (identity.ts); what the container declares itself wins. */
export async function prepareLaunch(
  pod: KubeObject,
  container: Container,
  runner: ImageRunner,
  volumesFolder: string,
  read: ReadObject,
  identity: Readonly<Record<string, string>> = {},
): Promise<Launch> {
  const mounts: Record<string, string> = {};
  for (const { name, mountPath, subPath } of container.volumeMounts ?? []) {
    mounts[mountPath.replace(/(.)\/+$/, '$1')] = join(volumesFolder, name, inside(subPath ?? '.'));
  }
  const env: Record<string, string> = {
    PATH: process.env['PATH'] ?? '/usr/local/bin:/usr/bin:/bin',
    HOSTNAME: pod.metadata.name,
    ...runner.env,
    ...identity,
  };
  // The runner's own paths are this machine's: they may lie below what is a mountPath inside, such as /tmp.
  for (const [name, value] of Object.entries(await declaredEnv(pod, container, read)))
    env[name] = rewritten(value, mounts);
  env['KUBELET_MOUNTS'] = JSON.stringify(mounts);
  const inPod = (words: readonly string[] = []) => words.map((word) => rewritten(expanded(word, env), mounts));
  const line = [
    ...(container.command === undefined ? runner.command : inPod(container.command)),
    ...inPod(container.args),
  ];
  const [command, ...args] = line;
  if (command === undefined) throw new ConfigError(`container ${container.name} has no command`);
  const cwd = container.workingDir === undefined ? undefined : rewritten(container.workingDir, mounts);
  return { command, args, env, cwd };
}

async function declaredEnv(pod: KubeObject, container: Container, read: ReadObject): Promise<Record<string, string>> {
  const env: Record<string, string> = {};
  for (const { prefix = '', configMapRef, secretRef } of container.envFrom ?? []) {
    const [kind, ref] =
      configMapRef === undefined ? (['secrets', secretRef] as const) : (['configmaps', configMapRef] as const);
    if (ref === undefined) continue;
    const object = await read(kind, ref.name);
    if (object === undefined && ref.optional !== true) throw missing(kind, ref.name);
    for (const [key, value] of contents(kind, object)) env[`${prefix}${key}`] = value.toString();
  }
  for (const one of container.env ?? []) {
    const value = await envValue(pod, container, one, read);
    if (value !== undefined) env[one.name] = expanded(value, env);
  }
  return env;
}

async function envValue(
  pod: KubeObject,
  container: Container,
  { value, valueFrom }: EnvVar,
  read: ReadObject,
): Promise<string | undefined> {
  if (valueFrom?.fieldRef !== undefined) return fieldValue(pod, valueFrom.fieldRef.fieldPath);
  if (valueFrom?.resourceFieldRef !== undefined) {
    const [group = '', name = ''] = valueFrom.resourceFieldRef.resource.split(/\.(.*)/);
    return (group === 'limits' ? container.resources?.limits : container.resources?.requests)?.[name] ?? '0';
  }
  const kind = valueFrom?.secretKeyRef === undefined ? 'configmaps' : 'secrets';
  const ref = valueFrom?.secretKeyRef ?? valueFrom?.configMapKeyRef;
  if (ref === undefined) return value ?? '';
  const object = await read(kind, ref.name);
  const found = contents(kind, object).get(ref.key);
  if (found !== undefined) return found.toString();
  if (ref.optional) return undefined;
  if (object === undefined) throw missing(kind, ref.name);
  throw new ConfigError(`couldn't find key ${ref.key} in ${singular(kind)} ${pod.metadata.namespace}/${ref.name}`);
}

function fieldValue(pod: KubeObject, path: string): string {
  const keyed = /^metadata\.(labels|annotations)\['([^']+)'\]$/.exec(path);
  if (keyed !== null)
    return (keyed[1] === 'labels' ? pod.metadata.labels : pod.metadata.annotations)?.[keyed[2] ?? ''] ?? '';
  const known: Record<string, string | undefined> = {
    'metadata.name': pod.metadata.name,
    'metadata.namespace': pod.metadata.namespace,
    'metadata.uid': pod.metadata.uid,
    'spec.nodeName': podSpec(pod).nodeName,
    'spec.serviceAccountName': podSpec(pod).serviceAccountName,
    'status.podIP': '127.0.0.1',
    'status.hostIP': '127.0.0.1',
  };
  if (!Object.hasOwn(known, path)) throw new ConfigError(`unsupported fieldPath: ${path}`);
  return known[path] ?? '';
}

/** `$(NAME)` of what is known already; `$$(NAME)` is left as `$(NAME)`. */
function expanded(text: string, env: Readonly<Record<string, string>>): string {
  return text.replace(/\$\$|\$\(([A-Za-z_][\w.-]*)\)/g, (whole, name: string | undefined) =>
    name === undefined ? '$' : Object.hasOwn(env, name) ? (env[name] ?? '') : whole,
  );
}

/** Longest mount first, and only at whole path segments; in one pass, as folders may lie below what is a mountPath inside. */
function rewritten(text: string, mounts: Readonly<Record<string, string>>): string {
  const paths = Object.keys(mounts).sort((a, b) => b.length - a.length);
  if (paths.length === 0) return text;
  const any = paths.map((path) => path.replace(/[\\^$.*+?()[\]{}|]/g, '\\$&')).join('|');
  return text.replace(new RegExp(`(?<![\\w./-])(?:${any})(?![\\w.-])`, 'g'), (path) => mounts[path] ?? path);
}

/** Writes every volume of a pod below the folder; again, it brings them up to date. */
export async function writeVolumes(pod: KubeObject, folder: string, read: ReadObject): Promise<void> {
  for (const volume of podSpec(pod).volumes ?? []) await writeVolume(volume, join(folder, inside(volume.name)), read);
}

async function writeVolume(volume: Volume, folder: string, read: ReadObject): Promise<void> {
  await mkdir(folder, { recursive: true, mode: 0o700 });
  if (volume.configMap !== undefined)
    await writeKeys('configmaps', volume.configMap.name, volume.configMap, folder, read);
  else if (volume.secret !== undefined)
    await writeKeys('secrets', volume.secret.secretName, volume.secret, folder, read);
  else if (volume.emptyDir === undefined)
    throw new ConfigError(`volume ${volume.name}: only emptyDir, configMap and secret are supported`);
}

async function writeKeys(
  kind: 'configmaps' | 'secrets',
  name: string,
  { items, optional }: VolumeItems,
  folder: string,
  read: ReadObject,
): Promise<void> {
  const object = await read(kind, name);
  if (object === undefined) {
    if (optional === true) return;
    throw missing(kind, name);
  }
  const all = contents(kind, object);
  const wanted = items ?? [...all.keys()].map((key) => ({ key, path: key }));
  for (const { key, path } of wanted) {
    const content = all.get(key);
    if (content === undefined) {
      if (optional === true) continue;
      throw new ConfigError(`references non-existent ${singular(kind)} key: ${key}`);
    }
    await writeWhole(join(folder, inside(path)), content);
  }
}

/** A container that reads meanwhile sees the old content or the new, never half of it. */
async function writeWhole(file: string, content: Buffer): Promise<void> {
  const there = await readFile(file).catch(() => undefined);
  if (there?.equals(content)) return;
  await mkdir(dirname(file), { recursive: true, mode: 0o700 });
  await writeFile(`${file}.new`, content, { mode: 0o600 });
  await rename(`${file}.new`, file);
}

/** Never out of the folder. */
function inside(path: string): string {
  return normalize(join('/', path)).slice(1) || '.';
}

function contents(kind: 'configmaps' | 'secrets', object: KubeObject | undefined): Map<string, Buffer> {
  const all = new Map<string, Buffer>();
  if (object === undefined) return all;
  const data = (object['data'] ?? {}) as Record<string, string>;
  for (const [key, value] of Object.entries(data))
    all.set(key, Buffer.from(value, kind === 'secrets' ? 'base64' : 'utf8'));
  for (const [key, value] of Object.entries((object['binaryData'] ?? {}) as Record<string, string>))
    all.set(key, Buffer.from(value, 'base64'));
  return all;
}

function singular(kind: 'configmaps' | 'secrets'): string {
  return kind === 'secrets' ? 'Secret' : 'ConfigMap';
}

function missing(kind: 'configmaps' | 'secrets', name: string): ConfigError {
  return new ConfigError(`${singular(kind).toLowerCase()} ${JSON.stringify(name)} not found`);
}
