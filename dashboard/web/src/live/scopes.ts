/** The scopes that pages follow, and how each is loaded where nothing is pushed. */

import { readRunning } from '~/api/agents';
import { get, Problem, withQuery } from '~/api/http';
import {
  type App,
  type Approval,
  type Environment,
  type List,
  pathOf,
  type Release,
  type Repository,
} from '~/api/kinds';
import { readDenials, readOverview } from '~/api/server';
import type { Entry } from './socket';
import { useFeed } from './useFeed';

const keyOf = (kind: string, object: { metadata: { namespace: string; name: string } }) =>
  `${kind}:${object.metadata.namespace}/${object.metadata.name}`;

const entry = <T extends { metadata: { namespace: string; name: string } }>(kind: string, value: T): Entry => ({
  key: keyOf(kind, value),
  value,
});

/** An object that is not there, or may not be read, is no reason to show nothing else. */
async function orNone<T>(wanted: Promise<T>, none: T): Promise<T> {
  try {
    return await wanted;
  } catch (error) {
    if (error instanceof Problem && (error.status === 404 || error.status === 403)) return none;
    throw error;
  }
}

/** Everything that the matrix shows: rows, environments, recent releases. */
export function useOverview(namespace: string | undefined) {
  return useFeed({ kind: 'overview', namespace }, async () => {
    const { rows, environments, releases } = await readOverview(namespace);
    return [
      ...rows.map((value) => ({ key: `row:${value.key}`, value })),
      ...environments.map((value) => ({ key: `env:${value.namespace}/${value.name}`, value })),
      ...releases.map((value) => ({ key: `rel:${value.namespace}/${value.name}`, value })),
    ];
  });
}

/** One app in one environment, its releases, and what an agent says of it. */
export function useAppScope(namespace: string, app: string, environment: string) {
  return useFeed({ kind: 'app', namespace, environment, name: app }, async () => {
    const releases = withQuery(pathOf('releases', namespace), {
      fieldSelector: `spec.app=${app},spec.environment=${environment}`,
    });
    const [found, list, { running }] = await Promise.all([
      get<App>(pathOf('apps', namespace, `${app}.${environment}`)),
      orNone(get<List<Release>>(releases), { items: [] }),
      orNone(readRunning(namespace, environment, app), { running: null }),
    ]);
    return [
      entry('app', found),
      ...list.items.map((release) => entry('release', release)),
      ...(running ? [{ key: `running:${namespace}/${app}.${environment}`, value: running }] : []),
    ];
  });
}

/** One release, and what people said of it. */
export function useReleaseScope(namespace: string, name: string) {
  return useFeed({ kind: 'release', namespace, name }, async () => {
    const approvals = withQuery(pathOf('approvals', namespace), { fieldSelector: `spec.release=${name}` });
    const [release, list] = await Promise.all([
      get<Release>(pathOf('releases', namespace, name)),
      orNone(get<List<Approval>>(approvals), { items: [] }),
    ]);
    return [entry('release', release), ...list.items.map((approval) => entry('approval', approval))];
  });
}

/** One repository: its newest commit, and a number that changes with its artifacts. */
export function useRepositoryScope(namespace: string, name: string) {
  return useFeed({ kind: 'repository', namespace, name }, async () => [
    entry('repository', await get<Repository>(pathOf('repositories', namespace, name))),
  ]);
}

/** What people were refused through this server: of others as far as the caller may see their releases. */
export function useDenials(namespace: string | undefined) {
  return useFeed({ kind: 'denials', namespace }, async () =>
    (await readDenials(namespace)).map((value) => ({ key: `denied:${value.id}`, value })),
  );
}

/** One environment, and its apps. */
export function useEnvironmentScope(namespace: string, name: string) {
  return useFeed({ kind: 'environment', namespace, name }, async () => {
    const apps = withQuery(pathOf('apps', namespace), { fieldSelector: `spec.environment=${name}` });
    const [environment, list] = await Promise.all([
      get<Environment>(pathOf('environments', namespace, name)),
      orNone(get<List<App>>(apps), { items: [] }),
    ]);
    return [entry('environment', environment), ...list.items.map((app) => entry('app', app))];
  });
}
