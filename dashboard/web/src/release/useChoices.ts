import { useQuery } from '@tanstack/react-query';
import { get, withQuery } from '~/api/http';
import { type App, type Artifact, type List, pathOf } from '~/api/kinds';
import { readHistory } from '~/api/views';
import type { Act } from '~/domain/act';
import { type Candidate, candidatesOf, handMade, pastOf } from './candidates';

export interface Choices {
  candidates: Candidate[];
  apps: App[];
  pending: boolean;
  error: unknown;
  again: () => void;
}

/** Artifacts carry their manifests: where the repository of the app is known, only its own are read. */
async function readArtifacts(namespace: string, known: string | undefined): Promise<List<Artifact>> {
  const repository = known
    ? await get<Artifact>(pathOf('artifacts', namespace, known)).then(
        ({ spec }) => spec.version.repository,
        () => undefined,
      )
    : undefined;
  const fieldSelector = repository && `spec.version.repository=${repository}`;
  return get<List<Artifact>>(withQuery(pathOf('artifacts', namespace), { fieldSelector, limit: 500 }));
}

/** Reads what an action can choose from: artifacts, or for a rollback the log of the app. */
export function useChoices(act: Act): Choices {
  const { namespace, app } = act;
  const apps = useQuery({
    queryKey: ['apps', namespace, app],
    queryFn: () => get<List<App>>(withQuery(pathOf('apps', namespace), { fieldSelector: `spec.app=${app}` })),
    staleTime: 0,
  });
  const known = apps.data?.items.find(({ status }) => status?.current?.artifact)?.status?.current?.artifact?.name;
  const artifacts = useQuery({
    queryKey: ['artifacts', namespace, known],
    queryFn: () => readArtifacts(namespace, known),
    enabled: (act.kind === 'release' || act.kind === 'promote') && !apps.isPending,
    staleTime: 0,
  });
  const fromLog = act.kind === 'rollback' || act.kind === 'adopt';
  const environment = fromLog ? act.environment : '';
  const history = useQuery({
    queryKey: ['history', namespace, environment, app],
    queryFn: () => readHistory(namespace, environment, { app, limit: 30 }),
    enabled: fromLog,
    staleTime: 0,
  });
  const found = apps.data?.items ?? [];
  const again = () => void Promise.all([apps.refetch(), fromLog ? history.refetch() : artifacts.refetch()]);
  if (fromLog) {
    const status = found.find(({ spec }) => spec.environment === environment)?.status;
    const entries = history.data?.items ?? [];
    // Who changed the folder by hand can be undone by going back to the newest release itself.
    const current = status?.drift?.git ? undefined : status?.current?.commit;
    const candidates = act.kind === 'adopt' ? [handMade(act.commit, entries)] : pastOf(entries, current, act.to);
    return { candidates, apps: found, pending: history.isPending || apps.isPending, error: history.error, again };
  }
  const candidates = candidatesOf(artifacts.data?.items ?? [], app, found);
  const pending = artifacts.isPending || apps.isPending;
  if (act.kind === 'promote') {
    const from = found.find(({ spec }) => spec.environment === act.from)?.status?.current;
    const known = candidates.find(({ id }) => id === from?.artifact?.name);
    const promoted: Candidate = {
      ...known,
      id: `from ${act.from}`,
      source: { promoteFrom: { environment: act.from } },
      version: from?.version ?? '?',
      message: known?.message,
      runsIn: [act.from],
    };
    return {
      candidates: from ? [promoted, ...candidates] : candidates,
      apps: found,
      pending,
      error: artifacts.error,
      again,
    };
  }
  return { candidates, apps: found, pending, error: artifacts.error, again };
}
