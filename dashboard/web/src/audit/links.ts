import { useQueries } from '@tanstack/react-query';
import type { Release } from '~/api/kinds';
import { readNamed } from '~/api/objects';
import { commitLinks } from '~/domain/links';
import { type LogEntry, releasesThatKnow } from './log';

/** Finds where the commits of the log are at their hosts, by one release of each environment that knows its own. */
export function useCommitLinks(entries: readonly LogEntry[]): (entry: LogEntry) => string | undefined {
  const known = releasesThatKnow(entries);
  return useQueries({
    queries: known.map(({ namespace, release }) => ({
      queryKey: ['commitLink', namespace, release],
      queryFn: async () => (await readNamed<Release>('releases', namespace, release)) ?? null,
      staleTime: Number.POSITIVE_INFINITY,
      retry: false,
    })),
    combine: (answers) => {
      const links = new Map(
        answers.flatMap(({ data }, index) => {
          const at = known[index];
          return at && data ? [[`${at.namespace}/${at.environment}`, commitLinks([data])] as const] : [];
        }),
      );
      return ({ namespace, environment, commit, denied }: LogEntry) =>
        denied ? undefined : links.get(`${namespace}/${environment}`)?.(commit);
    },
  });
}
