import { useQueries, useQuery } from '@tanstack/react-query';
import { get, sentence } from '~/api/http';
import { type List, pathOf, type Repository } from '~/api/kinds';
import { toReadRepositories, useRight } from '~/api/rights';
import { type Check, readStatuses } from '~/api/views';
import { isOf } from '~/domain/links';
import type { Candidate } from './candidates';

/** A check that is on its way is asked for again so often, in milliseconds. */
const OFTEN = 15_000;

/** Versions of which the host is asked at once: it costs it a request for each. */
const MOST = 20;

export interface Checks {
  /** Checks by the id of the version; one of which nothing is known is missing. */
  of: ReadonlyMap<string, readonly Check[]>;
  /** Why some are missing, as the host or the API server says it. */
  missing?: string;
}

/** Returns when checks are asked for again: of what is only on offer, one that is pending may be so for ever. */
export const nextLook = (chosen: boolean, checks: readonly Check[] | undefined): number | false =>
  chosen && checks?.some(({ state }) => state === 'Pending') ? OFTEN : false;

/** Finds how CI judged versions, as their host tells it; a version of no known repository has no checks. */
export function useChecks(namespace: string, candidates: readonly Candidate[], chosen: Candidate | undefined): Checks {
  const right = useRight(toReadRepositories(namespace));
  const repositories = useQuery({
    queryKey: ['repositories', namespace],
    queryFn: () => get<List<Repository>>(pathOf('repositories', namespace)),
    enabled: right.allowed,
    staleTime: 60_000,
  });
  const known = repositories.data?.items ?? [];
  const wanted = candidates.slice(0, MOST).flatMap(({ id, commit, repository }) => {
    const found = repository && known.find(({ spec }) => isOf(spec.url, repository));
    return commit && found ? [{ id, commit, repository: found.metadata.name }] : [];
  });
  return useQueries({
    queries: wanted.map(({ id, commit, repository }) => ({
      queryKey: ['statuses', namespace, repository, commit],
      queryFn: () => readStatuses(namespace, repository, commit),
      staleTime: OFTEN,
      retry: false,
      refetchInterval: ({ state }: { state: { data?: { items: Check[] } } }) =>
        nextLook(id === chosen?.id, state.data?.items),
    })),
    combine: (answers) => {
      const failed = answers.find(({ error }) => error)?.error ?? repositories.error;
      return {
        of: new Map(answers.flatMap(({ data }, index) => (data ? [[wanted[index]?.id ?? '', data.items]] : []))),
        missing:
          answers.find(({ data }) => data?.incomplete)?.data?.incomplete ?? (failed ? sentence(failed) : undefined),
      };
    },
  });
}
