import type { Release, ReleaseSource, ReleaseSpec } from '~/api/kinds';
import { API_VERSION } from '~/api/kinds';
import type { Act } from './act';

/** A Release as it is sent: the API server gives it a name. */
export interface NewRelease {
  apiVersion: string;
  kind: 'Release';
  metadata: { generateName: string; namespace: string };
  spec: ReleaseSpec;
}

export interface Order {
  namespace: string;
  app: string;
  environment: string;
  source: ReleaseSource;
  reason?: string;
  requestedBy?: string;
  expectedBase?: string;
  planOnly?: boolean;
}

/** Makes the Release for an order; what is not set is left out. */
export function newRelease(order: Order): NewRelease {
  const { namespace, app, environment, source, reason, requestedBy, expectedBase, planOnly } = order;
  return {
    apiVersion: API_VERSION,
    kind: 'Release',
    metadata: { generateName: `${app}.${environment}-`, namespace },
    spec: {
      app,
      environment,
      ...source,
      ...(reason?.trim() ? { reason: reason.trim() } : {}),
      ...(requestedBy ? { requestedBy } : {}),
      ...(expectedBase ? { expectedBase } : {}),
      ...(planOnly ? { planOnly } : {}),
    },
  };
}

/** Names what a release does, in one word. */
export function actionOf(spec: ReleaseSource & { planOnly?: boolean }): string {
  if (spec.planOnly) return 'plan';
  if (spec.rollbackTo) return 'rollback';
  if (spec.promoteFrom) return 'promote';
  return spec.adopt ? 'adopt' : 'release';
}

const PLAIN = /^[A-Za-z0-9@%+=:,./_-]+$/;

/** Quotes a word for a shell. */
export const quoted = (word: string) => (PLAIN.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`);

/** Returns the command of the CLI that does the same, or nothing where it needs a file. */
export function cliCommand(namespace: string, spec: ReleaseSpec): string | undefined {
  const words = wordsOf(spec);
  if (!words) return undefined;
  const reason = spec.reason ? ['--reason', spec.reason] : [];
  const base = spec.expectedBase && spec.artifact ? ['--expect-base', spec.expectedBase] : [];
  const plan = spec.planOnly && !spec.rollbackTo ? ['--plan-only'] : [];
  return ['gimlet', ...words, '-n', namespace, ...reason, ...base, ...plan].map(quoted).join(' ');
}

function wordsOf({ app, environment, artifact, promoteFrom, rollbackTo }: ReleaseSpec): string[] | undefined {
  if (artifact) return ['release', app, '-e', environment, '--artifact', artifact.name];
  if (promoteFrom) return ['promote', app, '--from', promoteFrom.environment, '--to', environment];
  const to = rollbackTo?.release ?? rollbackTo?.commit;
  return to ? ['rollback', app, '-e', environment, '--to', to] : undefined;
}

/** Returns the object that would make the same release again. */
export function again(release: Release): NewRelease {
  const { app, environment } = release.spec;
  const { cancel: _, confirm: __, set: ___, ...spec } = release.spec;
  const { namespace } = release.metadata;
  return {
    apiVersion: API_VERSION,
    kind: 'Release',
    metadata: { generateName: `${app}.${environment}-`, namespace },
    spec,
  };
}

/** Returns what opens the dialog for the same release once more: of one that did not come about, or only planned. */
export function actAgain({ metadata: { namespace }, spec, status }: Release): Act | undefined {
  const { app, environment, artifact, promoteFrom, rollbackTo } = spec;
  const ended = ['Failed', 'Rejected', 'Superseded', 'Cancelled'].includes(status?.phase ?? '');
  if (!ended && !spec.planOnly) return undefined;
  if (artifact)
    // The dialog offers what is in the namespace.
    return (artifact.namespace ?? namespace) === namespace
      ? { kind: 'release', namespace, app, environments: [environment], artifact: artifact.name }
      : undefined;
  if (promoteFrom)
    return { kind: 'promote', namespace, app, environments: [environment], from: promoteFrom.environment };
  const to = rollbackTo?.release ?? rollbackTo?.commit;
  return to ? { kind: 'rollback', namespace, app, environment, to } : undefined;
}

/** Returns a command for kubectl that makes objects, or brings them to what is written. */
export const kubectlApply = (yaml: string, context = '') =>
  `kubectl apply${context ? ` --context ${context}` : ''} -f - <<'EOF'\n${yaml.trimEnd()}\nEOF`;

/** Returns a command for kubectl that creates an object. */
export function kubectlCreate(namespace: string, yaml: string) {
  return `kubectl create -n ${quoted(namespace)} -f - <<'EOF'\n${yaml.trimEnd()}\nEOF`;
}
