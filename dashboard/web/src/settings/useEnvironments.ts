/** The Environments that the caller may see, with their settings. */

import { useQuery } from '@tanstack/react-query';
import { useSearch } from '@tanstack/react-router';
import { get } from '~/api/http';
import { type Environment, type List, pathOf } from '~/api/kinds';
import { readNamespaces } from '~/api/server';

async function readEnvironments(namespace: string | undefined): Promise<Environment[]> {
  const namespaces = namespace ? [namespace] : await readNamespaces();
  const lists = await Promise.all(namespaces.map((each) => get<List<Environment>>(pathOf('environments', each))));
  return lists
    .flatMap(({ items }) => items)
    .sort(({ metadata: a }, { metadata: b }) => a.namespace.localeCompare(b.namespace) || a.name.localeCompare(b.name));
}

export function useEnvironments() {
  const { ns } = useSearch({ strict: false });
  return useQuery({ queryKey: ['environments', ns], queryFn: () => readEnvironments(ns), staleTime: 30_000 });
}
