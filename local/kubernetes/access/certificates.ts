// The server's TLS identity: a CA of its own and a certificate for 127.0.0.1 and localhost, made once and kept in the state
// folder, so that a kubeconfig written yesterday still works.
import { chmodSync, existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

export interface Certificates {
  /** What clients trust. */
  readonly caPem: string;
  /** The server's certificate followed by the CA's. */
  readonly certPem: string;
  readonly keyPem: string;
}

const YEARS_MS = 10 * 365 * 24 * 3600 * 1000;
const NAMES = [
  { type: 2, value: 'localhost' },
  { type: 7, ip: '127.0.0.1' },
] as const;

export async function loadCertificates(folder: string, now: number): Promise<Certificates> {
  const path = join(folder, 'tls.json');
  if (existsSync(path)) return JSON.parse(readFileSync(path, 'utf8')) as Certificates;
  const certificates = await makeCertificates(now);
  writeFileSync(`${path}.new`, JSON.stringify(certificates), { mode: 0o600 });
  chmodSync(`${path}.new`, 0o600);
  renameSync(`${path}.new`, path);
  return certificates;
}

async function makeCertificates(now: number): Promise<Certificates> {
  // Imported only when there is something to make: the package is heavy.
  const { generate } = await import('selfsigned');
  const validity = { notBeforeDate: new Date(now - 24 * 3600 * 1000), notAfterDate: new Date(now + YEARS_MS) };
  const ca = await generate([{ name: 'commonName', value: 'spotlearn-local-ca' }], {
    ...validity,
    keyType: 'ec',
    algorithm: 'sha256',
    extensions: [
      { name: 'basicConstraints', cA: true, critical: true },
      { name: 'keyUsage', keyCertSign: true, cRLSign: true, digitalSignature: true, critical: true },
    ],
  });
  const server = await generate([{ name: 'commonName', value: 'spotlearn-local-kubernetes' }], {
    ...validity,
    keyType: 'ec',
    algorithm: 'sha256',
    extensions: [
      { name: 'basicConstraints', cA: false },
      { name: 'keyUsage', digitalSignature: true, keyEncipherment: true },
      { name: 'extKeyUsage', serverAuth: true },
      { name: 'subjectAltName', altNames: [...NAMES] },
    ],
    ca: { key: ca.private, cert: ca.cert },
  });
  return { caPem: ca.cert, certPem: `${server.cert}\n${ca.cert}`, keyPem: server.private };
}
