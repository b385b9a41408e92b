import { Select } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { useNavigate, useSearch } from '@tanstack/react-router';
import { readNamespaces } from '~/api/server';

const useNamespaces = () => useQuery({ queryKey: ['namespaces'], queryFn: readNamespaces, staleTime: 60_000 });

/** Returns the namespace that is shown: the one in the URL, else the only one there is. */
export function useNamespace(): string | undefined {
  const { ns } = useSearch({ strict: false });
  const { data } = useNamespaces();
  return ns ?? (data?.length === 1 ? data[0] : undefined);
}

/** Chooses the namespace that the lists show. */
export function NamespacePick() {
  const { ns } = useSearch({ strict: false });
  const { data = [] } = useNamespaces();
  const navigate = useNavigate();
  const names = ns && !data.includes(ns) ? [ns, ...data] : data;
  if (names.length < 2) return names[0] ? <span className="mono">{names[0]}</span> : null;
  return (
    <Select
      size="xs"
      w={150}
      aria-label="Namespace"
      placeholder="All namespaces"
      data={names}
      value={ns ?? null}
      clearable
      searchable
      onChange={(value) => void navigate({ to: '.', search: (old) => ({ ...old, ns: value ?? undefined }) })}
    />
  );
}
