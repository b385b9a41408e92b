/** What the wizard writes, and the commands that do the same. Tests compare it with what `gimlet env` makes. */

import { stringify } from 'yaml';
import { API_VERSION, type Environment } from '~/api/kinds';
import { kubectlApply, quoted } from '~/domain/releaseSpec';
import { type Draft, draftOf, isMadeByOperator, isSsh, type Way } from './draft';

export interface Plain {
  apiVersion: string;
  kind: string;
  type?: string;
  metadata: { name: string; namespace?: string; labels?: Record<string, string> };
  [field: string]: unknown;
}

export const namespaceOf = (name: string): Plain => ({ apiVersion: 'v1', kind: 'Namespace', metadata: { name } });

/** Stands for what is secret: it is sent, and shown nowhere. */
const HIDDEN = '…';

const KEYS: Record<Exclude<Way, 'there'>, string[]> = {
  token: ['username', 'password'],
  key: ['identity', 'known_hosts'],
  app: ['githubAppID', 'githubAppInstallationID', 'githubAppPrivateKey'],
};

const secretOf = (name: string, namespace: string, keys: readonly string[]): Plain => ({
  apiVersion: 'v1',
  kind: 'Secret',
  type: 'Opaque',
  metadata: { name, namespace },
  stringData: Object.fromEntries(keys.map((key) => [key, HIDDEN])),
});

/** How each key is given to kubectl: what is secret comes from a variable or a file. */
const GIVEN: Record<string, string> = {
  username: '--from-literal=username=git',
  password: '--from-literal=password="$GIMLET_GIT_TOKEN"',
  identity: '--from-file=identity=KEY',
  known_hosts: '--from-file=known_hosts',
  githubAppID: '--from-literal=githubAppID=ID',
  githubAppInstallationID: '--from-literal=githubAppInstallationID=ID',
  githubAppPrivateKey: '--from-file=githubAppPrivateKey=KEY.pem',
};

/** Returns the command that makes a Secret whose values are not shown. */
export function secretCommand({ metadata: { name, namespace = '' }, stringData }: Plain, context = ''): string {
  const keys = Object.keys(stringData as object).map((key) => GIVEN[key]);
  const cluster = context ? ` --context ${context}` : '';
  return `kubectl create secret generic ${quoted(name)} -n ${quoted(namespace)}${cluster} ${keys.join(' ')}`;
}

/** Returns the commands for kubectl that make objects; a Secret by one of its own, for its values are not here. */
export function kubectlFor(objects: readonly Plain[], context = ''): string {
  const plain = objects.filter(({ kind }) => kind !== 'Secret').map((object) => stringify(object));
  const secrets = objects.filter(({ kind }) => kind === 'Secret').map((secret) => secretCommand(secret, context));
  return [kubectlApply(plain.join('---\n'), context), ...secrets].join('\n');
}

/** Makes the Environment of a draft. */
export function environmentOf(draft: Draft): Plain {
  const { name, namespace, url, branch, whole, path, secret, pulls, provider, apiUrl, fluxNamespace } = draft;
  const made = isMadeByOperator(draft);
  return {
    apiVersion: API_VERSION,
    kind: 'Environment',
    metadata: { name, namespace },
    spec: {
      gitops: {
        url,
        branch,
        path: whole ? '' : path,
        secretRef: { name: secret },
        ...(made ? { createRepository: draft.public ? 'Public' : 'Private' } : {}),
        ...(pulls ? { push: 'PullRequest' } : {}),
        ...((pulls || made) && provider ? { provider } : {}),
        ...((pulls || made) && apiUrl ? { apiUrl } : {}),
      },
      flux: { namespace: fluxNamespace, secretRef: { name: secret } },
    },
  };
}

/** Lists what creating it writes, in that order. */
export function writtenBy(draft: Draft): Plain[] {
  const { name, namespace, secret, way } = draft;
  if (!name || !namespace) return [];
  return [
    namespaceOf(namespace),
    ...(way === 'there' ? [] : [secretOf(secret, namespace, KEYS[way])]),
    environmentOf(draft),
  ];
}

/** Returns the command that does all of it. */
export function createCommand(draft: Draft): string {
  const { name, namespace, url, branch, whole, path, secret, way, make, pulls, provider, apiUrl, fluxNamespace } =
    draft;
  const words = ['gimlet', 'env', 'create', name, '-n', namespace, '--repository', url];
  if (branch !== 'main') words.push('--branch', branch);
  if (whole) words.push('--repository-per-environment');
  else if (path !== name) words.push('--path', path);
  if (make) words.push('--create-repository');
  if (make && draft.public) words.push('--public');
  if (pulls) words.push('--pull-requests');
  if (provider && (pulls || make)) words.push('--provider', provider.toLowerCase());
  if (apiUrl && (pulls || make)) words.push('--api-url', apiUrl);
  if (secret !== `${name}-gitops`) words.push('--secret', secret);
  if (way === 'key') words.push('--ssh-key', 'KEY', '--known-hosts', 'known_hosts');
  if (fluxNamespace !== 'flux-system') words.push('--flux-namespace', fluxNamespace);
  const command = words.map(quoted).join(' ');
  if (way !== 'app') return command;
  // The command line makes no Secret of a GitHub App; one that is there stays as it is.
  return `${secretCommand(secretOf(secret, namespace, KEYS.app))}\n${command}`;
}

