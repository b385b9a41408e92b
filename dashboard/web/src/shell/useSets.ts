import { useQueries } from '@tanstack/react-query';
import { get } from '~/api/http';
import { type List, pathOf, type ReleaseSet } from '~/api/kinds';

/** Namespaces that are asked at once; whoever sees more chooses one. */
const MOST = 12;

/** Reads the sets of namespaces while they are wanted, the newest first. What may not be read is not there. */
export function useSets(namespaces: readonly string[], wanted: boolean): ReleaseSet[] {
  const asked = [...new Set(namespaces)].sort().slice(0, MOST);
  return useQueries({
    queries: asked.map((namespace) => ({
      queryKey: ['sets', namespace],
      queryFn: () => get<List<ReleaseSet>>(pathOf('releasesets', namespace)),
      enabled: wanted,
      staleTime: 10_000,
      retry: false,
    })),
    combine: (answers) =>
      answers
        .flatMap(({ data }) => data?.items ?? [])
        .sort((a, b) => (b.metadata.creationTimestamp ?? '').localeCompare(a.metadata.creationTimestamp ?? '')),
  });
}
