/** Where the manifest of an app is: its repository, its file, and what the branch has in it. */

import { useQuery, useQueryClient } from '@tanstack/react-query';
import { Problem } from '~/api/http';
import type { App, Artifact, Repository } from '~/api/kinds';
import { readNamed } from '~/api/objects';
import { readSourceFiles, type SourceFile } from '~/api/views';
import { newsOf, pollOf } from '~/commits/commits';
import { isOf } from '~/domain/links';
import { useRepositories } from '~/live/scopes';
import { useFeedStatus, useValues } from '~/live/useFeed';
import { useRefetchOn } from '~/live/useRefetchOn';
import { findManifest } from './manifestText';

export interface Place {
  namespace: string;
  app: string;
  environment: string;
  /** What the URL says; the rest is found. */
  repository?: string;
  branch?: string;
  file?: string;
}

export interface Source {
  repositories: Repository[];
  repository: Repository | undefined;
  branch: string | undefined;
  files: SourceFile[];
  /** The path that is edited, and the file, where it is there. */
  path: string | undefined;
  file: SourceFile | undefined;
  /** The artifact that runs: its variables are those of a preview. */
  artifact: Artifact | undefined;
  pending: boolean;
  error: unknown;
  again: () => void;
  loadedAt: number;
}

/** Chooses the Repository of an app: the one that was named, that of its artifact, the only one, or one of its name. */
export function chosenOf(repositories: Repository[], place: Place, known: string | undefined): Repository | undefined {
  const { repository, app } = place;
  if (repository) return repositories.find(({ metadata }) => metadata.name === repository);
  const found = known ? repositories.find(({ spec }) => isOf(spec.url, known)) : undefined;
  const named = repositories.find(({ metadata }) => metadata.name === app);
  return found ?? named ?? (repositories.length === 1 ? repositories[0] : undefined);
}

/** What may not be read is no reason to show nothing. */
async function orNone<T>(wanted: Promise<T | undefined>): Promise<T | undefined> {
  try {
    return await wanted;
  } catch (error) {
    if (error instanceof Problem && error.status === 403) return undefined;
    throw error;
  }
}

async function readArtifact({ namespace, app, environment }: Place): Promise<Artifact | null> {
  const found = await orNone(readNamed<App>('apps', namespace, `${app}.${environment}`));
  const name = found?.status?.current?.artifact?.name;
  return (name && (await orNone(readNamed<Artifact>('artifacts', namespace, name)))) || null;
}

/** Reads all of it, and again whenever there is something new: who else changes the file is seen before anything is sent. */
export function useSource(place: Place): Source {
  const { namespace, app, environment, branch } = place;
  const queries = useQueryClient();
  const feed = useRepositories(namespace);
  const { loaded, problem } = useFeedStatus(feed);
  const repositories = useValues<Repository>(feed, 'repository:');
  const artifact = useQuery({
    queryKey: ['artifact of', namespace, app, environment],
    queryFn: () => readArtifact(place),
  });
  const known = artifact.data?.spec.version.repository;
  const repository = artifact.isPending ? undefined : chosenOf(repositories, place, known);
  const name = repository?.metadata.name;
  const files = useQuery({
    queryKey: ['source files', namespace, name, branch],
    queryFn: () => readSourceFiles(namespace, name ?? '', branch),
    enabled: name !== undefined,
    // Webhooks tell of every branch; without them only the head of the default branch is told.
    refetchInterval: repository && pollOf(repository),
    staleTime: 0,
  });
  useRefetchOn(repository && `${name} ${newsOf(repository)}`, () => {
    void queries.invalidateQueries({ queryKey: ['source files', namespace, name] });
  });
  const all = files.data?.files ?? [];
  const own = all.find(({ content }) => content && findManifest(content, app, environment));
  const path = place.file ?? own?.path;
  return {
    repositories,
    repository,
    branch: branch ?? repository?.status?.defaultBranch,
    files: all,
    path,
    file: all.find((file) => file.path === path),
    artifact: artifact.data ?? undefined,
    pending: (!loaded && !problem) || artifact.isPending || (name !== undefined && files.isPending),
    error: problem ?? artifact.error ?? files.error,
    again: () => void Promise.all([feed.reload(), artifact.refetch(), files.refetch()]),
    loadedAt: files.dataUpdatedAt,
  };
}
