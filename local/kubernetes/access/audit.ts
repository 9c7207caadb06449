// The audit trail of the API, as a kube-apiserver writes it with --audit-log-path at level Metadata (k8s.io/apiserver's audit/v1): one JSON line for
// every refused request and every changing one – who, what, which object, the answer, and nothing of what was sent.
import { randomUUID } from 'node:crypto';
import { closeSync, fstatSync, openSync, renameSync, writeSync } from 'node:fs';
import type { IncomingMessage } from 'node:http';
import { parseResourcePath, urlOf, verbOf } from '../http/request.ts';
import type { User } from './tokens.ts';

interface AuditUser {
  readonly username: string;
  readonly groups: readonly string[];
}

export interface AuditEvent {
  readonly kind: 'Event';
  readonly apiVersion: 'audit.k8s.io/v1';
  readonly level: 'Metadata';
  readonly auditID: string;
  readonly stage: 'ResponseComplete';
  readonly requestURI: string;
  readonly verb: string;
  /** Whose token it was; absent when nobody's. */
  readonly user?: AuditUser;
  readonly impersonatedUser?: AuditUser;
  readonly sourceIPs: readonly string[];
  readonly userAgent?: string;
  /** Absent for paths that are no resource's. */
  readonly objectRef?: {
    readonly resource: string;
    readonly namespace?: string;
    readonly name?: string;
    readonly apiGroup?: string;
    readonly apiVersion: string;
    readonly subresource?: string;
  };
  readonly responseStatus: { readonly code: number; readonly reason?: string; readonly message?: string };
  readonly requestReceivedTimestamp: string;
  readonly stageTimestamp: string;
  readonly annotations: { readonly 'authorization.k8s.io/decision': 'allow' | 'forbid' };
}

export type AuditSink = (event: AuditEvent) => void;

/** What becomes known of a request on its way. */
export interface Trail {
  readonly receivedAt: number;
  user?: User;
  impersonated?: User;
  /** Of an object that is being made: the path does not tell. */
  name?: string;
  reason?: string;
  message?: string;
}

const READS = new Set(['get', 'list', 'watch']);
/** Written all the time by everybody; only who was refused is of interest. */
const ROUTINE = new Set(['leases', 'events']);

/** Undefined: not worth a line. Whoever acts as somebody else always is. */
export function auditEvent(request: IncomingMessage, code: number, trail: Trail, now: number): AuditEvent | undefined {
  const { pathname, searchParams } = urlOf(request);
  const method = request.method ?? 'GET';
  const target = parseResourcePath(pathname);
  const verb = (target && verbOf(method, target, searchParams)) ?? method.toLowerCase();
  const refused = code === 401 || code === 403;
  const disguised = Object.keys(request.headers).some((header) => header.startsWith('impersonate-'));
  if (!refused && !disguised && (READS.has(verb) || verb === 'head' || ROUTINE.has(target?.plural ?? '')))
    return undefined;
  const { namespace, subresource, group } = target ?? {};
  const name = target?.name ?? trail.name;
  const agent = request.headers['user-agent'];
  return {
    kind: 'Event',
    apiVersion: 'audit.k8s.io/v1',
    level: 'Metadata',
    auditID: randomUUID(),
    stage: 'ResponseComplete',
    requestURI: (request.url ?? '').slice(0, 2_000),
    verb,
    ...(trail.user ? { user: auditUser(trail.user) } : {}),
    ...(trail.impersonated ? { impersonatedUser: auditUser(trail.impersonated) } : {}),
    sourceIPs: [request.socket.remoteAddress ?? ''],
    ...(agent === undefined ? {} : { userAgent: agent }),
    ...(target === undefined
      ? {}
      : {
          objectRef: {
            resource: target.plural,
            ...(namespace === undefined ? {} : { namespace }),
            ...(name === undefined ? {} : { name }),
            ...(group ? { apiGroup: group } : {}),
            apiVersion: target.version,
            ...(subresource === undefined ? {} : { subresource }),
          },
        }),
    responseStatus: {
      code,
      ...(trail.reason ? { reason: trail.reason } : {}),
      ...(trail.message ? { message: trail.message } : {}),
    },
    requestReceivedTimestamp: micro(trail.receivedAt),
    stageTimestamp: micro(now),
    annotations: { 'authorization.k8s.io/decision': refused ? 'forbid' : 'allow' },
  };
}

const auditUser = ({ name, groups }: User): AuditUser => ({ username: name, groups });
/** As metav1.MicroTime. */
const micro = (at: number): string => new Date(at).toISOString().replace('Z', '000Z');

export interface AuditFile {
  readonly write: AuditSink;
  close(): void;
}

const MOST_BYTES = 16 * 1024 * 1024;

/** Appends to `path`; a full file becomes `<path>.1`, in place of the one before. Lines are there when `write` returns. */
export function auditFile(path: string, mostBytes = MOST_BYTES): AuditFile {
  let file: { readonly fd: number; bytes: number } | undefined;
  const open = () => {
    const fd = openSync(path, 'a', 0o600);
    return (file = { fd, bytes: fstatSync(fd).size });
  };
  const close = () => {
    if (file) closeSync(file.fd);
    file = undefined;
  };
  return {
    write(event) {
      const line = Buffer.from(`${JSON.stringify(event)}\n`);
      let to = file ?? open();
      if (to.bytes > 0 && to.bytes + line.length > mostBytes) {
        close();
        renameSync(path, `${path}.1`);
        to = open();
      }
      to.bytes += writeSync(to.fd, line);
    },
    close,
  };
}
