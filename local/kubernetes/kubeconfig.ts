// A kubeconfig for one user of this server: CA and token inlined, so the file alone is enough for kubectl and clients.
export function renderKubeconfig(given: {
  readonly url: string;
  readonly caPem: string;
  readonly token: string;
  readonly user: string;
}): string {
  const { url, caPem, token, user } = given;
  return `apiVersion: v1
kind: Config
clusters:
  - name: spotlearn-local
    cluster:
      server: ${url}
      certificate-authority-data: ${Buffer.from(caPem).toString('base64')}
users:
  - name: ${user}
    user:
      token: ${token}
contexts:
  - name: spotlearn-local
    context:
      cluster: spotlearn-local
      user: ${user}
      namespace: default
current-context: spotlearn-local
`;
}
