/** The scopes that pages follow, and how each is loaded where nothing is pushed. */

import { readAgent, readRunning } from '~/api/agents';
import { get, Problem, withQuery } from '~/api/http';
import {
  type App,
  type Approval,
  type ConfigChange,
  type Environment,
  type List,
  pathOf,
  type Release,
  type ReleaseSet,
  type Repository,
} from '~/api/kinds';
import { readNamed } from '~/api/objects';
import { readDenials, readNamespaces, readOverview } from '~/api/server';
import type { Entry } from './socket';
import { useFeed } from './useFeed';

const keyOf = (kind: string, object: { metadata: { namespace: string; name: string } }) =>
  `${kind}:${object.metadata.namespace}/${object.metadata.name}`;

const entry = <T extends { metadata: { namespace: string; name: string } }>(kind: string, value: T): Entry => ({
  key: keyOf(kind, value),
  value,
});

/** What is not there is no entry. */
const entryOf = <T extends { metadata: { namespace: string; name: string } }>(kind: string, found: T | undefined) =>
  found ? [entry(kind, found)] : [];

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
      readNamed<App>('apps', namespace, `${app}.${environment}`),
      orNone(get<List<Release>>(releases), { items: [] }),
      orNone(readRunning(namespace, environment, app), { running: null }),
    ]);
    return [
      ...entryOf('app', found),
      ...list.items.map((release) => entry('release', release)),
      ...(running ? [{ key: `running:${namespace}/${app}.${environment}`, value: running }] : []),
    ];
  });
}

/** One release, and what people said of it. */
export function useReleaseScope(namespace: string, name: string) {
  return useFeed({ kind: 'release', namespace, name }, async () => {
    const approvals = withQuery(pathOf('approvals', namespace), { fieldSelector: `spec.release=${name}` });
    const [found, list] = await Promise.all([
      readNamed<Release>('releases', namespace, name),
      orNone(get<List<Approval>>(approvals), { items: [] }),
    ]);
    return [...entryOf('release', found), ...list.items.map((approval) => entry('approval', approval))];
  });
}

/** Releases that are committed together, and each of them. */
export function useSetScope(namespace: string, name: string) {
  return useFeed({ kind: 'releaseset', namespace, name }, async () => {
    const found = await readNamed<ReleaseSet>('releasesets', namespace, name);
    if (!found) return [];
    const fieldSelector = `spec.environment=${found.spec.environment}`;
    const all = get<List<Release>>(withQuery(pathOf('releases', namespace), { fieldSelector }));
    const { items } = await orNone(all, { items: [] });
    const own = items.filter(({ spec }) => spec.set === name);
    return [entry('set', found), ...own.map((release) => entry('release', release))];
  });
}

/** One repository: its newest commit, and a number that changes with its artifacts. */
export function useRepositoryScope(namespace: string, name: string) {
  return useFeed({ kind: 'repository', namespace, name }, async () =>
    entryOf('repository', await readNamed<Repository>('repositories', namespace, name)),
  );
}

/** All repositories. */
export function useRepositories(namespace: string | undefined) {
  return useFeed({ kind: 'repositories', namespace }, async () => {
    const namespaces = namespace ? [namespace] : await readNamespaces();
    const lists = await Promise.all(namespaces.map((each) => get<List<Repository>>(pathOf('repositories', each))));
    return lists.flatMap(({ items }) => items).map((each) => entry('repository', each));
  });
}

/** What becomes of a change of a file; what is pushed of it is without the text of the file. */
export function useConfigChangeScope(namespace: string, name: string) {
  return useFeed({ kind: 'configchange', namespace, name }, async () =>
    entryOf('change', await readNamed<ConfigChange>('configchanges', namespace, name)),
  );
}

/** What people were refused through this server: of others as far as the caller may see their releases. */
export function useDenials(namespace: string | undefined) {
  return useFeed({ kind: 'denials', namespace }, async () =>
    (await readDenials(namespace)).map((value) => ({ key: `denied:${value.id}`, value })),
  );
}

/** One environment, its apps and its agent; where it is pushed, also how many releases wait for their place in git. */
export function useEnvironmentScope(namespace: string, name: string) {
  return useFeed({ kind: 'environment', namespace, name }, async () => {
    const apps = withQuery(pathOf('apps', namespace), { fieldSelector: `spec.environment=${name}` });
    const [found, list, { agent }] = await Promise.all([
      readNamed<Environment>('environments', namespace, name),
      orNone(get<List<App>>(apps), { items: [] }),
      orNone(readAgent(namespace, name), { agent: null }),
    ]);
    return [
      ...entryOf('environment', found),
      ...list.items.map((app) => entry('app', app)),
      ...(agent ? [{ key: `agent:${namespace}/${name}`, value: agent }] : []),
    ];
  });
}
