import { queryOptions, useQueries } from '@tanstack/react-query';
import type { Artifact } from '~/api/kinds';
import { readNamed } from '~/api/objects';
import type { Commit } from '~/api/views';
import { isDeployable, isJudged } from './commits';

/** Reads an artifact: null where it is no longer there. What its policies came to stays, so it is read once. */
export const artifactQuery = (namespace: string, name: string) =>
  queryOptions({
    queryKey: ['artifact', namespace, name],
    queryFn: async () => (await readNamed<Artifact>('artifacts', namespace, name)) ?? null,
    staleTime: ({ state }) => (isJudged(state.data) ? Number.POSITIVE_INFINITY : 0),
  });

export interface Deployable {
  /** Names of the artifacts that can be released to an environment that is seen. */
  names: ReadonlySet<string>;
  pending: boolean;
  error: unknown;
  again: () => void;
}

/** Finds out which artifacts of commits can be released. They are read only while somebody wants to know. */
export function useDeployable(
  namespace: string,
  commits: readonly Commit[],
  environments: readonly string[],
  wanted: boolean,
): Deployable {
  const names = wanted
    ? [...new Set(commits.flatMap(({ artifacts }) => artifacts?.map(({ name }) => name) ?? []))]
    : [];
  return useQueries({
    queries: names.map((name) => artifactQuery(namespace, name)),
    combine: (answers) => ({
      names: new Set(names.filter((_, index) => isDeployable(answers[index]?.data, environments))),
      pending: answers.some(({ isPending }) => isPending),
      error: answers.find(({ error }) => error)?.error,
      again: () => {
        for (const { error, refetch } of answers) if (error) void refetch();
      },
    }),
  });
}