/** Returns the command that makes an environment as it is, which gives it other credentials. */
export function againCommand({ metadata: { name, namespace }, spec: { gitops, flux } }: Environment): string {
  const { url, branch, path = '', secretRef, push, provider, apiUrl } = gitops;
  const draft = draftOf({
    name,
    in: namespace,
    url,
    branch,
    path,
    whole: String(path === ''),
    secret: secretRef?.name,
    pulls: String(push === 'PullRequest'),
    provider,
    api: apiUrl,
    flux: flux?.namespace,
  });
  return createCommand(draft);
}

/** What connecting a cluster needs to know of an environment that is there. */
export interface Followed {
  name: string;
  namespace: string;
  url: string;
  branch: string;
  path: string;
  fluxNamespace: string;
  interval: string;
  secret?: string;
  /** Its objects are the usual ones, which can be shown here. */
  usual: boolean;
  elsewhere: boolean;
  reads: Draft['reads'];
  /** Address of this dashboard. */
  dashboard: string;
}

/** Reads what is needed of an Environment. */
export function followed(
  { metadata, spec }: Environment,
  { elsewhere, reads }: Pick<Draft, 'elsewhere' | 'reads'>,
  dashboard: string,
): Followed {
  return {
    name: metadata.name,
    namespace: metadata.namespace,
    url: spec.gitops.url,
    branch: spec.gitops.branch ?? 'main',
    path: spec.gitops.path ?? '',
    fluxNamespace: spec.flux?.namespace ?? 'flux-system',
    interval: spec.flux?.interval ?? '1m',
    usual: spec.flux?.kustomizationPerApp !== false && !spec.flux?.serviceAccountName,
    secret: spec.flux?.secretRef?.name,
    elsewhere: elsewhere || spec.observedBy === 'Agent',
    reads,
    dashboard,
  };
}

/** Writes an address as Flux takes it. */
const fluxUrl = (url: string) => (url.includes('://') ? url : `ssh://${url.replace(/:\/?/, '/')}`);

/** Lists what has to be in the workload cluster before Flux can read anything. */
export function connectedBy(environment: Followed): Plain[] {
  const { name, url, branch, path, fluxNamespace: namespace, interval, secret, usual } = environment;
  if (!usual) return [];
  const metadata = { name: `gimlet-${name}`, namespace, labels: { 'gimlet.io/environment': name } };
  return [
    namespaceOf(namespace),
    ...(secret ? [secretOf(secret, namespace, isSsh(url) ? KEYS.key : KEYS.token)] : []),
    {
      apiVersion: 'source.toolkit.fluxcd.io/v1',
      kind: 'GitRepository',
      metadata,
      spec: { interval, ref: { branch }, ...(secret ? { secretRef: { name: secret } } : {}), url: fluxUrl(url) },
    },
    {
      apiVersion: 'kustomize.toolkit.fluxcd.io/v1',
      kind: 'Kustomization',
      metadata,
      spec: {
        interval: '10m',
        path: path ? `./${path}/flux` : './flux',
        prune: true,
        retryInterval: '1m',
        sourceRef: { kind: 'GitRepository', name: metadata.name },
      },
    },
  ];
}

/** Lists the identity that the agent of an environment has in the cluster of the Environment. */
export function identityOf(environment: string, namespace: string): Plain[] {
  const name = `gimlet-agent-${environment}`;
  const labels = { 'app.kubernetes.io/part-of': 'gimlet', 'gimlet.io/environment': environment };
  const group = 'rbac.authorization.k8s.io';
  return [
    { apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name, namespace, labels } },
    {
      apiVersion: `${group}/v1`,
      kind: 'RoleBinding',
      metadata: { name, namespace, labels },
      roleRef: { apiGroup: group, kind: 'ClusterRole', name: 'gimlet-agent-identity' },
      subjects: [{ kind: 'ServiceAccount', name, namespace }],
    },
  ];
}

/** Returns the command that has Flux of a cluster follow the environment, with the agent where one is needed. */
export function connectCommand({ name, namespace, secret, elsewhere, reads, dashboard }: Followed): string {
  const words = ['gimlet', 'env', 'connect', name, '-n', namespace];
  if (elsewhere) words.push('--cluster-context', 'CONTEXT');
  if (secret && reads === 'copy') words.push('--copy-credentials');
  if (secret && reads === 'key') words.push('--deploy-key', '--known-hosts', 'known_hosts');
  if (elsewhere) words.push('--agent', dashboard);
  return words.map(quoted).join(' ');
}
